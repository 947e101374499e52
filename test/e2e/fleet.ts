/** Hosts that run the real agent - meter, durable state, spool, shipping - on a replay's clock against a real server. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enroll } from '../../agent/enroll/enroll.ts';
import { createHttpClient, type HttpRequest } from '../../agent/http/http-client.ts';
import { createReplayClock, type ReplayClock } from '../../agent/replay/replay-clock.ts';
import { type ReplayResult, runReplay } from '../../agent/replay/run-replay.ts';
import { createTraceSource } from '../../agent/replay/trace-source.ts';
import type { ReadingSource } from '../../agent/run/agent-loop.ts';
import { newEpoch } from '../../agent/run/new-epoch.ts';
import { encodeSeriesForWire } from '../../agent/run/series-encoder.ts';
import { createShipper } from '../../agent/ship/shipper.ts';
import { openStore } from '../../agent/store/open-store.ts';
import type { Inventory } from '../../shared/wire/ingest.ts';
import type { Harness } from './harness.ts';
import type { Sample } from './trace.ts';

const http = createHttpClient({ agentVersion: 'e2e', environment: {} });

export const ZONE = 'US-CAL-CISO';

/** Hourly intensity of the day of the run, gCO2eq/kWh, by start of the hour. */
export function recordedIntensity(): Map<number, { lifecycle: number; direct: number }> {
  const text = readFileSync(
    new URL('../fixtures/grid-history/us-cal-ciso-2024-05-17.csv', import.meta.url),
    'utf8',
  );
  const rows = text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','));
  return new Map(
    rows.map(([start, lifecycle, direct]) => [
      Date.parse(start!),
      { lifecycle: Number(lifecycle), direct: Number(direct) },
    ]),
  );
}

/** A site in the run's zone with its recorded series, and a key for its hosts. */
export async function prepareSite(harness: Harness, pueRatio: number): Promise<string> {
  await harness.api('POST', '/v1/sites', { id: 'san-jose', gridZone: ZONE, pueRatio });
  for (const basis of ['lifecycle', 'direct'] as const) {
    const points = [...recordedIntensity()].map(([startMs, grams]) => ({
      start: new Date(startMs).toISOString(),
      end: new Date(startMs + 3_600_000).toISOString(),
      gramsPerKwh: grams[basis],
    }));
    await harness.api('PUT', `/v1/grid/${ZONE}/intensity`, { basis, signal: 'average', points });
  }
  const { key } = await harness.api<{ key: string }>('POST', '/v1/enrolment-keys', {
    label: 'fleet',
    site: 'san-jose',
    maxUses: null,
  });
  return key;
}

export interface Host {
  readonly nodeId: string;
  readonly token: string;
}

export async function enrolHost(harness: Harness, key: string, hostname: string): Promise<Host> {
  const machineFingerprint = createHash('sha256').update(hostname).digest('hex');
  const body = { hostname, machineFingerprint, fingerprint: machineFingerprint, agentVersion: 'e2e' };
  return enroll({ http, url: harness.url, key, body });
}

/** Eight H100, two CPUs, 2 TiB of memory, disks: what such a host tells of its hardware. */
export function h100Inventory(hostname: string): Inventory {
  const gpus = Array.from({ length: 8 }, (_, index) => ({
    id: `GPU-${hostname}-${index}`,
    type: 'gpu' as const,
    name: 'NVIDIA H100 80GB HBM3',
  }));
  const cpus = [0, 1].map((socket) => ({
    id: `cpu-${socket}`,
    type: 'cpu' as const,
    name: 'Intel(R) Xeon(R) Platinum 8480C',
    cores: 56,
  }));
  const disk = { id: 'nvme-0', type: 'ssd' as const, name: 'SAMSUNG MZWLO3T8', capacityBytes: 3.84e12 };
  return {
    hostname,
    kernel: '5.15.0',
    productName: 'SYS-821GE-TNHR',
    parts: [
      ...gpus,
      ...cpus,
      { id: 'memory', type: 'memory', name: 'installed memory', capacityBytes: 2 * 2 ** 40 },
      disk,
    ],
  };
}

/** Lets the clocks of many hosts pass together, and the server's with them: all wait until all are there. */
export function createLockstep(harness: Harness, hosts: number) {
  let running = hosts;
  let waiting: (() => void)[] = [];
  let serverMinute = 0;
  async function release(toMs: number): Promise<void> {
    if (waiting.length < running) return;
    const minute = Math.floor(toMs / 60_000);
    const released = waiting;
    waiting = [];
    if (minute !== serverMinute) {
      serverMinute = minute;
      await harness.setClock(toMs);
    }
    for (const go of released) go();
  }
  return {
    async beforeAdvance(toMs: number): Promise<void> {
      const turn = new Promise<void>((resolve) => waiting.push(resolve));
      await release(toMs);
      await turn;
    },
    async leave(atMs: number): Promise<void> {
      running--;
      await release(atMs);
    },
  };
}

