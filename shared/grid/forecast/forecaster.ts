/**
 * Forecasts a zone's intensity for the next four days: for each lead hour three ridge models in logarithms, alike but for
 * how long they remember, weighed by how they did lately (docs/decisions/0003-forecast.md has the figures).
 */
import { FEATURE_COUNT, features, HISTORY_HOURS } from './features.ts';
import type { LogSeries } from './log-series.ts';
import { MemoryTrust } from './memory-trust.ts';
import { type Fit, RidgeSums } from './ridge-sums.ts';

export const LEAD_HOURS = 96;
const DAY_HOURS = 24;
/** The short one learns from few samples and is held tighter. */
const MEMORIES = [
  { halfLifeDays: Number.POSITIVE_INFINITY, ridge: 0.000_03 },
  { halfLifeDays: 730, ridge: 0.000_03 },
  { halfLifeDays: 60, ridge: 0.01 },
];
/** Origins a little before and after the daily one teach nearly the same, and steady the weights. */
const ORIGIN_OFFSETS = [-2, -1, 0, 1, 2];
const LAST_OFFSET = Math.max(...ORIGIN_OFFSETS);
/** So many days before the first forecast the memories are watched, to know which to trust. */
const WATCHED_DAYS = 60;
/** Of a normal distribution: 80 % lie within. */
const BAND_80 = 1.281_551_565_5;
/** Outcomes scatter more than the samples that were learned from; measured before the test months. */
const BAND_WIDENING = 1.15;
/** A variance above this comes from a series near zero and would pull the forecast to zero. */
const MAX_VARIANCE = 0.5;

export interface HourForecast {
  /** The value that makes the expected relative error least: below the median where errors are wide. */
  readonly gramsPerKwh: number;
  /** 80 % of outcomes are expected between these. */
  readonly lowGramsPerKwh: number;
  readonly highGramsPerKwh: number;
}

/** What each memory said, by lead: judged as the outcomes come. */
interface Said {
  readonly origin: number;
  readonly logs: readonly (readonly number[])[];
}

/** For one zone and one hour of the day at which forecasts are made. */
export class Forecaster {
  readonly #memories: RidgeSums[][] = Array.from({ length: LEAD_HOURS }, () =>
    MEMORIES.map(({ ridge }) => new RidgeSums(FEATURE_COUNT, ridge)),
  );
  readonly #trust = new MemoryTrust(LEAD_HOURS, MEMORIES.length);
  #fits: Fit[][] = [];
  #said: Said[] = [];

  /** Learns what became known by `now`, the end of a day, and judges what was said of it. Once a day, in order of time. */
  learnDay(series: LogSeries, now: number): void {
    this.#judge(series, now);
    for (let lead = 0; lead < LEAD_HOURS; lead++) {
      const daysBack = Math.ceil((lead + 1 + LAST_OFFSET) / DAY_HOURS);
      this.#learn(series, now - daysBack * DAY_HOURS, lead);
    }
  }

  /** Takes what was learned into use. */
  refit(): void {
    this.#fits = this.#memories.map((memories) => memories.flatMap((memory) => memory.fit() ?? []));
  }

  /** One forecast per lead hour; null before anything was learned, or with less than 28 days before the origin. */
  forecast(series: LogSeries, origin: number): HourForecast[] | null {
    if (origin < HISTORY_HOURS || this.#fits.length === 0) return null;
    if (this.#fits.some((fits) => fits.length < MEMORIES.length)) return null;
    const logs = this.#fits.map((fits, lead) => {
      const row = features(series, origin, lead);
      return fits.map(({ weights }) => dot(weights, row));
    });
    this.#said = [...this.#said.filter((said) => said.origin !== origin), { origin, logs }].slice(
      -LEAD_HOURS / DAY_HOURS,
    );
    return logs.map((ofLead, lead) => {
      const trust = this.#trust.weights(lead);
      const center = dot(trust, ofLead);
      const variances = this.#fits[lead]!.map(({ residualVariance }) => residualVariance);
      const variance = Math.min(MAX_VARIANCE, dot(trust, variances));
      const band = BAND_80 * BAND_WIDENING * Math.sqrt(variance);
      return {
        // For log-normal errors the expected |forecast - outcome| / outcome is least at exp(mean - variance).
        gramsPerKwh: Math.exp(center - variance),
        lowGramsPerKwh: Math.exp(center - band),
        highGramsPerKwh: Math.exp(center + band),
      };
    });
  }

  #learn(series: LogSeries, origin: number, lead: number): void {
    const memories = this.#memories[lead]!;
    for (const [index, memory] of memories.entries()) memory.fade(0.5 ** (1 / MEMORIES[index]!.halfLifeDays));
    for (const offset of ORIGIN_OFFSETS) {
      const at = origin + offset;
      if (at < HISTORY_HOURS) continue;
      const row = features(series, at, lead);
      for (const memory of memories) memory.add(row, series.at(at + lead));
    }
  }

  /** Each forecast of the last days has one more day of outcomes. */
  #judge(series: LogSeries, now: number): void {
    for (const { origin, logs } of this.#said) {
      const leadDay = (now - origin) / DAY_HOURS - 1;
      if (!Number.isInteger(leadDay) || leadDay < 0 || leadDay >= LEAD_HOURS / DAY_HOURS) continue;
      const leads = Array.from({ length: DAY_HOURS }, (_, hour) => leadDay * DAY_HOURS + hour);
      const errors = MEMORIES.map((_, memory) => {
        const squares = leads.map((lead) => (logs[lead]![memory]! - series.at(origin + lead)) ** 2);
        return squares.reduce((sum, square) => sum + square, 0) / DAY_HOURS;
      });
      this.#trust.judge(leadDay, errors);
    }
  }
}

/** Learns all that lies before `origin`, day by day; ready to forecast from there. */
export function trainUntil(series: LogSeries, origin: number): Forecaster {
  const forecaster = new Forecaster();
  const days = Math.floor((origin - HISTORY_HOURS) / DAY_HOURS);
  for (let left = days - 1; left >= 0; left--) {
    const now = origin - left * DAY_HOURS;
    forecaster.learnDay(series, now);
    if (left >= WATCHED_DAYS || left === 0) continue;
    forecaster.refit();
    forecaster.forecast(series, now);
  }
  forecaster.refit();
  return forecaster;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
