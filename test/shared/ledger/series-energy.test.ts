import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seriesDisagreement } from '../../../shared/ledger/series-energy.ts';
import { WINDOW_MS } from '../../../shared/time/window.ts';
import type { DeviceReport } from '../../../shared/wire/ingest.ts';
import { counter, gpu, nodeMeter, rig, START_MS } from '../metering/support.ts';

const STEP_MS = 1_000;
const SAMPLES = WINDOW_MS / STEP_MS;

const device = (energyMillijoules: number, changes: Partial<DeviceReport> = {}): DeviceReport => ({
  id: 'gpu',
  type: 'gpu',
  name: 'gpu',
  meteredMilliseconds: WINDOW_MS,
  energyMillijoules,
  kind: 'integrated',
  ...changes,
});

const windowWatts = fc.array(fc.double({ min: 0, max: 2_500, noNaN: true }), {
  minLength: SAMPLES,
  maxLength: SAMPLES,
});
const energyOf = (watts: readonly number[]) =>
  Math.round(watts.reduce((sum, each) => sum + each * STEP_MS, 0));

test('a series agrees with the energy that it was made from, rounded and with gaps', () => {
  fc.assert(
    fc.property(windowWatts, fc.array(fc.nat(SAMPLES - 1)), (watts, missing) => {
      const gaps = new Set(missing);
      const samples = watts.map((each, second) => (gaps.has(second) ? null : Math.round(each)));
      expect(seriesDisagreement(device(energyOf(watts)), samples, STEP_MS)).toBeNull();
      // What nobody metered is in neither of them.
      const metered = watts.filter((_, second) => !gaps.has(second));
      const changes = { meteredMilliseconds: metered.length * STEP_MS };
      expect(seriesDisagreement(device(energyOf(metered), changes), samples, STEP_MS)).toBeNull();
    }),
  );
});

test('a series of another load is told apart', () => {
  const samples = Array(SAMPLES).fill(650);
  const told = seriesDisagreement(device(500 * WINDOW_MS), samples, STEP_MS);
  expect(told).toBe(
    'The series of 300000 ms sums up to 195000000 mJ, where 150000000 mJ were metered in 300000 ms.',
  );
  expect(seriesDisagreement(device(850 * WINDOW_MS), samples, STEP_MS)).not.toBeNull();
  // Another step: half of the window is empty, and may not have held so much.
  expect(seriesDisagreement(device(2_500 * WINDOW_MS), samples, STEP_MS / 2)).not.toBeNull();
  expect(seriesDisagreement(device(0), samples, STEP_MS)).not.toBeNull();
});

test('beside a counter the integral is held to be near, else the counter to be somewhere', () => {
  const samples = Array(SAMPLES).fill(650);
  const counter = (counted: number, integrated?: number) =>
    seriesDisagreement(
      device(counted * WINDOW_MS, {
        kind: 'counter',
        ...(integrated === undefined ? {} : { integratedMillijoules: integrated * WINDOW_MS }),
      }),
      samples,
      STEP_MS,
    );
  expect(counter(650)).toBeNull();
  expect(counter(520)).toBeNull();
  // An idle card's counter is far off its power, and one reading of power that fails takes the integral away.
  expect(counter(370)).toBeNull();
  expect(counter(1_140)).toBeNull();
  expect(counter(300)).not.toBeNull();
  expect(counter(1_400)).not.toBeNull();
  // A counter of another scale is flagged elsewhere; the series is that of the samples.
  expect(counter(65, 650)).toBeNull();
  expect(counter(65, 500)).not.toBeNull();
});

test('what a counter consumed while nobody read it may be in the samples, or not', () => {
  const recovered = { kind: 'counter', recoveredMillijoules: 650 * 100_000 } as const;
  const half: (number | null)[] = Array.from({ length: SAMPLES }, (_, second) => (second < 200 ? 650 : null));
  expect(seriesDisagreement(device(650 * WINDOW_MS, recovered), half, STEP_MS)).toBeNull();
  const all = Array(SAMPLES).fill(650);
  expect(seriesDisagreement(device(650 * WINDOW_MS, recovered), all, STEP_MS)).toBeNull();
});

