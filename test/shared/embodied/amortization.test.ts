import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Accrual, accrualsOf, accruedShare, YEAR_MS } from '../../../shared/embodied/amortization.ts';

const START_MS = Date.UTC(2024, 0, 1);
const HOUR_MS = 3_600_000;
const whole = (accruals: readonly Accrual[]) => accruedShare(accruals, 0, Number.MAX_SAFE_INTEGER);
const inService = { inServiceMs: START_MS, outOfServiceMs: null };

test('the example of the SCI specification: 1,000 kg over 4 years is 28.5 g an hour', () => {
  const accruals = accrualsOf(inService, [{ fromMs: 0, years: 4 }]);
  const grams = 1_000_000 * accruedShare(accruals, START_MS, START_MS + HOUR_MS);
  expect(grams).toBeCloseTo(28.538813, 6);
});

test('nothing before it is in service, nothing after its life, a default of four years', () => {
  const accruals = accrualsOf(inService, []);
  expect(accruedShare(accruals, 0, START_MS)).toBe(0);
  expect(accruedShare(accruals, START_MS + 4 * YEAR_MS, START_MS + 9 * YEAR_MS)).toBe(0);
  expect(accruedShare(accruals, START_MS, START_MS + YEAR_MS)).toBe(0.25);
});

test('a part that leaves early keeps what has accrued', () => {
  const accruals = accrualsOf({ ...inService, outOfServiceMs: START_MS + YEAR_MS }, [
    { fromMs: 0, years: 4 },
  ]);
  expect(whole(accruals)).toBeCloseTo(0.25, 12);
});

test('a lifetime that changes spreads what is left over what is left', () => {
  const accruals = accrualsOf(inService, [
    { fromMs: 0, years: 4 },
    { fromMs: START_MS + 2 * YEAR_MS, years: 6 },
  ]);
  expect(accruedShare(accruals, START_MS, START_MS + 2 * YEAR_MS)).toBeCloseTo(0.5, 12);
  expect(accruedShare(accruals, START_MS + 2 * YEAR_MS, START_MS + 3 * YEAR_MS)).toBeCloseTo(0.125, 12);
});

const lifetimes = fc
  .array(
    fc.record({
      afterMs: fc.integer({ min: -YEAR_MS, max: 8 * YEAR_MS }),
      years: fc.integer({ min: 1, max: 10 }),
    }),
    {
      maxLength: 5,
    },
  )
  .map((list) =>
    list
      .map(({ afterMs, years }) => ({ fromMs: START_MS + afterMs, years }))
      .sort((a, b) => a.fromMs - b.fromMs),
  );

test('over a whole life the shares are 1, whatever the lifetimes were', () => {
  fc.assert(
    fc.property(lifetimes, (changes) => {
      expect(Math.abs(whole(accrualsOf(inService, changes)) - 1)).toBeLessThan(1e-9);
    }),
  );
});

test('any partition of time adds up', () => {
  const cut = fc.integer({ min: START_MS - YEAR_MS, max: START_MS + 12 * YEAR_MS });
  fc.assert(
    fc.property(lifetimes, fc.array(cut, { minLength: 2, maxLength: 20 }), (changes, cuts) => {
      const accruals = accrualsOf(inService, changes);
      const edges = cuts.sort((a, b) => a - b);
      let sum = 0;
      for (let i = 1; i < edges.length; i++) sum += accruedShare(accruals, edges[i - 1]!, edges[i]!);
      expect(Math.abs(sum - accruedShare(accruals, edges[0]!, edges.at(-1)!))).toBeLessThan(1e-9);
    }),
  );
});
