import { expect, test } from 'vitest';
import { FEATURE_COUNT, features, HISTORY_HOURS } from '../../../../shared/grid/forecast/features.ts';
import { LEAD_HOURS, trainUntil } from '../../../../shared/grid/forecast/forecaster.ts';
import { LogSeries } from '../../../../shared/grid/forecast/log-series.ts';
import { MemoryTrust } from '../../../../shared/grid/forecast/memory-trust.ts';
import { RidgeSums } from '../../../../shared/grid/forecast/ridge-sums.ts';

const DAY = 24;
const START_HOUR = Date.parse('2024-01-01T00:00:00Z') / 3_600_000;

/** A solar grid with weekends and weather that lasts two days; seeded. */
function gridLike(days: number): Float64Array {
  let state = 7;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  let weather = 0;
  return Float64Array.from({ length: days * DAY }, (_, hour) => {
    weather = 0.98 * weather + 0.06 * random();
    const noon = Math.cos((2 * Math.PI * ((hour % DAY) - 13)) / DAY);
    const weekend = [5, 6].includes(Math.floor(hour / DAY) % 7) ? 0.85 : 1;
    return 300 * weekend * Math.exp(weather - 0.3 * noon);
  });
}

function mape(forecast: readonly number[], outcome: ArrayLike<number>, origin: number): number {
  return (
    forecast.reduce((sum, value, lead) => sum + Math.abs(value / outcome[origin + lead]! - 1), 0) /
    forecast.length
  );
}

test('it beats the same hour yesterday, and its band holds most outcomes', () => {
  const grams = gridLike(430);
  const series = new LogSeries(START_HOUR, grams);
  const first = 380 * DAY;
  const forecaster = trainUntil(series, first);
  let ours = 0;
  let persistence = 0;
  let inside = 0;
  let count = 0;
  for (let origin = first; origin + LEAD_HOURS <= grams.length; origin += DAY) {
    if (origin > first) {
      forecaster.learnDay(series, origin);
      forecaster.refit();
    }
    const forecast = forecaster.forecast(series, origin)!;
    expect(forecast).toHaveLength(LEAD_HOURS);
    ours += mape(
      forecast.map(({ gramsPerKwh }) => gramsPerKwh),
      grams,
      origin,
    );
    persistence += mape(
      Array.from({ length: LEAD_HOURS }, (_, lead) => grams[origin - DAY + (lead % DAY)]!),
      grams,
      origin,
    );
    for (const [lead, { lowGramsPerKwh, highGramsPerKwh }] of forecast.entries()) {
      const outcome = grams[origin + lead]!;
      inside += outcome >= lowGramsPerKwh && outcome <= highGramsPerKwh ? 1 : 0;
      count++;
    }
  }
  expect(ours).toBeLessThan(0.85 * persistence);
  expect(inside / count).toBeGreaterThan(0.7);
  expect(inside / count).toBeLessThan(0.95);
});

test('nothing after the origin is looked at', () => {
  const grams = gridLike(120);
  const origin = 100 * DAY;
  const changed = Float64Array.from(grams, (value, hour) => (hour >= origin ? 10 * value : value));
  const [known, other] = [grams, changed].map((values) => {
    const series = new LogSeries(START_HOUR, values);
    return trainUntil(series, origin).forecast(series, origin);
  });
  expect(other).toEqual(known);
});

test('learning day by day is what training does', () => {
  const series = new LogSeries(START_HOUR, gridLike(140));
  const early = trainUntil(series, 129 * DAY);
  early.forecast(series, 129 * DAY);
  early.learnDay(series, 130 * DAY);
  early.refit();
  const late = trainUntil(series, 130 * DAY).forecast(series, 130 * DAY)!;
  for (const [lead, { gramsPerKwh }] of early.forecast(series, 130 * DAY)!.entries()) {
    // The one trained later was watched for one day less at the beginning.
    expect(gramsPerKwh / late[lead]!.gramsPerKwh).toBeCloseTo(1, 2);
  }
});

test('the memory that did better lately is trusted more, by lead day', () => {
  const trust = new MemoryTrust(96, 2);
  expect(trust.weights(0)).toEqual([0.5, 0.5]);
  for (let day = 0; day < 60; day++) trust.judge(0, [0.02, 0.01]);
  const [worse, better] = trust.weights(23);
  expect(worse! + better!).toBeCloseTo(1, 12);
  expect(better!).toBeGreaterThan(0.9);
  expect(trust.weights(24)).toEqual([0.5, 0.5]);
});

test('too little history gives no forecast, not a guess', () => {
  const series = new LogSeries(START_HOUR, gridLike(40));
  expect(trainUntil(series, 28 * DAY).forecast(series, 28 * DAY)).toBeNull();
});

test('hours without a value take that of the day before', () => {
  const grams = gridLike(40);
  const holes = Float64Array.from(grams, (value, hour) => (hour >= 700 && hour < 703 ? Number.NaN : value));
  const series = new LogSeries(START_HOUR, holes);
  expect(series.at(701)).toBe(series.at(701 - DAY));
  expect([...features(series, HISTORY_HOURS + 48, 95)]).toHaveLength(FEATURE_COUNT);
  expect(features(series, HISTORY_HOURS + 48, 95).every(Number.isFinite)).toBe(true);
});

test('the sums find the weights that made the samples, and forget what faded', () => {
  const sums = new RidgeSums(3, 1e-9);
  const teach = (a: number, b: number, c: number) => {
    for (let i = 0; i < 200; i++) {
      const row = Float64Array.from([1, Math.sin(i), Math.cos(3 * i)]);
      sums.add(row, a + b * row[1]! + c * row[2]!);
    }
  };
  teach(5, 2, -1);
  const first = sums.fit()!;
  for (const [index, weight] of [5, 2, -1].entries()) expect(first.weights[index]).toBeCloseTo(weight, 3);
  expect(first.residualVariance).toBeLessThan(1e-6);
  sums.fade(1e-6);
  teach(1, 0, 3);
  for (const [index, weight] of [1, 0, 3].entries())
    expect(sums.fit()!.weights[index]).toBeCloseTo(weight, 3);
  expect(new RidgeSums(2, 1e-9).fit()).toBeNull();
});
