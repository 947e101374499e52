/** A fleet on a clock of its own, made through the public door. */
import { env } from 'cloudflare:test';
import type { Scope } from '../../../shared/grid/intensity.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';
import type { DeviceReport, EnrollReply, InventoryPart } from '../../../shared/wire/ingest.ts';
import { storeValues } from '../../../worker/storage/grid-writes.ts';
import { clockedApi } from '../support/clocked-api.ts';
import { host } from '../support/enrolment.ts';

export const WINDOW_MS = 300_000;
export const HOUR_MS = 3_600_000;
/** The day of the recorded excerpt in test/fixtures/grid-history. */
export const DAY_MS = Date.UTC(2024, 4, 17);
/** US-CAL-CISO, lifecycle, hours 0 to 3 of that day. */
export const RECORDED_GRAMS_PER_KWH = [79.94, 111.98, 169.03, 182.31];
export const H100 = 'NVIDIA H100 80GB HBM3';

export const database = (env as unknown as { DB: D1Database }).DB;
export const clock = clockedApi(DAY_MS);

export async function ask<T>(method: string, path: string, body?: unknown, token?: string): Promise<T> {
  const response = await clock.call(method, path, body, token);
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/** Measured hours from the start of the day. */
export async function storeHours(
  gridZone: string,
  hours: readonly number[],
  scope: Scope = 'consumption',
): Promise<void> {
  await storeValues(
    database,
    { gridZone, basis: 'lifecycle', signal: 'average', scope, provider: 'recorded' },
    hours.map((value, i) => ({
      startMs: epochMs(DAY_MS + i * HOUR_MS),
      endMs: epochMs(DAY_MS + (i + 1) * HOUR_MS),
      gramsPerKwh: gramsPerKwh(value),
      kind: 'measured' as const,
      method: null,
      issuedAtMs: null,
    })),
    DAY_MS,
  );
}

/** The site `waw`, of PUE 1 in a zone of 600 g/kWh in each hour of so many days from the start of the day. */
export async function steadySite(days = 1): Promise<void> {
  await storeHours(
    'PL',
    Array.from({ length: days * 24 }, () => 600),
  );
  await ask('POST', '/v1/sites', { id: 'waw', gridZone: 'PL', pueRatio: 1 });
}

export async function newNode(hostname: string, site: string): Promise<EnrollReply> {
  const key = { label: hostname, site, maxUses: null };
  const { key: secret } = await ask<{ key: string }>('POST', '/v1/enrolment-keys', key);
  return ask('POST', '/v1/enroll', host(hostname), secret);
}

export const gpu = (id: string, energyMillijoules: number, rest: Partial<DeviceReport> = {}) => ({
  id,
  type: 'gpu',
  name: H100,
  meteredMilliseconds: WINDOW_MS,
  energyMillijoules,
  kind: 'counter',
  ...rest,
});

/** Sends one report for each window from the start of the day; null leaves a window out. */
export async function report(
  token: string,
  windows: readonly (readonly object[] | null)[],
  parts?: readonly InventoryPart[],
): Promise<void> {
  const reports = windows.flatMap((devices, i) =>
    devices === null
      ? []
      : [
          {
            windowStartMs: DAY_MS + i * WINDOW_MS,
            epoch: 'epoch0001',
            revision: 1,
            final: true,
            devices,
            jobs: [],
          },
        ],
  );
  const inventory = parts && { hostname: 'host', kernel: '6.8', productName: '', parts };
  await ask(
    'POST',
    '/v1/ingest',
    { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports, inventory },
    token,
  );
}