export interface HostRun {
  readonly harness: Harness;
  readonly host: Host;
  readonly hostname: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly sensors: (clock: ReplayClock) => ReadingSource;
  /** Default: a fresh one. */
  readonly stateDir?: string;
  readonly beforeAdvance?: (toMs: number) => Promise<void>;
  /** Every request body that was sent, in order. */
  readonly sent?: { readonly token: string; readonly body: Uint8Array }[];
  readonly bootId?: string;
}

export function newStateDir(): string {
  return mkdtempSync(join(tmpdir(), 'wattshed-host-'));
}

/** Runs one host's agent from start to end and sends all that it has. */
export async function runHost(run: HostRun): Promise<ReplayResult> {
  const clock = createReplayClock(run.startMs);
  const store = await openStore(join(run.stateDir ?? newStateDir(), 'spool'));
  try {
    const shipper = createShipper({
      store,
      clock,
      http: { request: (request) => http.request(recorded(request, run)) },
      url: run.harness.url,
      token: run.host.token,
      nodeId: run.host.nodeId,
      agentVersion: 'e2e',
      random: () => 0.5,
      inventory: () => h100Inventory(run.hostname),
      health: () => ({
        sensors: [],
        spoolBytes: 0,
        spoolReports: 0,
        droppedSeries: 0,
        droppedReports: 0,
        damagedRecords: 0,
      }),
      onServerTime: () => {},
      log: () => {},
    });
    return await runReplay({
      clock,
      store,
      shipper,
      sensors: run.sensors(clock),
      newEpoch,
      encodeSeries: encodeSeriesForWire,
      isOver: () => clock.wallNow() >= run.endMs,
      ...(run.bootId === undefined ? {} : { bootId: run.bootId }),
      ...(run.beforeAdvance === undefined ? {} : { beforeAdvance: run.beforeAdvance }),
    });
  } finally {
    await store.close();
  }
}

function recorded(request: HttpRequest, run: HostRun): HttpRequest {
  if (request.body !== undefined) run.sent?.push({ token: run.host.token, body: request.body });
  return request;
}

/** A node meter that returns the trace's samples as they come due. */
export function nodeMeter(samples: readonly Sample[], name: string): (clock: ReplayClock) => ReadingSource {
  return (clock) =>
    createTraceSource({
      rows: samples
        .map((sample) => ({
          atMs: sample.atMs,
          deviceIndex: 0,
          deviceName: name,
          powerWatts: sample.powerWatts,
        }))
        [Symbol.iterator](),
      clock,
      deviceType: 'other',
      scope: 'node',
    });
}

/** Sends a recorded body again, as it was. */
export async function sendAgain(
  harness: Harness,
  token: string,
  body: Uint8Array,
): Promise<{ accepted: number; unchanged: number; quarantined: unknown[] }> {
  const reply = await http.request({
    method: 'POST',
    url: `${harness.url}/v1/ingest`,
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      'Content-Encoding': 'gzip',
    },
    body,
  });
  if (reply.status !== 200) throw new Error(`${reply.status}: ${reply.body}`);
  return JSON.parse(reply.body.toString('utf8'));
}

/** Sends recorded bodies again, a few at a time, as a fleet does. */
export async function sendAll(
  harness: Harness,
  bodies: readonly { readonly token: string; readonly body: Uint8Array }[],
  onReply: (reply: Awaited<ReturnType<typeof sendAgain>>) => void = () => {},
): Promise<void> {
  const queue = bodies[Symbol.iterator]();
  const sender = async () => {
    for (const { token, body } of queue) onReply(await sendAgain(harness, token, body));
  };
  await Promise.all(Array.from({ length: 8 }, sender));
}

/** Deterministic shuffle: the same seed, the same order. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const list = [...items];
  let state = seed;
  for (let i = list.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const j = state % (i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}

/** The totals of an emissions object that these tests look at. */
export interface Emissions {
  readonly totals: {
    readonly energyKwh: number;
    readonly facilityEnergyKwh: number;
    readonly operationalGrams: number;
    readonly embodiedGrams: number;
    readonly totalGrams: number;
    readonly coverage: number;
    readonly recovered: number;
    readonly nodesExpected: number;
    readonly nodesReporting: number;
    readonly energyKinds: Record<string, number>;
    readonly gridKinds: Record<string, number>;
    readonly energyKwhByDevice: Record<string, number>;
  };
  readonly groups: readonly (Emissions['totals'] & { readonly key: string })[];
}
