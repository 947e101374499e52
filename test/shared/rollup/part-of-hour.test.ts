import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FigureSums } from '../../../shared/emissions/figures.ts';
import { HourSums, type RolledWindow } from '../../../shared/rollup/hour-sums.ts';
import { LabelSums } from '../../../shared/rollup/label-sums.ts';
import { OwnerSums } from '../../../shared/rollup/owner-sums.ts';
import { partOfLabel, partOfSums } from '../../../shared/rollup/part-of-hour.ts';

const WINDOWS = 12;
const MINUTE_MS = 60_000;

const window = fc.record({ idle: fc.nat(1e9), jobs: fc.nat(1e9), rest: fc.nat(1e9), low: fc.nat(1e6) }).map(
  ({ idle, jobs, rest, low }): RolledWindow => ({
    all: idle + jobs + rest,
    idle,
    jobs,
    lowUtilization: low,
    componentsOnly: rest,
  }),
);
const hour = fc
  .record({
    windows: fc.array(fc.option(window), { minLength: WINDOWS, maxLength: WINDOWS }),
    counted: fc.double({ min: 0, max: 1, noNaN: true }),
    embodied: fc.double({ min: 0, max: 1e6, noNaN: true }),
    expected: fc.nat(1e9),
    metered: fc.nat(1e9),
  })
  .map(({ windows, counted, embodied, expected, metered }) => {
    const sums = new HourSums();
    windows.forEach((own, index) => {
      if (own !== null) sums.addWindow(index, own);
    });
    const { figures } = sums;
    const all = sums.sumOf(0, WINDOWS);
    figures.energyMillijoules = all?.all ?? 0;
    figures.idleMillijoules = all?.idle ?? 0;
    figures.jobMillijoules = all?.jobs ?? 0;
    figures.lowUtilizationMillijoules = all?.lowUtilization ?? 0;
    figures.byKind.counter = Math.floor(figures.energyMillijoules * counted);
    figures.byKind.modelled = figures.energyMillijoules - figures.byKind.counter;
    figures.byDeviceType.gpu = figures.energyMillijoules;
    figures.byAttribution.allocation = figures.jobMillijoules;
    figures.recoveredMillijoules = figures.byKind.counter;
    figures.expectedMilliseconds = expected + metered;
    figures.coveredMilliseconds = metered;
    figures.gapMilliseconds.gpu = expected;
    figures.meteredMilliseconds.gpu = metered;
    figures.gpuMilliseconds = metered;
    figures.embodiedGrams = embodied;
    return sums;
  });
/** Two parts of twelve windows, the first of them begun within a window or not. */
const cut = fc.integer({ min: 0, max: 60 });
const partsAt = (minute: number) =>
  [
    {
      firstWindow: 0,
      endWindow: Math.ceil(minute / 5),
      timeRatio: minute / 60,
      dueRatio: Math.ceil(minute / 5) / WINDOWS,
    },
    {
      firstWindow: Math.ceil(minute / 5),
      endWindow: WINDOWS,
      timeRatio: 1 - minute / 60,
      dueRatio: 1 - Math.ceil(minute / 5) / WINDOWS,
    },
  ] as const;

test('two parts of an hour are the hour: energies to the millijoule, the rest but for rounding', () => {
  fc.assert(
    fc.property(hour, cut, (whole, minute) => {
      const [early, late] = partsAt(minute).map((part) => partOfSums(whole, part)) as [HourSums, HourSums];
      for (let index = 0; index < WINDOWS; index++)
        expect(early.windows[index] ?? late.windows[index]).toEqual(whole.windows[index]);
      const together = new HourSums();
      together.add(early);
      together.add(late);
      const { figures } = together;
      for (const name of [
        'energyMillijoules',
        'idleMillijoules',
        'jobMillijoules',
        'lowUtilizationMillijoules',
      ] as const)
        expect(figures[name]).toBe(whole.figures[name]);
      const sumOf = (table: object) => Object.values(table).reduce((sum, count) => sum + count, 0);
      expect(sumOf(figures.byKind)).toBe(figures.energyMillijoules);
      expect(sumOf(figures.byDeviceType)).toBe(figures.energyMillijoules);
      expect(sumOf(figures.byAttribution)).toBe(figures.jobMillijoules);
      expect(figures.byKind.counter).toBeCloseTo(whole.figures.byKind.counter, -1);
      expect(figures.embodiedGrams).toBeCloseTo(whole.figures.embodiedGrams, 6);
      expect(Math.abs(figures.expectedMilliseconds - whole.figures.expectedMilliseconds)).toBeLessThan(2);
      expect(Math.abs(figures.gpuMilliseconds - whole.figures.gpuMilliseconds)).toBeLessThan(2);
      for (const part of [early, late])
        expect(part.figures.recoveredMillijoules).toBeLessThanOrEqual(part.figures.energyMillijoules + 1);
      new FigureSums().addNodes(figures, together.expected, together.reporting);
    }),
  );
});

test('metered time goes with the windows that have anything, time in the fleet with the clock', () => {
  const whole = new HourSums();
  for (const index of [0, 1, 8])
    whole.addWindow(index, { all: 10, idle: 0, jobs: 10, lowUtilization: 0, componentsOnly: 0 });
  whole.figures.expectedMilliseconds = 60 * MINUTE_MS;
  whole.figures.coveredMilliseconds = 15 * MINUTE_MS;
  whole.figures.meteredMilliseconds.gpu = 15 * MINUTE_MS;
  whole.figures.gapMilliseconds.gpu = 45 * MINUTE_MS;
  const { figures } = partOfSums(whole, { firstWindow: 6, endWindow: 12, timeRatio: 0.5, dueRatio: 0.5 });
  expect(figures.expectedMilliseconds).toBe(30 * MINUTE_MS);
  expect(figures.coveredMilliseconds).toBe(5 * MINUTE_MS);
  expect(figures.gpuMilliseconds).toBe(5 * MINUTE_MS);
  expect(figures.gapMilliseconds.gpu).toBe(25 * MINUTE_MS);
});

test('a job that had nothing in the part is not in it; what it held of one goes with its windows', () => {
  const sums = new OwnerSums(WINDOWS);
  sums.addEnergies(2, 1_000, 10, 0);
  sums.addEnergies(3, 3_000, 0, 20);
  sums.values.fill(8);
  const label = new LabelSums(sums);
  const after = { firstWindow: 6, endWindow: 12, timeRatio: 0.5, dueRatio: 0.5 };
  const anywhere = Array.from({ length: WINDOWS }, () => true);
  expect(partOfLabel(label, after, 'job', anywhere)).toBeNull();
  expect(partOfLabel(label, after, 'idle', anywhere)).toBeNull();
  expect(partOfLabel(label, after, 'nodes', anywhere)!.sums.values[2]).toBe(4);
  const late = { firstWindow: 3, endWindow: 12, timeRatio: 0.75, dueRatio: 0.75 };
  const half = partOfLabel(label, late, 'job', anywhere)!.sums;
  expect(half.energyMillijoules).toBe(3_000);
  expect(half.energies.componentsOnly[3]).toBe(20);
  expect(half.values[2]).toBe(4);
});
