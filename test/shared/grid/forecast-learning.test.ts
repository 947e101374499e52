import { expect, test } from 'vitest';
import { Forecaster } from '../../../shared/grid/forecast/forecaster.ts';
import { HourlySeries } from '../../../shared/grid/forecast/hourly-series.ts';
import {
  dayEndUntil,
  firstDayEnd,
  fromWholeDay,
  type KnownHours,
  LOOK_BACK_HOURS,
  learnDays,
  MODEL_VERSION,
} from '../../../shared/grid/forecast-learning.ts';

const SINCE = Date.parse('2024-01-01T00:00:00Z') / 3_600_000;
const TERMS = { unitGramsPerKwh: 300, watchedFromHour: SINCE + 40 * 24 };
const HOUR_OF_DAY = 6;
const FIRST = firstDayEnd(SINCE, HOUR_OF_DAY);

/** Sun, weather and weekends; nothing random. */
function hoursOf(days: number): Float64Array {
  return Float64Array.from(
    { length: days * 24 },
    (_, hour) => 300 + 90 * Math.cos(hour / 3.82) + 60 * Math.sin(hour / 31.7) + 20 * Math.sin(hour * hour),
  );
}
const all = (gramsPerKwh: Float64Array): KnownHours => ({ startHour: SINCE, gramsPerKwh });

function atOnce(known: KnownHours, lastHour: number): Forecaster {
  const forecaster = new Forecaster();
  learnDays(forecaster, known, TERMS, { firstHour: FIRST, lastHour });
  return forecaster;
}

/** Each number relative to the largest of its neighbourhood: sums of what cancels out have no size of their own. */
function distance(a: Float64Array, b: Float64Array): number {
  const scale = a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return a.reduce(
    (most, value, index) =>
      Math.max(most, Math.abs(value - b[index]!) / Math.max(Math.abs(value), 1e-6 * scale)),
    0,
  );
}

test('a day ends at its hour', () => {
  expect(dayEndUntil(SINCE + 6, 6)).toBe(SINCE + 6);
  expect(dayEndUntil(SINCE + 5, 6)).toBe(SINCE - 18);
  // A week of history, and the outcomes of the day's first origin.
  expect(FIRST).toBe(SINCE + 12 * 24 + 6);
});

test('it is what the forecaster learns by itself: all days that end from the first on, and forecasts of the later ones', () => {
  const gramsPerKwh = hoursOf(50);
  const series = new HourlySeries(SINCE, gramsPerKwh, TERMS.unitGramsPerKwh);
  const expected = new Forecaster();
  const last = dayEndUntil(SINCE + 50 * 24, HOUR_OF_DAY);
  for (let now = FIRST; now <= last; now += 24) {
    expected.learnDay(series, now - SINCE);
    if (now >= TERMS.watchedFromHour) expected.forecast(series, now - SINCE);
  }
  expect(atOnce(all(gramsPerKwh), last).state).toEqual(expected.state);
});

test('one window after the other teaches what all hours at once do, unknown hours and zeros included', () => {
  const gramsPerKwh = hoursOf(70);
  for (const hour of [400, 401, 402, 800, 1_000, 1_001]) gramsPerKwh[hour] = Number.NaN;
  gramsPerKwh.fill(0, 1_100, 1_110);
  gramsPerKwh[1_200] = 2_000;
  // A gap longer than a day's outcomes.
  gramsPerKwh.fill(Number.NaN, 1_250, 1_400);
  const last = dayEndUntil(SINCE + 70 * 24, HOUR_OF_DAY);
  const bySteps = new Forecaster();
  for (let firstHour = FIRST; firstHour <= last; firstHour += 5 * 24) {
    const lastHour = Math.min(last, firstHour + 4 * 24);
    const from = Math.max(SINCE, firstHour - LOOK_BACK_HOURS - 7 * 24);
    const window = { startHour: from, gramsPerKwh: gramsPerKwh.subarray(from - SINCE, lastHour - SINCE) };
    const known = from === SINCE ? window : fromWholeDay(window, firstHour - LOOK_BACK_HOURS)!;
    learnDays(bySteps, known, TERMS, { firstHour, lastHour });
  }
  const expected = atOnce(all(gramsPerKwh), last).state;
  expect(distance(expected, bySteps.state)).toBeLessThan(1e-12);
  // The test sees a difference of one value.
  gramsPerKwh[900]! += 1;
  expect(distance(expected, atOnce(all(gramsPerKwh), last).state)).toBeGreaterThan(1e-9);
});

test('a day whose outcomes are mostly unknown teaches nothing', () => {
  const gramsPerKwh = hoursOf(20);
  const whole = atOnce(all(gramsPerKwh), FIRST + 24).state.slice();
  gramsPerKwh.fill(Number.NaN, FIRST + 24 - SINCE, FIRST + 60 - SINCE);
  expect(atOnce(all(gramsPerKwh), FIRST + 48).state).toEqual(whole);
});

test('hours begin at the first day that is known whole, if one begins early enough', () => {
  const gramsPerKwh = hoursOf(3);
  gramsPerKwh[5] = Number.NaN;
  expect(fromWholeDay(all(gramsPerKwh), SINCE + 6)).toEqual({
    startHour: SINCE + 6,
    gramsPerKwh: gramsPerKwh.subarray(6),
  });
  expect(fromWholeDay(all(gramsPerKwh), SINCE + 5)).toBeNull();
  expect(fromWholeDay(all(gramsPerKwh.fill(Number.NaN)), SINCE + 100)).toBeNull();
});

test('another model has another version: what is stored was learned by this one', () => {
  const { state } = atOnce(all(hoursOf(60)), dayEndUntil(SINCE + 60 * 24, HOUR_OF_DAY));
  const sum = state.reduce((total, value, index) => total + value * Math.cos(index), 0);
  // Does this fail because the model was changed? Then raise MODEL_VERSION and note the new sum: stored states are learned anew.
  expect({ version: MODEL_VERSION, sum: Number(sum.toPrecision(6)) }).toEqual({ version: 1, sum: -116_624 });
});
