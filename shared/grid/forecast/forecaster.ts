/**
 * Forecasts a zone's intensity for the next four days: the mean of two ridge regressions, one with many features for all lead hours and one
 * with few for each, from sums that learn daily and fade, with a band as wide as recent errors ask for (docs/decisions/0003-forecast.md has
 * the figures). All it knows is one array of numbers.
 */
import { EIGHTY_PERCENT_HALF_WIDTH } from '../greenest/saving-band.ts';
import { FEATURE_COUNT, features, PLAIN_FEATURE_COUNT } from './features.ts';
import type { HourlySeries } from './hourly-series.ts';
import { LEAD_FEATURE_COUNT, leadFeatures } from './lead-features.ts';
import { DAY_HOURS, LEAST_HISTORY_HOURS, pastOf, simpleRule } from './past.ts';
import { type Fit, RidgeSums } from './ridge-sums.ts';

export const LEAD_HOURS = 96;
const LEAD_DAYS = LEAD_HOURS / DAY_HOURS;
const HALF_LIFE_DAYS = 1_460;
/** Origins a little before and after the daily one teach nearly the same, and steady the weights. */
const ORIGIN_OFFSETS = [-2, -1, 0, 1, 2];
/** Days until all outcomes of the last of a day's origins are known. */
const OUTCOME_DAYS = LEAD_DAYS + 1;
/** So many days before the first forecast the errors are watched, to know how wide the band is. */
const WATCHED_DAYS = 30;
const SURPRISE_HALF_LIFE_DAYS = 40;
/** Outcomes scatter more than the samples that were learned from. */
const FIRST_SURPRISE = 1.3;
/** A variance above this comes from a series near zero and would pull the forecast to zero. */
const MAX_VARIANCE = 0.5;

export interface HourForecast {
  /** The value that makes the expected relative error least: below the median where errors are wide. */
  readonly gramsPerKwh: number;
  /** 80 % of outcomes are expected between these; the median is their geometric mean. */
  readonly lowGramsPerKwh: number;
  readonly highGramsPerKwh: number;
}

const SHARED_LENGTH = RidgeSums.length(FEATURE_COUNT, LEAD_HOURS);
const OF_LEAD_LENGTH = RidgeSums.length(LEAD_FEATURE_COUNT, 1);
const SUMS_LENGTH = SHARED_LENGTH + LEAD_HOURS * OF_LEAD_LENGTH;
/** Of one forecast: its origin as an hour since 1970 (0: none), then center and log variance of each lead. */
const SAID_LENGTH = 1 + 2 * LEAD_HOURS;
/** The sums, the surprise of each lead day, what was said on the last four days. */
export const STATE_LENGTH = SUMS_LENGTH + LEAD_DAYS + LEAD_DAYS * SAID_LENGTH;

interface Fits {
  readonly shared: Fit;
  /** By lead. */
  readonly ofLeads: readonly Fit[];
}

/** For one zone and one hour of the day at which forecasts are made. */
export class Forecaster {
  /** All that was learned: keep it, and give it to the next one. */
  readonly state: Float64Array;
  readonly #shared: RidgeSums;
  readonly #ofLeads: readonly RidgeSums[];
  /** Mean squared error against what the fit foretold, by lead day. */
  readonly #surprise: Float64Array;
  #fits: Fits | null = null;

