/** Laws of attribution, for any times and changes of allocation: jobs + idle + nobody's = the device, to the millijoule. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EMPTY_HOUR, mergeReport } from '../../../shared/ledger/merge.ts';
import { findImplausibility } from '../../../shared/ledger/plausibility.ts';
import { allocationOf, type JobClaim } from '../../../shared/metering/allocation.ts';
import { splitDevice } from '../../../shared/metering/job-shares.ts';
import type { Accumulator, MeterState } from '../../../shared/metering/meter-state.ts';
import { resumeMetering } from '../../../shared/metering/metering.ts';
import type { WindowReport } from '../../../shared/wire/ingest.ts';
import { counter, gpu, MONOTONIC_START, nodeMeter, type Rig, rig, START_MS } from './support.ts';

const GPUS = ['GPU-0', 'GPU-1', 'GPU-2'];

function claim(name: string, gpus: readonly string[], changes: Partial<JobClaim> = {}): JobClaim {
  return {
    id: `slurm:c:${name}`,
    incarnation: 'first',
    labels: { user: name },
    gpus: gpus.map((deviceId) => ({ deviceId, attribution: 'allocation', weight: 1 })),
    cores: null,
    ...changes,
  };
}

function look(one: Rig, afterMs: number, claims: readonly JobClaim[], complete = true): void {
  one.metering.allocate(
    allocationOf({
      atMs: MONOTONIC_START + afterMs,
      claims,
      gpuIds: one.meters.filter((meter) => meter.deviceType === 'gpu').map((meter) => meter.deviceId),
      cores: null,
      complete,
      usage: {},
    }),
  );
}

function jobEnergy(one: Rig, jobId: string, deviceId?: string): number {
  return [...one.reports.values()]
    .flatMap((report) => report.jobs.filter((job) => job.id === jobId))
    .flatMap((job) => job.devices.filter((device) => deviceId === undefined || device.id === deviceId))
    .reduce((total, device) => total + device.energyMillijoules, 0);
}

/** What the server's own check says of it, which knows parts and wholes. */
function plausible(report: WindowReport): void {
  expect(findImplausibility(report, report.windowStartMs + 400_000)).toBeNull();
}

/** One step of a history: time, each GPU's energy, and which jobs hold which GPU afterwards. */
const history = fc.array(
  fc.record({
    stepMs: fc.integer({ min: 1, max: 9_000 }),
    powers: fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 3, maxLength: 3 }),
    /** For each GPU the job that holds it; null: free. Undefined in place of all: no look. */
    holders: fc.option(fc.array(fc.option(fc.constantFrom('a', 'b', 'c')), { minLength: 3, maxLength: 3 })),
    /** When within the step the look comes. */
    lookAt: fc.double({ min: 0, max: 0.999, noNaN: true }),
    complete: fc.boolean(),
    restart: fc.boolean(),
  }),
  { minLength: 1, maxLength: 120 },
);

function claimsOf(holders: readonly (string | null)[]): JobClaim[] {
  return ['a', 'b', 'c']
    .map((name) =>
      claim(
        name,
        GPUS.filter((_, index) => holders[index] === name),
      ),
    )
    .filter(({ gpus }) => gpus!.length > 0);
}

