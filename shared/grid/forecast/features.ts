/**
 * What a forecast looks at: the last hours, usual days, the level of the last days, and the calendar. Everything lies before the origin
 * and serves all lead hours alike, relative to the mean of the last week, so that one set of sums serves clean and dirty seasons.
 */
import type { HourlySeries } from './hourly-series.ts';

const DAY_HOURS = 24;
const WEEK_HOURS = 168;
const DAYS_PER_YEAR = 365.25;
const RECENT_HOURS = 36;
const LONG_PROFILE_DAYS = 28;
const SHORT_PROFILE_DAYS = 7;
/** How the deviation of the last hours from what is usual dies away, per hour. */
const DECAY = 0.96;

/** The features need a week; they use up to 28 days. */
export const LEAST_HISTORY_HOURS = WEEK_HOURS;
export const FEATURE_COUNT = 89;

export interface Outlook {
  readonly features: Float64Array;
  /** By lead: what is usual for the hour, plus the dying deviation of the last hours. The regression learns the rest. */
  readonly base: Float64Array;
}

/** @param origin index of the first hour that is not known; at least `LEAST_HISTORY_HOURS` */
export function outlook(series: HourlySeries, origin: number, leadHours: number): Outlook {
  const row = new Float64Array(FEATURE_COUNT);
  let next = 0;
  const add = (value: number) => {
    row[next++] = value;
  };
  const level = series.mean(origin - WEEK_HOURS, origin);
  const meanOf = (from: number, to: number) => series.mean(origin - from, origin - to) - level;
  const longDays = Math.min(LONG_PROFILE_DAYS, Math.floor(origin / DAY_HOURS));
  const profile = (days: number) =>
    Array.from({ length: DAY_HOURS }, (_, hour) => series.hourOfDayMean(origin, hour, days) - level);
  const long = profile(longDays);
  const short = profile(SHORT_PROFILE_DAYS);
  const usual = long.map((value, hour) => (value + short[hour]!) / 2);
  const lastDay = Array.from({ length: DAY_HOURS }, (_, back) => series.at(origin - 1 - back) - level);

  add(1);
  for (let back = 1; back <= RECENT_HOURS; back++) add(series.at(origin - back) - level);
  for (const values of [long, short])
    for (let hour = 0; hour < DAY_HOURS; hour += 2) add(meanFrom(values, hour, 2));
  for (let day = 1; day <= 6; day++) add(meanOf(day * DAY_HOURS, (day - 1) * DAY_HOURS));
  add(level);
  add(meanOf(longDays * DAY_HOURS, 0));
  add(Math.max(...lastDay));
  add(Math.min(...lastDay));
  const epochHour = series.startHour + origin;
  // To the nearest midnight: origins a little before and after it are of the same day. 1970 began on a Thursday.
  const weekday = (Math.floor(epochHour / DAY_HOURS + 0.25) + 4) % 7;
  for (let day = 0; day < 6; day++) add(weekday === day ? 1 : 0);
  const season = (2 * Math.PI * (epochHour / DAY_HOURS)) / DAYS_PER_YEAR;
  for (const harmonic of [1, 2]) {
    add(Math.sin(harmonic * season));
    add(Math.cos(harmonic * season));
  }
  const weekend = weekday >= 5 || weekday === 0 ? 1 : 0;
  add(weekend * meanOf(DAY_HOURS, 0));
  for (let hour = 0; hour < DAY_HOURS; hour += 6) add(weekend * meanFrom(short, hour, 6));
  add(meanOf(3, 0));
  add(meanOf(6, 0) - meanOf(12, 6));
  add(meanOf(12, 0));

  const deviation =
    [1, 2, 3].reduce((sum, back) => sum + lastDay[back - 1]! - usual[DAY_HOURS - back]!, 0) / 3;
  const base = Float64Array.from(
    { length: leadHours },
    (_, lead) => level + usual[lead % DAY_HOURS]! + deviation * DECAY ** (lead + 2),
  );
  return { features: row, base };
}

function meanFrom(values: readonly number[], from: number, count: number): number {
  let sum = 0;
  for (let i = from; i < from + count; i++) sum += values[i]!;
  return sum / count;
}