test('power that was sampled while the counter told nothing is no disagreement', () => {
  const samples = Array(SAMPLES).fill(650);
  const half = { kind: 'counter', meteredMilliseconds: 150_000 } as const;
  expect(seriesDisagreement(device(650 * 150_000, half), samples, STEP_MS)).toBeNull();
  expect(seriesDisagreement(device(100 * 150_000, half), samples, STEP_MS)).not.toBeNull();
});

/** One look at the sensors: after how long, at what power, and what of it is to be had. */
const look = fc.record({
  stepMs: fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 900, max: 1_100 }) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 10_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 10_001, max: 90_000 }) },
  ),
  /** Null: as before. */
  change: fc.option(fc.integer({ min: 0, max: 1_000 }), { freq: 3 }),
  hasPower: fc.integer({ min: 0, max: 15 }).map((n) => n > 0),
  hasCounter: fc.integer({ min: 0, max: 15 }).map((n) => n > 0),
  restarts: fc.integer({ min: 0, max: 60 }).map((n) => n === 0),
});

test('whatever a meter is given, its series agree with its energies', () => {
  fc.assert(
    fc.property(
      fc.array(look, { minLength: 200, maxLength: 500 }),
      fc.double({ min: 0.94, max: 1.11, noNaN: true }),
      fc.boolean(),
      (looks, scale, counts) => {
        const one = rig([gpu('GPU-0'), nodeMeter()]);
        let atMs = 0;
        let joules = 0;
        let before = 0;
        let identity = 0;
        for (const { stepMs, change, hasPower, hasCounter, restarts } of looks) {
          const powerWatts = change ?? before;
          atMs += stepMs;
          joules += ((before + powerWatts) / 2) * stepMs * scale;
          before = powerWatts;
          if (restarts) identity++;
          one.tick(atMs, {
            'nvml:GPU-0': {
              ...(hasPower ? { power: powerWatts } : {}),
              ...(counts && hasCounter
                ? { counter: counter(Math.round(joules), { identity: `${identity}` }) }
                : {}),
            },
            bmc: { power: 2_000 + powerWatts },
          });
          if (stepMs % 7 === 0) one.report();
        }
        one.tick(atMs + 400_000, {});
        one.report();
        let withSeries = 0;
        for (const { devices } of one.reports.values())
          for (const device of devices) {
            if (device.series === undefined) continue;
            withSeries++;
            const samples = JSON.parse(device.series.watts) as (number | null)[];
            expect(seriesDisagreement(device, samples, device.series.stepMilliseconds)).toBeNull();
          }
        expect(withSeries).toBeGreaterThan(0);
      },
    ),
  );
});

test.each([60, 120, 600])('a clock that was set back by %i s makes no series disagree', (backSeconds) => {
  const one = rig([gpu('GPU-0'), gpu('GPU-1')]);
  for (let second = 0; second < 2_400; second++) {
    const atMs = second * 1_000;
    const wallMs = START_MS + atMs - (second < 400 ? 0 : backSeconds * 1_000);
    one.tick(
      atMs,
      { 'nvml:GPU-0': { power: 650 }, 'nvml:GPU-1': { power: 650, counter: counter(650 * atMs) } },
      wallMs,
    );
    if (second % 10 === 0) one.report();
  }
  const devices = [...one.reports.values()].flatMap((report) => report.devices);
  expect(devices.reduce((sum, each) => sum + each.energyMillijoules, 0)).toBeGreaterThan(2 * 650 * 2_300_000);
  for (const each of devices) {
    if (each.series === undefined) continue;
    const samples = JSON.parse(each.series.watts) as (number | null)[];
    expect(seriesDisagreement(each, samples, STEP_MS)).toBeNull();
  }
});
