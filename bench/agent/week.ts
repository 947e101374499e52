/**
 * A week of the agent in about a minute: its real meter, store and shipper on a clock that does not wait. Run as a process
 * of its own with --expose-gc; prints its memory twelve times a day, as JSON lines.
 */
import { join } from 'node:path';
import { createHttpClient } from '../../agent/http/http-client.ts';
import { createReplayClock } from '../../agent/replay/replay-clock.ts';
import { createAgentLoop } from '../../agent/run/agent-loop.ts';
import { agentHealth } from '../../agent/run/health.ts';
import { newEpoch } from '../../agent/run/new-epoch.ts';
import { encodeSeriesForWire } from '../../agent/run/series-encoder.ts';
import { createShipper } from '../../agent/ship/shipper.ts';
import { openStore } from '../../agent/store/open-store.ts';
import type { Meter, Reading } from '../../shared/metering/reading.ts';
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import { monotonicMs, ratio, watts } from '../../shared/units.ts';
import { memoryOf } from './process-use.ts';

const DAYS = 7;
const LOOK_EVERY_MS = 2 * HOUR_MS;
const GPUS = 8;
const STEP_MS = 1_000;
const SHIP_EVERY_MS = 60_000;
const MEAN_WATTS = 640;

const [stateDir = '', url = '', caFile = ''] = process.argv.slice(2);
const startMs = Date.UTC(2026, 0, 5);
const clock = createReplayClock(startMs);
const meters: Meter[] = Array.from({ length: GPUS }, (_, index) => ({
  id: `nvml:GPU-${index}`,
  sensor: 'nvml',
  deviceId: `GPU-${index}`,
  deviceType: 'gpu',
  deviceName: 'NVIDIA H100 80GB HBM3',
  scope: 'device',
  powerKind: 'integrated',
  maxPlausibleWatts: watts(2_500),
}));

const store = await openStore(join(stateDir, 'spool'));
const inventory = { hostname: 'week', kernel: '', productName: '', parts: [] };
const shipper = createShipper({
  store,
  clock,
  http: createHttpClient({ agentVersion: 'bench', environment: {}, caFile }),
  url,
  token: 'wsk_bench_token',
  nodeId: 'bench',
  agentVersion: 'bench',
  random: () => 0.5,
  inventory: () => inventory,
  health: () => agentHealth(store.stats(), []),
  onServerTime: () => {},
  log: (line) => console.error(line),
});

const end = new AbortController();
let shipAtMs = startMs + SHIP_EVERY_MS;
let lookAtMs = startMs + LOOK_EVERY_MS;
const loop = createAgentLoop({
  clock: { ...clock, sleepUntil: advance },
  store,
  sensors: { meters, read: async () => readings() },
  bootId: 'bench',
  newEpoch,
  wallAt: (atMs) => atMs,
  encodeSeries: encodeSeriesForWire,
  readEveryMilliseconds: STEP_MS,
});
await loop.run(end.signal);
await store.close();

/** Counters, and powers that swing as training steps do. */
function readings(): Reading[] {
  const nowMs = clock.monotonicNow();
  const seconds = (nowMs - startMs) / 1_000;
  return meters.map((meter, index) => ({
    meterId: meter.id,
    atMs: nowMs,
    counter: {
      value: Math.floor(seconds * MEAN_WATTS * 1_000),
      unitsPerMillijoule: 1,
      wrapsAt: null,
      identity: 'driver',
    },
    powerWatts: watts(MEAN_WATTS + 40 * Math.sin((seconds + index) / 1.7) + 15 * Math.sin(seconds * 11.3)),
    utilizationRatio: ratio(0.97),
  }));
}

async function advance(deadline: number): Promise<void> {
  if (clock.wallNow() >= shipAtMs) {
    await loop.commit();
    await shipper.shipOnce();
    shipAtMs += SHIP_EVERY_MS;
  }
  if (clock.wallNow() >= lookAtMs) {
    globalThis.gc?.();
    console.log(JSON.stringify(memoryOf(process.pid)));
    lookAtMs += LOOK_EVERY_MS;
    if (lookAtMs > startMs + DAYS * DAY_MS) end.abort();
  }
  clock.advanceTo(monotonicMs(deadline));
}
