import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bandAround, LeadErrors } from '../../../shared/grid/lead-errors.ts';
import { profileForecast } from '../../../shared/grid/profile-forecast.ts';

const HOURS_PER_DAY = 24;
const grams = fc.oneof(
  { arbitrary: fc.double({ min: 0, max: 1_500, noNaN: true }), weight: 9 },
  { arbitrary: fc.constant(Number.NaN), weight: 1 },
);

test('a day that repeats itself goes on, with a band of no width', () => {
  const day = Array.from({ length: HOURS_PER_DAY }, (_, hour) => 100 + 5 * hour);
  const forecast = profileForecast([...day, ...day, ...day, ...day, ...day, ...day, ...day])!;
  expect(forecast).toHaveLength(96);
  for (const [lead, { gramsPerKwh, lowGramsPerKwh, highGramsPerKwh }] of forecast.slice(0, 24).entries()) {
    expect(gramsPerKwh).toBeCloseTo(day[lead]!, 9);
    expect(highGramsPerKwh - lowGramsPerKwh).toBeCloseTo(0, 6);
  }
});

test('what the last hours have more than usual is kept and forgotten by and by', () => {
  const flat = Array.from({ length: 7 * HOURS_PER_DAY - 3 }, () => 100);
  const forecast = profileForecast([...flat, 200, 200, 200])!;
  expect(forecast[0]!.gramsPerKwh).toBeGreaterThan(150);
  expect(forecast[12]!.gramsPerKwh).toBeLessThan(forecast[0]!.gramsPerKwh);
  expect(forecast[92]!.gramsPerKwh).toBeLessThan(115);
});

test('less than two days, or an hour of the day that is never known, is not enough', () => {
  expect(profileForecast(Array.from({ length: 47 }, () => 100))).toBeNull();
  expect(profileForecast(Array.from({ length: 48 }, () => 100))).not.toBeNull();
  const withoutNoon = Array.from({ length: 200 }, (_, hour) => (hour % 24 === 12 ? Number.NaN : 100));
  expect(profileForecast(withoutNoon)).toBeNull();
});

test('whatever the history, every hour is finite, not negative and within its band', () => {
  fc.assert(
    fc.property(fc.array(grams, { minLength: 48, maxLength: 400 }), (history) => {
      for (const hour of profileForecast(history) ?? []) {
        expect(Number.isFinite(hour.highGramsPerKwh)).toBe(true);
        expect(hour.lowGramsPerKwh).toBeGreaterThanOrEqual(0);
        expect(hour.lowGramsPerKwh).toBeLessThanOrEqual(hour.gramsPerKwh);
        expect(hour.gramsPerKwh).toBeLessThanOrEqual(hour.highGramsPerKwh);
      }
    }),
  );
});

test('errors are told by how far ahead, and only from enough outcomes', () => {
  const errors = new LeadErrors();
  for (let i = 0; i < 24; i++) errors.add(1, 100, i % 2 === 0 ? 200 : 50);
  for (let i = 0; i < 23; i++) errors.add(20, 100, 300);
  expect(errors.deviation(2.9)).toBeCloseTo(Math.log(2), 12);
  expect(errors.deviation(20)).toBeNull();
  expect(errors.deviation(3)).toBeNull();
  expect(errors.deviation(97)).toBeNull();
  const { lowGramsPerKwh, highGramsPerKwh } = bandAround(100, Math.log(2));
  expect(highGramsPerKwh / 100).toBeCloseTo(100 / lowGramsPerKwh, 12);
});