describe('conservation', () => {
  test('the parts are never more than their device, whatever the allocations, looks and restarts', () => {
    fc.assert(
      fc.property(history, fc.integer({ min: 0, max: 299_999 }), (steps, startMs) => {
        const one = rig([...GPUS.map((id) => gpu(id)), nodeMeter()]);
        const values = [0, 0, 0];
        let atMs = startMs;
        const read = () =>
          one.tick(atMs, {
            ...Object.fromEntries(
              GPUS.map((id, index) => [`nvml:${id}`, { counter: counter(values[index]!) }]),
            ),
            bmc: { power: 5_000 },
          });
        read();
        for (const step of steps) {
          if (step.restart) one.restart(atMs);
          if (step.holders !== null)
            look(one, atMs + step.stepMs * step.lookAt, claimsOf(step.holders), step.complete);
          step.powers.forEach((power, index) => {
            values[index]! += power * step.stepMs;
          });
          atMs += step.stepMs;
          read();
          for (const report of one.report()) plausible(report);
        }
        expect(GPUS.map((id) => one.device(id).energy)).toEqual(values);
      }),
    );
  });

  test('a part of less than a millisecond at the end of a window is of that window', () => {
    const one = rig([gpu('GPU-0')]);
    one.tick(299_988, { 'nvml:GPU-0': { power: 500 } });
    look(one, 299_999.5, [claim('a', ['GPU-0'])]);
    one.tick(300_000, { 'nvml:GPU-0': { power: 500 } });
    for (const report of one.report()) plausible(report);
    expect([...one.reports.keys()]).toEqual([START_MS]);
    expect(one.device('GPU-0').energy).toBe(12 * 500);
  });

  test('a job gets exactly what its GPUs used while it held them, and the scheduler proves the rest idle', () => {
    fc.assert(
      fc.property(history, fc.integer({ min: 0, max: 299_999 }), (steps, startMs) => {
        const one = rig(GPUS.map((id) => gpu(id)));
        const values = [0, 0, 0];
        const expected: Record<string, number> = { a: 0, b: 0, c: 0, idle: 0 };
        let holders: readonly (string | null)[] = [null, null, null];
        let atMs = startMs;
        const read = () =>
          one.tick(
            atMs,
            Object.fromEntries(GPUS.map((id, index) => [`nvml:${id}`, { counter: counter(values[index]!) }])),
          );
        read();
        for (const step of steps) {
          holders = step.holders ?? holders;
          look(one, atMs, claimsOf(holders));
          step.powers.forEach((power, index) => {
            values[index]! += power * step.stepMs;
            expected[holders[index] ?? 'idle']! += power * step.stepMs;
          });
          atMs += step.stepMs;
          read();
          one.report();
        }
        for (const name of ['a', 'b', 'c']) expect(jobEnergy(one, `slurm:c:${name}`)).toBe(expected[name]);
        expect(GPUS.reduce((total, id) => total + one.device(id).idle, 0)).toBe(expected.idle);
      }),
    );
  });

  test('power that is cut by an allocation in the middle of a sample keeps its sum', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            power: fc.integer({ min: 0, max: 1_000 }),
            lookAt: fc.integer({ min: 1, max: 999 }),
            holder: fc.option(fc.constantFrom('a', 'b')),
          }),
          { minLength: 2, maxLength: 400 },
        ),
        (samples) => {
          const run = (looks: boolean) => {
            const one = rig([gpu()]);
            samples.forEach(({ power, lookAt, holder }, index) => {
              if (looks)
                look(one, (index - 1) * 1000 + lookAt, holder === null ? [] : [claim(holder, ['GPU-0'])]);
              one.tick(index * 1000, { 'nvml:GPU-0': { power, utilization: 0.5 } });
            });
            one.report();
            return one;
          };
          const [cut, whole] = [run(true), run(false)];
          const { idle, ...totals } = cut.device('GPU-0');
          expect(totals).toMatchObject({
            energy: whole.device('GPU-0').energy,
            metered: whole.device('GPU-0').metered,
          });
          const [cutSeries, wholeSeries] = [cut, whole].map((each) =>
            [...each.reports.values()].map((report) => report.devices[0]!.series?.watts),
          );
          expect(cutSeries).toEqual(wholeSeries);
          expect(jobEnergy(cut, 'slurm:c:a') + jobEnergy(cut, 'slurm:c:b') + idle).toBeLessThanOrEqual(
            totals.energy,
          );
        },
      ),
    );
  });
});

test('power that rises while the allocation changes is cut under its line, not by time', () => {
  const one = rig([gpu()]);
  one.tick(0, { 'nvml:GPU-0': { power: 0 } });
  look(one, 500, [claim('a', ['GPU-0'])]);
  one.tick(1_000, { 'nvml:GPU-0': { power: 800 } });
  one.report();
  expect(one.device('GPU-0').energy).toBe(400_000);
  expect(jobEnergy(one, 'slurm:c:a')).toBe(300_000);
});

