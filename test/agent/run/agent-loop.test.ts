/** The loop on a clock of the test's own, with the real store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Clock } from '../../../agent/clock.ts';
import { type AgentLoop, type AgentLoopOptions, createAgentLoop } from '../../../agent/run/agent-loop.ts';
import { runShipLoop } from '../../../agent/run/ship-loop.ts';
import type { DurableStore } from '../../../agent/store/durable-store.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import { allocationOf } from '../../../shared/metering/allocation.ts';
import type { MeterState } from '../../../shared/metering/meter-state.ts';
import { epochMs, monotonicMs } from '../../../shared/units.ts';
import type { WindowReport } from '../../../shared/wire/ingest.ts';
import { counter, gpu, reading, START_MS } from '../../shared/metering/support.ts';

let folder: string;
let stores = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'wattshed-loop-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const newStore = () => openStore(join(folder, `store-${stores++}`));

/** Sleeping moves it; the test says what happens at each instant. */
function sleepingClock(at: (nowMs: number) => void): Clock & { nowMs: number } {
  const clock = {
    nowMs: 0,
    monotonicNow: () => monotonicMs(clock.nowMs),
    wallNow: () => epochMs(START_MS + clock.nowMs),
    async sleepUntil(deadline: number) {
      clock.nowMs = Math.max(clock.nowMs, deadline);
      at(clock.nowMs);
    },
  };
  return clock;
}

interface Trial {
  readonly untilMs: number;
  readonly store: DurableStore;
  /** Time that a read takes at an instant. */
  readonly readTakes?: (nowMs: number) => number;
  readonly bootId?: string;
  readonly epoch?: string;
  readonly options?: Partial<AgentLoopOptions>;
}

async function runLoop({
  untilMs,
  store,
  readTakes = () => 0,
  bootId = 'boot',
  epoch = 'epochnew',
  options,
}: Trial) {
  const stop = new AbortController();
  const reads: number[] = [];
  const clock = sleepingClock((nowMs) => {
    if (nowMs >= untilMs) stop.abort();
  });
  const loop = createAgentLoop({
    clock,
    store,
    sensors: {
      meters: [gpu()],
      async read() {
        const atMs = clock.nowMs;
        reads.push(atMs);
        clock.nowMs += readTakes(atMs);
        return [reading('nvml:GPU-0', atMs, { power: 500 })];
      },
    },
    bootId,
    newEpoch: () => epoch,
    wallAt: (atMs) => START_MS + atMs,
    encodeSeries: (samples) => JSON.stringify(samples),
    readEveryMilliseconds: 1000,
    ...options,
  });
  await loop.run(stop.signal);
  return { reads, loop };
}

describe('ticks', () => {
  test('stand at fixed instants, however long a read takes', async () => {
    const store = await newStore();
    const { reads } = await runLoop({ untilMs: 5_000, store, readTakes: () => 300 });
    expect(reads).toEqual([0, 1000, 2000, 3000, 4000, 5000]);
    await store.close();
  });

  test('that were missed are skipped, never made up for in a burst', async () => {
    const store = await newStore();
    const { reads } = await runLoop({
      untilMs: 8_000,
      store,
      readTakes: (nowMs) => (nowMs === 2000 ? 3_400 : 0),
    });
    expect(reads).toEqual([0, 1000, 2000, 6000, 7000, 8000]);
    await store.close();
  });
});

test('the first reading is durable at once, reports after three seconds, then at least every ten, and at the end', async () => {
  const store = await newStore();
  const commits: number[] = [];
  const { loop } = await runLoop({
    untilMs: 25_500,
    store,
    options: { onReports: ([report]) => commits.push(report?.devices[0]?.meteredMilliseconds ?? 0) },
  });
  // What each commit covers, in milliseconds of metered time.
  expect(commits).toEqual([0, 3000, 13_000, 23_000, 26_000]);
  await loop.firstReport;
  expect(store.pending()).toMatchObject([{ windowStartMs: START_MS, epoch: 'epochnew', revision: 4 }]);
  await store.close();
});