  /** @throws RangeError for a state of another length than `STATE_LENGTH` */
  constructor(state?: Float64Array) {
    this.state =
      state ?? new Float64Array(STATE_LENGTH).fill(FIRST_SURPRISE, SUMS_LENGTH, SUMS_LENGTH + LEAD_DAYS);
    if (this.state.length !== STATE_LENGTH)
      throw new RangeError(`a forecaster's state is ${STATE_LENGTH} numbers, got ${this.state.length}`);
    if (state === undefined) this.state.fill(0, SUMS_LENGTH + LEAD_DAYS);
    this.#shared = new RidgeSums(FEATURE_COUNT, LEAD_HOURS, this.state.subarray(0, SHARED_LENGTH));
    this.#ofLeads = Array.from({ length: LEAD_HOURS }, (_, lead) => {
      const start = SHARED_LENGTH + lead * OF_LEAD_LENGTH;
      return new RidgeSums(LEAD_FEATURE_COUNT, 1, this.state.subarray(start, start + OF_LEAD_LENGTH));
    });
    this.#surprise = this.state.subarray(SUMS_LENGTH, SUMS_LENGTH + LEAD_DAYS);
  }

  /** Learns what became known by `now`, the end of a day, and judges what was said of it. Once a day, in order of time. */
  learnDay(series: HourlySeries, now: number): void {
    this.#judge(series, now);
    this.#fits = null;
    for (const sums of [this.#shared, ...this.#ofLeads]) sums.fade(0.5 ** (1 / HALF_LIFE_DAYS));
    for (const offset of ORIGIN_OFFSETS) {
      const origin = now - OUTCOME_DAYS * DAY_HOURS + offset;
      if (origin < LEAST_HISTORY_HOURS) continue;
      const { row, rows, base } = outlook(series, origin);
      const rest = base.map((value, lead) => series.at(origin + lead) - value);
      this.#shared.add(row, rest);
      for (const [lead, sums] of this.#ofLeads.entries())
        sums.add(rows[lead]!, rest.subarray(lead, lead + 1));
    }
  }

  /** One forecast per lead hour; null before anything was learned, or with less than a week before the origin. */
  forecast(series: HourlySeries, origin: number): HourForecast[] | null {
    if (origin < LEAST_HISTORY_HOURS) return null;
    this.#fits ??= this.#solve();
    if (this.#fits === null) return null;
    const { shared, ofLeads } = this.#fits;
    const { row, rows, base } = outlook(series, origin);
    const said = this.#saidOf(series.startHour + origin);
    said[0] = series.startHour + origin;
    return ofLeads.map((ofLead, lead) => {
      const rest = (dot(shared.weights[lead]!, row) + dot(ofLead.weights[0]!, rows[lead]!)) / 2;
      const unexplained = (shared.residualVariances[lead]! + ofLead.residualVariances[0]!) / 2;
      const median = series.gramsPerKwh(base[lead]! + rest);
      const foretold = unexplained * series.logsPerUnit(median) ** 2;
      said[1 + lead] = median;
      said[1 + LEAD_HOURS + lead] = foretold;
      const variance = Math.min(MAX_VARIANCE, foretold * this.#surprise[Math.floor(lead / DAY_HOURS)]!);
      const band = EIGHTY_PERCENT_HALF_WIDTH * Math.sqrt(variance);
      return {
        // For log-normal errors the expected |forecast - outcome| / outcome is least at exp(mean - variance).
        gramsPerKwh: median * Math.exp(-variance),
        lowGramsPerKwh: median * Math.exp(-band),
        highGramsPerKwh: median * Math.exp(band),
      };
    });
  }

  /** Null before anything was learned. */
  #solve(): Fits | null {
    const shared = this.#shared.fit((lead) => (lead < DAY_HOURS ? FEATURE_COUNT : PLAIN_FEATURE_COUNT));
    const ofLeads = this.#ofLeads.flatMap((sums) => sums.fit() ?? []);
    return shared && { shared, ofLeads };
  }

  /** Where what is said from an hour is kept, over what was said four days earlier. */
  #saidOf(originHour: number): Float64Array {
    const slot = Math.floor(originHour / DAY_HOURS) % LEAD_DAYS;
    const start = SUMS_LENGTH + LEAD_DAYS + slot * SAID_LENGTH;
    return this.state.subarray(start, start + SAID_LENGTH);
  }

  /** Each forecast of the last days has one more day of outcomes. */
  #judge(series: HourlySeries, now: number): void {
    const fade = 0.5 ** (1 / SURPRISE_HALF_LIFE_DAYS);
    for (let leadDay = 0; leadDay < LEAD_DAYS; leadDay++) {
      const origin = now - (leadDay + 1) * DAY_HOURS;
      const said = this.#saidOf(series.startHour + origin);
      if (said[0] !== series.startHour + origin) continue;
      let sum = 0;
      for (let lead = leadDay * DAY_HOURS; lead < (leadDay + 1) * DAY_HOURS; lead++) {
        const error = Math.log(series.gramsPerKwh(series.at(origin + lead)) / said[1 + lead]!);
        sum += error ** 2 / Math.max(said[1 + LEAD_HOURS + lead]!, 1e-9);
      }
      this.#surprise[leadDay] = fade * this.#surprise[leadDay]! + (1 - fade) * (sum / DAY_HOURS);
    }
  }
}

/** Learns all that lies before `origin`, day by day; ready to forecast from there. */
export function trainUntil(series: HourlySeries, origin: number): Forecaster {
  const forecaster = new Forecaster();
  const days = Math.floor((origin - LEAST_HISTORY_HOURS) / DAY_HOURS);
  for (let left = days - OUTCOME_DAYS; left >= 0; left--) {
    const now = origin - left * DAY_HOURS;
    forecaster.learnDay(series, now);
    if (left > 0 && left < WATCHED_DAYS) forecaster.forecast(series, now);
  }
  return forecaster;
}

function outlook(series: HourlySeries, origin: number) {
  const past = pastOf(series, origin);
  const epochHour = series.startHour + origin;
  return {
    row: features(past, epochHour),
    rows: leadFeatures(past, epochHour, LEAD_HOURS),
    base: simpleRule(past, LEAD_HOURS),
  };
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