describe('a process that is killed', () => {
  test.each([
    ['the same job after it', [claim('a', ['GPU-0'])], 140_000_000, 0],
    ['another run of that job', [claim('a', ['GPU-0'], { incarnation: 'second' })], 14_000_000, 126_000_000],
    ['another job', [claim('b', ['GPU-0'])], 14_000_000, 126_000_000],
    ['no job', [], 14_000_000, 126_000_000],
  ])(
    'and %s: recovered energy is a job\u2019s only where it held the GPU throughout',
    (_, after, ofJob, nobodys) => {
      const one = rig([gpu()]);
      const read = (seconds: number) =>
        one.tick(seconds * 1000, { 'nvml:GPU-0': { counter: counter(seconds * 700_000) } });
      look(one, 0, [claim('a', ['GPU-0'])]);
      for (const seconds of [0, 10, 20]) read(seconds);
      one.report();
      const stored = JSON.stringify(one.metering.state);
      read(21);
      const second = rig([gpu()]);
      second.metering = resumeMetering(JSON.parse(stored) as MeterState, 'boot-1', MONOTONIC_START + 200_000);
      second.metering.setMeters(second.meters);
      for (const [start, report] of one.reports) second.reports.set(start, report);
      look(second, 200_000, after);
      second.tick(200_000, { 'nvml:GPU-0': { counter: counter(140_000_000) } });
      second.report();
      expect(jobEnergy(second, 'slurm:c:a')).toBe(ofJob);
      const { energy, idle } = second.device('GPU-0');
      expect(energy).toBe(140_000_000);
      expect(idle).toBe(0);
      expect(energy - ofJob - jobEnergy(second, 'slurm:c:b')).toBe(nobodys);
    },
  );

  test('for seconds only proves no more: the job may have ended, and what is free now may not have been', () => {
    const one = rig([gpu()]);
    const read = (seconds: number) =>
      one.tick(seconds * 1000, { 'nvml:GPU-0': { counter: counter(seconds * 1_000) } });
    look(one, 0, [claim('a', ['GPU-0'])]);
    for (const seconds of [0, 1, 2]) read(seconds);
    one.restart(5_000);
    look(one, 5_000, []);
    for (const seconds of [5, 6]) read(seconds);
    one.report();
    expect(jobEnergy(one, 'slurm:c:a')).toBe(2_000);
    expect(one.device('GPU-0')).toMatchObject({ energy: 6_000, idle: 1_000 });
  });

  test('an older look changes nothing', () => {
    const one = rig([gpu()]);
    look(one, 1_000, [claim('a', ['GPU-0'])]);
    look(one, 500, []);
    for (const seconds of [0, 1, 2])
      one.tick(seconds * 1000, { 'nvml:GPU-0': { counter: counter(seconds * 1_000) } });
    one.report();
    expect(jobEnergy(one, 'slurm:c:a')).toBe(1_000);
  });

  test('before its first look nobody holds anything', () => {
    const one = rig([gpu()]);
    look(one, 0, [claim('a', ['GPU-0'])]);
    one.tick(0, { 'nvml:GPU-0': { counter: counter(0) } });
    one.restart(0);
    one.tick(5_000, { 'nvml:GPU-0': { counter: counter(1_000) } });
    one.report();
    expect(jobEnergy(one, 'slurm:c:a')).toBe(0);
  });
});

