import fc from 'fast-check';
import { expect, test } from 'vitest';
import { resample } from '../../../shared/ledger/resample.ts';

test('energy is kept whatever the step', () => {
  const watts = fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 60, maxLength: 60 });
  fc.assert(
    fc.property(watts, fc.constantFrom(1_000, 2_000, 5_000, 7_000, 60_000), (samples, stepMs) => {
      const spans = [{ startMs: 0, stepMs: 1_000, watts: samples }];
      const resampled = resample(spans, { fromMs: 0, toMs: 60_000, stepMs });
      const energy = resampled.reduce<number>(
        (sum, each, index) => sum + each! * Math.min(stepMs, 60_000 - index * stepMs),
        0,
      );
      expect(energy).toBeCloseTo(
        samples.reduce((sum, each) => sum + each * 1_000, 0),
        3,
      );
    }),
  );
});

test('what nobody metered stays null, and does not pull a mean down', () => {
  const spans = [{ startMs: 1_000, stepMs: 1_000, watts: [100, null, 300] }];
  expect(resample(spans, { fromMs: 0, toMs: 6_000, stepMs: 2_000 })).toEqual([100, 300, null]);
});
