/** One zone's forecasts of every day of the test months, scored beside the same hour of the latest known day. */
import {
  type Forecaster,
  type HourForecast,
  LEAD_HOURS,
  trainUntil,
} from '../../shared/grid/forecast/forecaster.ts';
import { HourlySeries, usualIntensity } from '../../shared/grid/forecast/hourly-series.ts';

const DAY = 24;
/** A model from nothing at each origin is the longest work. */
const NEW_USER_EVERY_DAYS = 3;

/** Errors over all origins and the first hours; hours without a positive outcome are left out. */
export class Score {
  #relative = 0;
  #squares = 0;
  #outcomes = 0;
  #count = 0;
  #inside = 0;

  add(forecast: number, outcome: number, inside = false): void {
    if (!(outcome > 0)) return;
    this.#relative += Math.abs(forecast - outcome) / outcome;
    this.#squares += (forecast - outcome) ** 2;
    this.#outcomes += outcome;
    this.#inside += inside ? 1 : 0;
    this.#count++;
  }

  get mapePercent(): number {
    return (100 * this.#relative) / this.#count;
  }
  get rmse(): number {
    return Math.sqrt(this.#squares / this.#count);
  }
  get rmseToMean(): number {
    return (this.rmse * this.#count) / this.#outcomes;
  }
  get coverage(): number {
    return this.#inside / this.#count;
  }
}

export interface Scores {
  readonly ours24: Score;
  readonly ours96: Score;
  readonly p24At24: Score;
  readonly p24At96: Score;
}

export interface Issue {
  readonly origin: number;
  readonly forecast: readonly HourForecast[];
}

/**
 * @param first origin, an index of the series; then every 24 hours
 * @param historyDays of a new user: all that lies before is unknown, and the model starts from nothing at each origin
 */
export function issues(
  startHour: number,
  grams: Float64Array,
  first: number,
  end: number,
  historyDays?: number,
): Issue[] {
  const all: Issue[] = [];
  const last = Math.min(end, grams.length) - LEAD_HOURS;
  const add = (origin: number, forecast: HourForecast[] | null) => {
    if (forecast !== null) all.push({ origin, forecast });
  };
  if (historyDays === undefined) {
    const series = new HourlySeries(startHour, grams, usualIntensity(grams.subarray(0, 365 * DAY)));
    const forecaster: Forecaster = trainUntil(series, first);
    for (let origin = first; origin <= last; origin += DAY) {
      if (origin > first) forecaster.learnDay(series, origin);
      add(origin, forecaster.forecast(series, origin));
    }
    return all;
  }
  const hours = historyDays * DAY;
  for (let origin = first; origin <= last; origin += NEW_USER_EVERY_DAYS * DAY) {
    const known = grams.subarray(origin - hours, origin);
    const series = new HourlySeries(startHour + origin - hours, known, usualIntensity(known));
    add(origin, trainUntil(series, hours).forecast(series, hours));
  }
  return all;
}

/** @param lag hours before midnight at which the series ends; the first `lag` leads are past and not scored */
export function score(grams: Float64Array, made: readonly Issue[], lag = 0): Scores {
  const scores = { ours24: new Score(), ours96: new Score(), p24At24: new Score(), p24At96: new Score() };
  for (const { origin, forecast } of made)
    for (let lead = lag; lead < LEAD_HOURS; lead++) {
      const { gramsPerKwh, lowGramsPerKwh, highGramsPerKwh } = forecast[lead]!;
      const outcome = grams[origin + lead]!;
      const same = grams[origin - DAY + (lead % DAY)]!;
      scores.ours96.add(gramsPerKwh, outcome, outcome >= lowGramsPerKwh && outcome <= highGramsPerKwh);
      scores.p24At96.add(same, outcome);
      if (lead >= DAY + lag) continue;
      scores.ours24.add(gramsPerKwh, outcome);
      scores.p24At24.add(same, outcome);
    }
  return scores;
}