test('after a suspend the jobs are looked at before the readings that tell of it', async () => {
  const store = await newStore();
  const done: string[] = [];
  const stop = new AbortController();
  const clock = sleepingClock((nowMs) => {
    if (nowMs === 2_000) clock.nowMs += 3_600_000;
    if (nowMs > 3_600_000) stop.abort();
  });
  const loop = createAgentLoop({
    clock,
    store,
    sensors: {
      meters: [gpu()],
      async read() {
        done.push('read');
        return [];
      },
    },
    jobs: {
      turn: () => done.push('look'),
      settled: async () => {
        await Promise.resolve();
        done.push('seen');
      },
      take: () => null,
    },
    bootId: 'boot',
    newEpoch: () => 'epochone',
    wallAt: (atMs) => START_MS + atMs,
    encodeSeries: () => '',
    readEveryMilliseconds: 1000,
  });
  await loop.run(stop.signal);
  expect(done.join(' ')).toMatch(/^look read look read look seen read (look read ?)+$/);
  await store.close();
});

test('it is ready with its first tick: by then what the counters said while it was gone is booked and durable', async () => {
  const directory = join(folder, 'restarted');
  let loop: AgentLoop;
  const life = async (fromMs: number, ticks: number) => {
    const store = await openStore(directory);
    const stop = new AbortController();
    const seen: string[] = [];
    const durable: number[] = [];
    const clock = sleepingClock(() => {});
    clock.nowMs = fromMs;
    loop = createAgentLoop({
      clock,
      store,
      sensors: {
        meters: [gpu()],
        async read() {
          seen.push('read');
          if (seen.filter((what) => what === 'read').length === ticks) stop.abort();
          return [reading('nvml:GPU-0', clock.nowMs, { counter: counter(clock.nowMs * 700) })];
        },
      },
      bootId: 'boot',
      newEpoch: () => 'epochone',
      wallAt: (atMs) => START_MS + atMs,
      encodeSeries: () => '',
      readEveryMilliseconds: 1000,
      onReports: ([report]) => durable.push(report?.devices[0]?.energyMillijoules ?? 0),
      // As a service manager hears of it.
      onTick: () => void loop.ready.then(() => seen.includes('ready') || seen.push('ready')),
    });
    await loop.run(stop.signal);
    await store.close();
    return { seen, durable };
  };
  const first = await life(0, 3);
  expect(first.seen).toEqual(['read', 'ready', 'read', 'read', 'read']);
  const second = await life(120_000, 1);
  expect(second.seen.slice(0, 2)).toEqual(['read', 'ready']);
  expect(second.durable[0]).toBe(120_000 * 700);
});

test('a job that comes and goes between readings is in the record, and the reading before tells its processes', async () => {
  const store = await newStore();
  const claims = [
    {
      id: 'slurm:c:1',
      incarnation: '1',
      labels: { user: 'ada' },
      gpus: [{ deviceId: 'GPU-0', attribution: 'allocation' as const, weight: 1 }],
      cores: null,
    },
  ];
  const looks = [
    { atMs: 1_500, claims },
    { atMs: 3_250, claims: [] },
  ].map((look) => allocationOf({ ...look, gpuIds: ['GPU-0'], cores: null, complete: true, usage: {} }));
  const told: number[] = [];
  const last: WindowReport[] = [];
  await runLoop({
    untilMs: 6_000,
    store,
    options: {
      onReports: (reports) => last.push(...reports),
      jobs: {
        turn: (meters, readings) => told.push(meters.length + readings.length),
        // Handed over at the tick after it was made, as a look that takes its time is.
        take: () =>
          looks[0] !== undefined && (told.length - 1) * 1000 >= looks[0].atMs ? looks.shift()! : null,
        settled: async () => {},
      },
    },
  });
  expect(told.slice(0, 3)).toEqual([1, 2, 2]);
  // 500 W for 1,750 ms; before the first look nobody's, after the second the scheduler's word.
  expect(last.at(-1)).toMatchObject({
    devices: [{ energyMillijoules: 3_000_000, idleMillijoules: 1_375_000 }],
    jobs: [
      {
        id: 'slurm:c:1',
        user: 'ada',
        devices: [{ id: 'GPU-0', energyMillijoules: 875_000, allocatedMilliseconds: 1_750 }],
      },
    ],
  });
  await store.close();
});