describe('what was seen', () => {
  test('holds until the next look, and for a minute at most', () => {
    const one = rig([gpu()]);
    look(one, 0, [claim('a', ['GPU-0'])]);
    for (let second = 0; second <= 120; second++)
      one.tick(second * 1000, { 'nvml:GPU-0': { counter: counter(second * 1_000) } });
    one.report();
    expect(jobEnergy(one, 'slurm:c:a')).toBe(60_000);
    expect(one.device('GPU-0').idle).toBe(0);
  });

  test('of an earlier boot says nothing: its instants may lie ahead of this one\u2019s', () => {
    const one = rig([gpu()]);
    look(one, 0, [claim('a', ['GPU-0'])]);
    one.tick(0, { 'nvml:GPU-0': { power: 100 } });
    one.restart(-900_000, 'boot-2');
    look(one, -900_000, [claim('b', ['GPU-0'])]);
    for (const second of [0, 1, 2])
      one.tick(-900_000 + second * 1000, { 'nvml:GPU-0': { power: 100 } }, START_MS + 5_000 + second * 1000);
    one.report();
    expect(jobEnergy(one, 'slurm:c:a')).toBe(0);
    expect(jobEnergy(one, 'slurm:c:b')).toBe(200_000);
  });

  test('is kept apart while so much waits for the clock that neighbours are joined', () => {
    const one = rig([gpu()]);
    for (let second = 0; second <= 4_200; second++) {
      if (second % 3 === 0) look(one, second * 1000, second % 2 === 0 ? [claim('a', ['GPU-0'])] : []);
      one.tick(second * 1000, { 'nvml:GPU-0': { counter: counter(second * 1_000) } }, null);
    }
    one.tick(4_201_000, { 'nvml:GPU-0': { counter: counter(4_201_000) } });
    one.report();
    expect(one.metering.state.held).toEqual([]);
    expect(one.device('GPU-0').energy).toBe(4_201_000);
    expect(jobEnergy(one, 'slurm:c:a')).toBe(2_101_000);
    expect(one.device('GPU-0').idle).toBe(2_100_000);
  });

  test('changes too often for a window to keep: what is beyond is nobody\u2019s, and counted', () => {
    const one = rig([gpu()]);
    for (let index = 0; index <= 350; index++) {
      look(one, index * 800, [claim(`job-${index}`, ['GPU-0'])]);
      one.tick(index * 800, { 'nvml:GPU-0': { counter: counter(index * 1_000) } });
    }
    const [window] = Object.values(one.metering.state.windows);
    expect(Object.keys(window!.meters['nvml:GPU-0']!.holdings)).toHaveLength(301);
    expect(one.metering.state.counts.jobMillijoulesForgotten).toBe(50_000);
  });

  test('leaves the state with the windows that it was needed for', () => {
    const one = rig([gpu()]);
    for (let second = 0; second <= 1_000; second++) {
      look(one, second * 1000, [claim(`job-${second}`, ['GPU-0'])]);
      one.tick(second * 1000, { 'nvml:GPU-0': { counter: counter(second * 1_000) } });
      if (second % 10 === 0) one.report();
    }
    expect(Object.keys(one.metering.state.jobs.holdings).length).toBeLessThan(305);
    expect(Object.keys(one.metering.state.jobs.labels).length).toBeLessThan(305);
    expect(one.metering.state.jobs.spans.length).toBeLessThan(3);
  });

  test('stays in the state while energy that it holds for is still to come, or waits for the clock', () => {
    const one = rig([gpu()]);
    const read = (seconds: number, wallMs?: null) =>
      one.tick(seconds * 1000, { 'nvml:GPU-0': { counter: counter(seconds * 1_000) } }, wallMs);
    read(0, null);
    look(one, 0, [claim('a', ['GPU-0'])]);
    expect(one.report()).toEqual([]);
    for (const seconds of [1, 2, 3]) read(seconds, null);
    look(one, 3_000, []);
    read(4, null);
    expect(one.report()).toEqual([]);
    look(one, 4_000, [claim('b', ['GPU-0'])]);
    expect(one.report()).toEqual([]);
    look(one, 5_000, []);
    expect(one.report()).toEqual([]);
    read(6);
    one.report();
    expect(jobEnergy(one, 'slurm:c:a')).toBe(3_000);
    expect(jobEnergy(one, 'slurm:c:b')).toBe(1_000);
    expect(one.device('GPU-0')).toMatchObject({ energy: 6_000, idle: 2_000 });
  });

  test('names at most 200 jobs of a window; the energy of the others is nobody\u2019s, and counted', () => {
    const one = rig([gpu()]);
    for (let second = 0; second <= 301; second++) {
      look(one, second * 1000, [claim(`job-${second}`, ['GPU-0'])]);
      one.tick(second * 1000, { 'nvml:GPU-0': { counter: counter(second * 1_000) } });
      // Reports of a window that goes on count nothing yet.
      if (second === 280) one.report();
    }
    const report = one.report().find(({ windowStartMs }) => windowStartMs === START_MS)!;
    expect(report).toMatchObject({ final: true });
    expect(report.jobs).toHaveLength(200);
    expect(one.metering.state.counts.jobMillijoulesForgotten).toBe(100_000);
    plausible(report);
  });
});

