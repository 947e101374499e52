/** A node that burns power in dirty hours, from its reports to the receiver of a webhook, on a clock that the test sets. */
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { enrolHost } from './fleet.ts';
import { type Harness, startHarness } from './harness.ts';
import { answering, type Receiver, startReceiver } from './receivers.ts';

const HOUR_MS = 3_600_000;
const WINDOW_MS = 300_000;
const DAY_MS = Date.UTC(2026, 4, 17);
/** 8 GPUs of 650 W. */
const GPU_MILLIJOULES = 650 * WINDOW_MS;

let harness: Harness;
let receiver: Receiver;

beforeAll(async () => {
  harness = await startHarness({ bindings: { ALERT_TARGETS_ALLOW_LOOPBACK: 'true' } });
  receiver = await startReceiver(answering(204));
});

afterAll(async () => {
  vi.useRealTimers();
  await receiver.stop();
  await harness.stop();
});

const point = (startMs: number, lengthMs: number, gramsPerKwh: number) => ({
  start: new Date(startMs).toISOString(),
  end: new Date(startMs + lengthMs).toISOString(),
  gramsPerKwh,
});

/** A month between 180 and 226 g/kWh by the hour of the day; then a day that is dirty from 01:00 to 03:00. */
function intensity() {
  const points = [];
  for (let ms = DAY_MS - 31 * 24 * HOUR_MS; ms < DAY_MS + HOUR_MS; ms += HOUR_MS)
    points.push(point(ms, HOUR_MS, 180 + 2 * ((ms / HOUR_MS) % 24)));
  // It trembles: for ten minutes of every half hour it falls between the two thresholds.
  for (let ms = DAY_MS + HOUR_MS; ms < DAY_MS + 3 * HOUR_MS; ms += WINDOW_MS)
    points.push(point(ms, WINDOW_MS, (ms / WINDOW_MS) % 6 < 2 ? 225 : 600));
  for (let ms = DAY_MS + 3 * HOUR_MS; ms < DAY_MS + 6 * HOUR_MS; ms += HOUR_MS)
    points.push(point(ms, HOUR_MS, 190));
  return points;
}

test('one firing and one resolved reach the receiver, with what a person needs', async () => {
  await harness.setClock(DAY_MS);
  await harness.api('POST', '/v1/sites', { id: 'berlin', gridZone: 'DE', pueRatio: 1.2 });
  await harness.api('PUT', '/v1/grid/DE/intensity', {
    basis: 'lifecycle',
    signal: 'average',
    points: intensity(),
  });
  const key = { label: 'k', site: 'berlin', maxUses: 1 };
  const node = await enrolHost(
    harness,
    (await harness.api<{ key: string }>('POST', '/v1/enrolment-keys', key)).key,
    'trainer',
  );
  const settings = { url: receiver.url };
  const { secret } = await harness.api<{ secret: string }>('POST', '/v1/alert-channels', {
    id: 'ops',
    type: 'webhook',
    settings,
  });
  const rule = {
    kind: 'dirtyHours',
    name: 'Dirty hours',
    filter: 'site:berlin',
    abovePowerWatts: 3_000,
    channelIds: ['ops'],
  };
  await harness.api('POST', '/v1/alert-rules', rule);

  for (let startMs = DAY_MS; startMs < DAY_MS + 4 * HOUR_MS; startMs += WINDOW_MS) {
    const nowMs = startMs + WINDOW_MS + 30_000;
    await harness.setClock(nowMs);
    await report(node.token, startMs, nowMs);
    const minute = (startMs - DAY_MS) / 60_000;
    // Runs are missed for half an hour in the middle, and doubled and side by side at other times.
    if (minute > 65 && minute < 95) continue;
    await harness.tick();
    if (minute % 15 === 0) await Promise.all([harness.tick(), harness.tick()]);
  }

  expect(receiver.received).toHaveLength(2);
  const { alerts } = await harness.api<{ alerts: Record<string, unknown>[] }>('GET', '/v1/alerts');
  expect(alerts).toHaveLength(1);
  const [alert] = alerts;
  expect(alert).toMatchObject({
    ruleName: 'Dirty hours',
    gridZone: 'DE',
    state: 'resolved',
    startedAt: '2026-05-17T01:10:00.000Z',
    endedAt: '2026-05-17T03:00:00.000Z',
    notified: true,
    corrections: [],
  });
  vi.useFakeTimers({ toFake: ['Date'] });
  const verified = receiver.received.map(({ headers, body }) => {
    vi.setSystemTime(Number(headers['webhook-timestamp']) * 1_000);
    return new Webhook(secret).verify(body, headers as Record<string, string>);
  });
  expect(verified).toMatchObject([
    {
      type: 'alert.firing',
      data: { id: `${alert!.id}:firing`, ruleName: 'Dirty hours', fields: { gridZone: 'DE' } },
    },
    { type: 'alert.resolved', data: { id: `${alert!.id}:resolved`, endsAt: '2026-05-17T03:00:00.000Z' } },
  ]);
  const [firing, resolved] = verified as { data: { summary: string; text: string } }[];
  expect(firing!.data.summary).toMatch(
    /^site:berlin draws 5\.2 kW in DE at \d+ gCO2eq\/kWh, [\d.]+ times its usual$/,
  );
  expect(firing!.data.text).toContain('the median of its last 30 days is 202 gCO2eq/kWh');
  expect(firing!.data.text).toContain('This rule calls it dirty above 232 gCO2eq/kWh.');
  expect(resolved!.data.text).toContain('Over it site:berlin used 9.5 kWh');
});

async function report(token: string, windowStartMs: number, sentAtMs: number): Promise<void> {
  const devices = Array.from({ length: 8 }, (_, i) => ({
    id: `GPU-${i}`,
    type: 'gpu',
    name: 'NVIDIA H100 80GB HBM3',
    meteredMilliseconds: WINDOW_MS,
    energyMillijoules: GPU_MILLIJOULES,
    kind: 'counter',
  }));
  const reports = [{ windowStartMs, epoch: 'epoch0001', revision: 1, final: true, devices, jobs: [] }];
  const response = await fetch(`${harness.url}/v1/ingest`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ version: 1, sentAtMs, agentVersion: 'e2e', reports }),
  });
  expect(response.status).toBe(200);
}
