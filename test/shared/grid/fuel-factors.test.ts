import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FUEL_FACTORS, type Fuel, mixIntensity } from '../../../shared/grid/fuel-factors.ts';

const fuels = Object.keys(FUEL_FACTORS.lifecycle) as Fuel[];

test('is the mean of the factors, weighted by what is generated', () => {
  // (300 x 490 + 100 x 11) / 400
  expect(
    mixIntensity(
      [
        ['gas', 300],
        ['wind', 100],
      ],
      'lifecycle',
    ),
  ).toBe(370.25);
  expect(mixIntensity([['gas', 1]], 'direct')).toBe(370);
});

test('own use is no generation, and nothing generated is no intensity', () => {
  expect(
    mixIntensity(
      [
        ['solar', -50],
        ['coal', 10],
        ['gas', 0],
      ],
      'lifecycle',
    ),
  ).toBe(820);
  expect(mixIntensity([['solar', -50]], 'lifecycle')).toBeNull();
  expect(mixIntensity([], 'direct')).toBeNull();
});

test('what burns nothing is zero on direct, and a value', () => {
  expect(mixIntensity([['hydro', 900]], 'direct')).toBe(0);
});

test('law: within the factors of what runs, whatever the order and the unit, and lifecycle above direct', () => {
  const mix = fc.array(fc.tuple(fc.constantFrom(...fuels), fc.double({ min: 0.1, max: 1e5, noNaN: true })), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(mix, (amounts) => {
      const lifecycle = mixIntensity(amounts, 'lifecycle')!;
      const factors = amounts.map(([fuel]) => FUEL_FACTORS.lifecycle[fuel]);
      expect(lifecycle).toBeGreaterThanOrEqual(Math.min(...factors));
      expect(lifecycle).toBeLessThanOrEqual(Math.max(...factors));
      expect(lifecycle).toBeGreaterThan(mixIntensity(amounts, 'direct')!);
      const inAnotherWay = amounts.toReversed().map(([fuel, amount]) => [fuel, amount * 1000] as const);
      expect(mixIntensity(inAnotherWay, 'lifecycle')).toBeCloseTo(lifecycle, 1);
    }),
  );
});