describe('a device of several meters', () => {
  const total = (milliseconds: number, energyMillijoules: number): Accumulator => ({
    meteredMilliseconds: milliseconds,
    energyMillijoules,
    kind: 'counter',
    recoveredMillijoules: 0,
    integratedMillijoules: null,
    integratedIncomplete: false,
    holdings: { '1': { energyMillijoules, milliseconds, idleMillijoules: 0 } },
    utilizationMilliseconds: 0,
    utilizationSpanMilliseconds: 0,
    series: [],
  });
  const share = { jobId: 'a', incarnation: '1', fraction: 1, attribution: 'allocation' } as const;
  const holdings = { '1': { shares: [share], restIdle: false } };
  const split = (bySensor: [string, Accumulator[]][]) => splitDevice(new Map(bySensor), holdings).shares;

  test('is held while all domains of a sensor are metered', () => {
    expect(split([['rapl', [total(1_000, 30), total(600, 12)]]])).toMatchObject([
      { energyMillijoules: 42, allocatedMilliseconds: 600 },
    ]);
  });

  test('is held for one window at most, whichever sensors took over from each other', () => {
    expect(
      split([
        ['nvml', [total(200_000, 5)]],
        ['nvidia-smi', [total(150_000, 7)]],
      ]),
    ).toMatchObject([{ energyMillijoules: 12, allocatedMilliseconds: 300_000 }]);
  });
});

test('a full hour of many jobs on many devices is one that the server takes', () => {
  const ids = Array.from({ length: 8 }, (_, index) => `GPU-${index}`);
  const one = rig([...ids.map((id) => gpu(id)), nodeMeter()]);
  let hour = EMPTY_HOUR;
  for (let second = 0; second <= 3_610; second += 5) {
    look(one, second * 1000, [claim(`job-${second}`, ids)]);
    one.tick(second * 1000, {
      ...Object.fromEntries(ids.map((id) => [`nvml:${id}`, { counter: counter(second * 100_000) }])),
      bmc: { power: 6_000 },
    });
  }
  const reports = one.report().filter(({ final }) => final);
  expect(reports).toHaveLength(12);
  for (const [index, { epoch, devices, jobs }] of reports.entries()) {
    const jobShares = jobs.flatMap((job, jobNumber) =>
      job.devices.map((share) => ({
        ...share,
        jobNumber,
        deviceIndex: devices.findIndex(({ id }) => id === share.id),
      })),
    );
    // Sixty jobs of nine devices would be 540: the smallest of them have no room.
    expect(jobShares.length).toBe(54 * 9);
    const merged = mergeReport(hour, index, {
      epoch,
      revision: 1,
      final: true,
      contentDigest: 0,
      devices: devices.map((device, deviceIndex) => ({
        deviceIndex,
        meteredMilliseconds: device.meteredMilliseconds,
        energyMillijoules: device.energyMillijoules,
        kind: device.kind,
        recoveredMillijoules: 0,
        integratedMillijoules: null,
        idleMillijoules: 0,
        utilizationRatio: null,
      })),
      jobShares,
    });
    expect(merged.outcome).toBe('accepted');
    if (merged.outcome === 'accepted') hour = merged.ledger;
  }
});

test('a node meter is split among the jobs by their GPUs, with its rest idle by the scheduler', () => {
  const one = rig([...GPUS.map((id) => gpu(id)), nodeMeter()]);
  look(one, 0, [claim('a', ['GPU-0', 'GPU-1'])]);
  for (let second = 0; second <= 10; second++)
    one.tick(second * 1000, {
      ...Object.fromEntries(GPUS.map((id) => [`nvml:${id}`, { counter: counter(second * 100_000) }])),
      bmc: { power: 600 },
    });
  one.report();
  expect(one.device('other')).toMatchObject({ energy: 3_000_000, idle: 1_000_000 });
  expect(jobEnergy(one, 'slurm:c:a', 'other')).toBe(2_000_000);
  const [job] = [...one.reports.values()][0]!.jobs;
  expect(job).toMatchObject({ user: 'a', devices: [{ allocatedMilliseconds: 10_000 }, {}, {}] });
  expect(job!.devices.find(({ id }) => id === 'other')!.allocatedMilliseconds).toBe(6_667);
});