test('an agent goes on from its stored state in the same epoch; without one it begins a new epoch', async () => {
  const directory = join(folder, 'resumed');
  const first = await openStore(directory);
  await runLoop({ untilMs: 4_000, store: first, epoch: 'epochone' });
  await first.close();
  const second = await openStore(directory);
  expect((second.restoredMeterState as MeterState).epoch).toBe('epochone');
  const { loop } = await runLoop({ untilMs: 4_000, store: second, epoch: 'epochtwo' });
  expect(loop.state.epoch).toBe('epochone');
  await second.close();
  const fresh = await newStore();
  expect((await runLoop({ untilMs: 4_000, store: fresh, epoch: 'epochtwo' })).loop.state.epoch).toBe(
    'epochtwo',
  );
  await fresh.close();
});

test('state of a version that is not known begins a new epoch', async () => {
  const directory = join(folder, 'versioned');
  const first = await openStore(directory);
  await first.commit({ meterState: { version: 99, epoch: 'epochold' }, reports: [] });
  await first.close();
  const second = await openStore(directory);
  const { loop } = await runLoop({ untilMs: 2_000, store: second });
  expect(loop.state.epoch).toBe('epochnew');
  await second.close();
});

describe('rounds of sending', () => {
  test.each([
    ['eight seconds', false, [4_000, 14_000, 34_000]],
    ['half a minute where the host starts anew', true, [15_000, 25_000, 45_000]],
  ])(
    'begin after the first commit, spread by up to %s, and follow what each round says',
    async (_, isRestart, at) => {
      const stop = new AbortController();
      const rounds: number[] = [];
      const clock = sleepingClock(() => {});
      await runShipLoop(
        {
          clock,
          shipper: {
            async shipOnce() {
              rounds.push(clock.nowMs);
              if (rounds.length === 3) stop.abort();
              return rounds.length * 10_000;
            },
          },
          random: () => 0.5,
          isRestart,
          firstReport: Promise.resolve(),
          isClockTrusted: () => true,
          commit: async () => {},
        },
        stop.signal,
      );
      expect(rounds).toEqual(at);
    },
  );

  test('come at once when a reply has told the time: what was held goes out', async () => {
    const stop = new AbortController();
    const done: string[] = [];
    const clock = sleepingClock(() => {});
    let trusted = false;
    await runShipLoop(
      {
        clock,
        shipper: {
          async shipOnce() {
            done.push(`ship at ${clock.nowMs}`);
            if (trusted) stop.abort();
            trusted = true;
            return 60_000;
          },
        },
        random: () => 0,
        isRestart: false,
        firstReport: Promise.resolve(),
        isClockTrusted: () => trusted,
        async commit() {
          done.push(`commit at ${clock.nowMs}`);
        },
      },
      stop.signal,
    );
    expect(done).toEqual(['ship at 0', 'commit at 1500', 'ship at 1500']);
  });

  test('do not begin when the agent stops first', async () => {
    const stop = new AbortController();
    stop.abort();
    let rounds = 0;
    await runShipLoop(
      {
        clock: sleepingClock(() => {}),
        shipper: { shipOnce: async () => ++rounds },
        random: () => 0,
        isRestart: false,
        firstReport: new Promise(() => {}),
        isClockTrusted: () => true,
        commit: async () => {},
      },
      stop.signal,
    );
    expect(rounds).toBe(0);
  });
});
