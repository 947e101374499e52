/**
 * How a forecaster follows a zone's stored hours, day by day: what it knows after a day is the same in whatever steps it
 * came there. Hours are whole ones since 1970; a day ends at the hour of the day that the forecaster is for.
 */
import type { Forecaster } from './forecast/forecaster.ts';
import { HourlySeries } from './forecast/hourly-series.ts';
import { DAY_HOURS, LEAST_HISTORY_HOURS } from './forecast/past.ts';

/** What was learned by another model is of no use to this one: to be raised whenever the same hours teach it other numbers. */
export const MODEL_VERSION = 1;
/** A day teaches what four days and a half after its start became known. */
const OUTCOME_HOURS = 5 * DAY_HOURS;
/** Origins two hours before the day's end, four weeks and the outcomes before it: no hour before is looked at. */
export const LOOK_BACK_HOURS = 35 * DAY_HOURS;
/** With more unknown hours among its outcomes a day is left out: those that stand in for them would teach that nothing changes. */
const LEAST_KNOWN_RATIO = 0.9;

export interface KnownHours {
  readonly startHour: number;
  /** Hour by hour; NaN where it is unknown. */
  readonly gramsPerKwh: Float64Array;
}

export interface LearningTerms {
  /** The zone's usual intensity, one for as long as the forecaster lives. */
  readonly unitGramsPerKwh: number;
  /** From here on it forecasts at the end of each day, to see how wide its band must be. */
  readonly watchedFromHour: number;
}

/** The latest end of a day that is no later than an hour. */
export function dayEndUntil(hour: number, hourOfDay: number): number {
  return Math.floor((hour - hourOfDay) / DAY_HOURS) * DAY_HOURS + hourOfDay;
}

/** End of the first day that a history teaches. */
export function firstDayEnd(sinceHour: number, hourOfDay: number): number {
  return dayEndUntil(sinceHour + LEAST_HISTORY_HOURS + OUTCOME_HOURS + DAY_HOURS - 1, hourOfDay);
}

/**
 * Learns the days that end from `firstHour` to `lastHour`, which the hours must reach.
 * @param known from the beginning of the history, or from a day that is known whole, `LOOK_BACK_HOURS` before the first day's end
 */
export function learnDays(
  forecaster: Forecaster,
  known: KnownHours,
  terms: LearningTerms,
  { firstHour, lastHour }: { readonly firstHour: number; readonly lastHour: number },
): void {
  const series = new HourlySeries(known.startHour, known.gramsPerKwh, terms.unitGramsPerKwh);
  for (let dayEnd = firstHour; dayEnd <= lastHour; dayEnd += DAY_HOURS) {
    const now = dayEnd - known.startHour;
    if (!outcomesAreKnown(known.gramsPerKwh, now)) continue;
    forecaster.learnDay(series, now);
    if (dayEnd >= terms.watchedFromHour) forecaster.forecast(series, now);
  }
}

/**
 * The hours from the first day on that is known whole, so that unknown ones are filled as they would be from the beginning.
 * @returns null where no such day begins by `latestHour`
 */
export function fromWholeDay({ startHour, gramsPerKwh }: KnownHours, latestHour: number): KnownHours | null {
  let known = 0;
  for (const [index, grams] of gramsPerKwh.entries()) {
    known = Number.isNaN(grams) ? 0 : known + 1;
    const first = index + 1 - DAY_HOURS;
    if (startHour + first > latestHour) return null;
    if (known >= DAY_HOURS) return { startHour: startHour + first, gramsPerKwh: gramsPerKwh.subarray(first) };
  }
  return null;
}

function outcomesAreKnown(gramsPerKwh: Float64Array, now: number): boolean {
  const outcomes = gramsPerKwh.subarray(Math.max(0, now - OUTCOME_HOURS), now);
  return outcomes.filter((grams) => !Number.isNaN(grams)).length >= LEAST_KNOWN_RATIO * OUTCOME_HOURS;
}
