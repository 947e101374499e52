import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type GreenestStep, greenest } from '../../../../shared/grid/greenest/greenest.ts';

const HOUR_MS = 3_600_000;

/** Known values, an hour each. */
const known = (grams: readonly number[], firstHour = 0): GreenestStep[] =>
  grams.map((gramsPerKwh, hour) => ({
    startMs: (firstHour + hour) * HOUR_MS,
    endMs: (firstHour + hour + 1) * HOUR_MS,
    gramsPerKwh,
    gramsPerKwhLow: gramsPerKwh,
    gramsPerKwhHigh: gramsPerKwh,
  }));

const banded = (grams: readonly number[], factor: number) =>
  known(grams).map((step) => ({
    ...step,
    gramsPerKwhLow: step.gramsPerKwh / factor,
    gramsPerKwhHigh: step.gramsPerKwh * factor,
  }));

const question = (steps: readonly GreenestStep[], hours: number, interruptible = false) => ({
  zones: [{ gridZone: 'DE', steps }],
  durationMs: hours * HOUR_MS,
  notBeforeMs: 0,
  deadlineMs: Math.max(hours * HOUR_MS, steps.at(-1)?.endMs ?? 0),
  powerWatts: 2_000,
  interruptible,
});

test('the cleanest window, by hand: 2 kW for two hours', () => {
  const { zones, saving, excluded } = greenest(question(known([300, 200, 100, 150, 400]), 2));
  const { best, startNow } = zones[0]!;
  expect(best).toMatchObject({ startMs: 2 * HOUR_MS, endMs: 4 * HOUR_MS, gramsPerKwh: 125 });
  expect(best.grams).toBeCloseTo(500, 9);
  expect(startNow!.grams).toBeCloseTo(1_000, 9);
  expect(saving!.grams).toBeCloseTo(500, 9);
  expect(saving).toMatchObject({ worthWaiting: true, ratio: 0.5 });
  expect(zones[0]!.saving).toEqual(saving);
  expect(excluded).toEqual([]);
});

test('with pauses it takes the cleanest hours, and the dirtiest of them only as long as needed', () => {
  const { best } = greenest(question(known([300, 100, 400, 150, 120]), 2.5, true)).zones[0]!;
  expect(best.spans).toEqual([
    { startMs: HOUR_MS, endMs: 2 * HOUR_MS },
    { startMs: 3 * HOUR_MS, endMs: 3.5 * HOUR_MS },
    { startMs: 4 * HOUR_MS, endMs: 5 * HOUR_MS },
  ]);
  expect(best.grams).toBeCloseTo(2 * (100 + 120 + 75), 9);
});

const QUARTER_MS = HOUR_MS / 4;

test('no start whatever is better, whether or not the duration is a multiple of the step; pieces never lose to one window', () => {
  const step = fc.record({
    grams: fc.integer({ min: 0, max: 900 }),
    quarters: fc.integer({ min: 1, max: 5 }),
    gapQuarters: fc.constantFrom(0, 0, 0, 0, 2),
  });
  const pieces = fc.array(step, { minLength: 1, maxLength: 25 });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 12 }), (shape, quarters) => {
      /** By quarter of an hour; undefined in a gap. */
      const table: (number | undefined)[] = [];
      const steps = shape.flatMap(({ grams, quarters: long, gapQuarters }) => {
        table.length += gapQuarters;
        const startMs = table.length * QUARTER_MS;
        for (let i = 0; i < long; i++) table.push(grams);
        return known([grams]).map((one) => ({ ...one, startMs, endMs: table.length * QUARTER_MS }));
      });
      const cost = (start: number) => {
        let sum = 0;
        for (let i = start; i < start + quarters; i++) sum += table[i] ?? Number.POSITIVE_INFINITY;
        return sum / 2;
      };
      const least = Math.min(...Array.from(table, (_, start) => cost(start)));
      if (quarters * QUARTER_MS > steps.at(-1)!.endMs) return;
      const [answer] = greenest(question(steps, quarters / 4)).zones;
      if (!Number.isFinite(least)) {
        expect(answer).toBeUndefined();
        return;
      }
      const { best } = answer!;
      expect(best.grams).toBeCloseTo(least, 6);
      expect(best.spans).toEqual([{ startMs: best.startMs, endMs: best.startMs + quarters * QUARTER_MS }]);
      expect(cost(best.startMs / QUARTER_MS)).toBeCloseTo(least, 6);
      const inPieces = greenest(question(steps, quarters / 4, true)).zones[0]!.best;
      expect(inPieces.grams).toBeLessThanOrEqual(best.grams + 1e-6);
      const ran = inPieces.spans.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
      expect(ran).toBeCloseTo(quarters * QUARTER_MS, 6);
    }),
  );
});

