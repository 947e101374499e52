import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitInteger } from '../../shared/split.ts';

const weights = fc.array(fc.oneof(fc.double({ min: 0, max: 1e300, noNaN: true }), fc.constant(0)), {
  minLength: 1,
  maxLength: 40,
});
const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

test('parts sum to the whole exactly, for any whole and any weights', () => {
  fc.assert(
    fc.property(whole, weights, (energy, shares) => {
      const parts = splitInteger(energy, shares);
      expect(parts.reduce((sum, part) => sum + BigInt(part), 0n)).toBe(BigInt(energy));
      expect(parts.every((part) => Number.isSafeInteger(part) && part >= 0)).toBe(true);
    }),
  );
});

test('each part is within one of its exact share', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e12 }),
      fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 20 }),
      (energy, shares) => {
        const total = shares.reduce((sum, share) => sum + share, 0);
        const parts = splitInteger(energy, shares);
        shares.forEach((share, index) => {
          const exact = total === 0 ? energy / shares.length : (energy * share) / total;
          expect(Math.abs(parts[index]! - exact)).toBeLessThan(1 + 1e-3);
        });
      },
    ),
  );
});

test('ties go to the earlier part, nothing to split gives zeros, and bad input is refused', () => {
  expect(splitInteger(10, [1, 1, 1])).toEqual([4, 3, 3]);
  expect(splitInteger(0, [5, 7])).toEqual([0, 0]);
  expect(splitInteger(7, [0, 0])).toEqual([4, 3]);
  expect(() => splitInteger(1.5, [1])).toThrow(/whole/);
  expect(() => splitInteger(1, [])).toThrow(/no parts/);
  expect(() => splitInteger(1, [Number.NaN])).toThrow(/finite/);
});
