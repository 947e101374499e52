import { expect, test } from 'vitest';
import {
  gramsPerKwh,
  type Millijoules,
  millijoules,
  ratio,
  toKilowattHours,
  type Watts,
  watts,
} from '../../shared/units.ts';

const add = (a: Millijoules, b: Millijoules) => millijoules(a + b);

test('quantities of different units do not mix, checked by the compiler', () => {
  const energy = millijoules(5);
  // @ts-expect-error a bare number has no unit
  const bare: Millijoules = 5;
  // @ts-expect-error power is not energy
  const power: Watts = energy;
  // @ts-expect-error energy and power do not add
  expect(add(energy, watts(1))).toBe(6);
  expect([bare, power]).toEqual([5, 5]);
});

test('constructors refuse what would make a sum wrong', () => {
  expect(() => millijoules(0.5)).toThrow(/whole number/);
  expect(() => millijoules(2 ** 53)).toThrow(/2\^53/);
  expect(() => watts(-1)).toThrow(/negative/);
  expect(() => gramsPerKwh(Number.NaN)).toThrow(/finite/);
  expect(() => ratio(1.01)).toThrow(/0 to 1/);
});

test('kWh come from millijoules exactly, also beyond 2^53', () => {
  expect(toKilowattHours(3_600_000_000)).toBe(1);
  expect(toKilowattHours(36_000_000_000_000_000_000n)).toBe(1e10);
});
