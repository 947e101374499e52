import { expect, test } from 'vitest';
import { FEATURE_COUNT, features } from '../../../../shared/grid/forecast/features.ts';
import {
  Forecaster,
  LEAD_HOURS,
  STATE_LENGTH,
  trainUntil,
} from '../../../../shared/grid/forecast/forecaster.ts';
import { HourlySeries, usualIntensity } from '../../../../shared/grid/forecast/hourly-series.ts';
import { LEAD_FEATURE_COUNT, leadFeatures } from '../../../../shared/grid/forecast/lead-features.ts';
import { LEAST_HISTORY_HOURS, pastOf, simpleRule } from '../../../../shared/grid/forecast/past.ts';
import { RidgeSums } from '../../../../shared/grid/forecast/ridge-sums.ts';

const DAY = 24;
const UNIT = 300;
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
  const grams = gridLike(230);
  const series = new HourlySeries(START_HOUR, grams, UNIT);
  const first = 205 * DAY;
  const forecaster = trainUntil(series, first);
  let ours = 0;
  let persistence = 0;
  let inside = 0;
  let count = 0;
  for (let origin = first; origin + LEAD_HOURS <= grams.length; origin += DAY) {
    if (origin > first) {
      forecaster.learnDay(series, origin);
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

test('the value least off in relative terms lies below the median, both within the band', () => {
  const series = new HourlySeries(START_HOUR, gridLike(60), UNIT);
  for (const hour of trainUntil(series, 50 * DAY).forecast(series, 50 * DAY)!) {
    const median = Math.sqrt(hour.lowGramsPerKwh * hour.highGramsPerKwh);
    expect(hour.gramsPerKwh).toBeLessThan(median);
    expect(median).toBeLessThan(hour.highGramsPerKwh);
    expect(hour.gramsPerKwh).toBeGreaterThan(hour.lowGramsPerKwh);
  }
});

test('nothing after the origin is looked at', () => {
  const grams = gridLike(120);
  const origin = 100 * DAY;
  const changed = Float64Array.from(grams, (value, hour) => (hour >= origin ? 10 * value : value));
  const [known, other] = [grams, changed].map((values) => {
    const series = new HourlySeries(START_HOUR, values, UNIT);
    return trainUntil(series, origin).forecast(series, origin);
  });
  expect(other).toEqual(known);
});

test('what was learned is kept as numbers, and the next one goes on from there', () => {
  const series = new HourlySeries(START_HOUR, gridLike(60), UNIT);
  const first = trainUntil(series, 50 * DAY);
  first.forecast(series, 50 * DAY);
  const kept = new Float64Array(first.state.slice().buffer);
  expect(kept).toHaveLength(STATE_LENGTH);
  const second = new Forecaster(kept);
  for (const forecaster of [first, second]) forecaster.learnDay(series, 51 * DAY);
  expect(second.forecast(series, 51 * DAY)).toEqual(first.forecast(series, 51 * DAY));
  expect(second.state).toEqual(first.state);
  expect(() => new Forecaster(new Float64Array(3))).toThrow(RangeError);
});

test('a band is as wide as errors lately were', () => {
  const calm = gridLike(130);
  // In the last weeks each day is up or down by a fifth, as nothing before foretold.
  const wild = calm.map((value, hour) =>
    hour < 70 * DAY ? value : value * (Math.floor(hour / DAY) % 3 === 0 ? 1.5 : 0.7),
  );
  const [narrow, wide] = [calm, wild].map((grams) => {
    const series = new HourlySeries(START_HOUR, grams, UNIT);
    const { lowGramsPerKwh, highGramsPerKwh } = trainUntil(series, 126 * DAY).forecast(
      series,
      126 * DAY,
    )![12]!;
    return Math.log(highGramsPerKwh / lowGramsPerKwh);
  });
  expect(wide).toBeGreaterThan(1.4 * narrow!);
});

test('two weeks are enough for a first forecast; less gives none, not a guess', () => {
  const grams = gridLike(40);
  const series = new HourlySeries(START_HOUR, grams, UNIT);
  const early = trainUntil(series, 14 * DAY).forecast(series, 14 * DAY)!;
  expect(
    mape(
      early.map(({ gramsPerKwh }) => gramsPerKwh),
      grams,
      14 * DAY,
    ),
  ).toBeLessThan(0.5);
  expect(trainUntil(series, 11 * DAY).forecast(series, 11 * DAY)).toBeNull();
  expect(new Forecaster().forecast(series, 20 * DAY)).toBeNull();
});

test('hours without a value take that of the day before, and the scale leads back', () => {
  const grams = gridLike(40);
  const holes = Float64Array.from(grams, (value, hour) => (hour >= 700 && hour < 703 ? Number.NaN : value));
  const series = new HourlySeries(START_HOUR, holes, usualIntensity(holes));
  expect(series.at(701)).toBe(series.at(701 - DAY));
  expect(series.gramsPerKwh(series.at(500))).toBeCloseTo(grams[500]!, 9);
  expect(series.hourOfDayMean(480, 5, 2)).toBeCloseTo((series.at(461) + series.at(437)) / 2, 12);
});

test('with a week of history every feature is there, and a finite number', () => {
  const series = new HourlySeries(START_HOUR, gridLike(12), UNIT);
  const past = pastOf(series, LEAST_HISTORY_HOURS);
  const epochHour = START_HOUR + LEAST_HISTORY_HOURS;
  const row = features(past, epochHour);
  const rows = leadFeatures(past, epochHour, LEAD_HOURS);
  expect(row).toHaveLength(FEATURE_COUNT);
  expect(row.at(-2)).not.toBe(0);
  expect(rows).toHaveLength(LEAD_HOURS);
  for (const ofLead of rows) expect(ofLead).toHaveLength(LEAD_FEATURE_COUNT);
  // 2024-01-08 is a Monday; so are its hours, until the day after.
  expect([rows[0]!, rows[23]!, rows[24]!].map((ofLead) => [...ofLead.slice(-5, -2)])).toEqual([
    [0, 0, 1],
    [0, 0, 1],
    [0, 0, 0],
  ]);
  // What was known of the same hour of the last day.
  expect(rows[30]![rows[30]!.length - 10]! + past.level).toBeCloseTo(
    series.at(LEAST_HISTORY_HOURS - DAY + 6),
    12,
  );
  const all = [...row, ...simpleRule(past, LEAD_HOURS), ...rows.flatMap((ofLead) => [...ofLead])];
  expect(all.every(Number.isFinite)).toBe(true);
});

test('the sums find the weights that made the samples, and forget what faded', () => {
  const sums = new RidgeSums(3, 2, new Float64Array(RidgeSums.length(3, 2)));
  expect(sums.fit()).toBeNull();
  const teach = (a: number, b: number, c: number) => {
    for (let i = 0; i < 20_000; i++) {
      const row = Float64Array.from([1, Math.sin(i), Math.cos(3 * i)]);
      const target = a + b * row[1]! + c * row[2]!;
      sums.add(row, Float64Array.from([target, -2 * target]));
    }
  };
  teach(5, 2, -1);
  const { weights, residualVariances } = sums.fit()!;
  for (const [index, weight] of [5, 2, -1].entries()) {
    expect(weights[0]![index]).toBeCloseTo(weight, 2);
    expect(weights[1]![index]).toBeCloseTo(-2 * weight, 2);
  }
  // Of a variance of 27: the few samples that speak for none are in it.
  expect(residualVariances[0]).toBeLessThan(0.02);
  sums.fade(1e-6);
  teach(1, 0, 3);
  for (const [index, weight] of [1, 0, 3].entries())
    expect(sums.fit()!.weights[0]![index]).toBeCloseTo(weight, 2);
});

test('a target told from the first features alone is told as if there were no others', () => {
  const both = new RidgeSums(3, 2, new Float64Array(RidgeSums.length(3, 2)));
  const first = new RidgeSums(2, 2, new Float64Array(RidgeSums.length(2, 2)));
  for (let i = 0; i < 500; i++) {
    const row = Float64Array.of(1, Math.sin(i), Math.cos(2 * i) + Math.sin(i));
    const targets = Float64Array.of(1 + row[1]! + row[2]!, row[2]!);
    both.add(row, targets);
    first.add(row.subarray(0, 2), targets);
  }
  const fit = both.fit((target) => (target === 0 ? 3 : 2))!;
  expect(fit.weights[0]).toHaveLength(3);
  expect(fit.weights[1]).toHaveLength(2);
  const alone = first.fit()!;
  for (const index of [0, 1]) expect(fit.weights[1]![index]).toBeCloseTo(alone.weights[1]![index]!, 10);
  expect(fit.residualVariances[1]).toBeCloseTo(alone.residualVariances[1]!, 10);
});