test('a job of an hour and a half ends where the clean hours end', () => {
  const { best } = greenest(question(known([500, 300, 100, 400]), 1.5)).zones[0]!;
  expect(best).toMatchObject({ startMs: 1.5 * HOUR_MS, endMs: 3 * HOUR_MS });
  expect(best.spans).toEqual([{ startMs: 1.5 * HOUR_MS, endMs: 3 * HOUR_MS }]);
  expect(best.grams).toBeCloseTo(2 * (150 + 100), 9);
});

test('where the band of the saving covers zero, no start is worth waiting for', () => {
  const grams = [210, 200, 200, 205, 190, 180, 195, 205];
  expect(greenest(question(banded(grams, 1.001), 2)).saving).toMatchObject({ worthWaiting: true });
  const unsure = greenest(question(banded(grams, 1.5), 2)).saving!;
  expect(unsure.grams).toBeGreaterThan(0);
  expect(unsure.gramsLow).toBeLessThan(0);
  expect(unsure.worthWaiting).toBe(false);
});

test('starting at once saves nothing, surely; equal starts: the earliest', () => {
  const { zones, saving } = greenest(question(banded([100, 100, 100, 300], 1.5), 2));
  expect(zones[0]!.best.startMs).toBe(0);
  expect(saving).toEqual({ grams: 0, gramsLow: 0, gramsHigh: 0, ratio: 0, worthWaiting: false });
});

test('zones are ranked, and compared with the first one; what is not covered is named', () => {
  const zones = [
    { gridZone: 'DE', steps: known([300, 300, 300]) },
    { gridZone: 'SE', steps: known([30, 20, 40]) },
    { gridZone: 'FR', steps: known([10]) },
  ];
  const answer = greenest({ ...question(known([0, 0, 0]), 2), zones });
  expect(answer.zones.map(({ gridZone }) => gridZone)).toEqual(['SE', 'DE']);
  expect(answer.excluded).toEqual(['FR']);
  expect(answer.saving!.grams).toBeCloseTo(2 * (600 - 50), 9);
  expect(answer.zones[1]!.saving!.grams).toBe(0);
});

test('no job runs over a gap, and starting at once is not known before the first step', () => {
  const steps = [...known([500, 10], 1), ...known([10, 400, 300], 4)];
  const { best, startNow, saving } = greenest(question(steps, 2)).zones[0]!;
  expect(best.startMs).toBe(4 * HOUR_MS);
  expect(startNow).toBeNull();
  expect(saving).toBeNull();
});

test('a start within a step counts from there on, an expected value is a mean and not a median', () => {
  const steps = banded([100, 100], 3);
  const half = greenest({ ...question(steps, 1), notBeforeMs: HOUR_MS / 2 }).zones[0]!;
  expect(half.startNow).toMatchObject({ startMs: HOUR_MS / 2, endMs: 1.5 * HOUR_MS });
  const sigma = Math.log(3) / 1.281_551_565_5;
  expect(half.startNow!.gramsPerKwh).toBeCloseTo(100 * Math.exp(sigma ** 2 / 2), 6);
});

test('what cannot be asked is refused by name', () => {
  const ask = question(known([1, 2, 3]), 2);
  expect(() => greenest({ ...ask, durationMs: 0 })).toThrow(/durationMs/);
  expect(() => greenest({ ...ask, powerWatts: -1 })).toThrow(/powerWatts/);
  expect(() => greenest({ ...ask, deadlineMs: HOUR_MS })).toThrow(/deadlineMs/);
  expect(() => greenest({ ...ask, zones: [{ gridZone: 'DE', steps: known([1, 2]).reverse() }] })).toThrow(
    /follow each other/,
  );
});
