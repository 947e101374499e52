/**
 * What a forecast looks at: the last hours, the same hour of days before, usual levels, and the calendar. Everything lies
 * before the origin; all levels are told relative to the mean of the last week, so that one model serves clean and dirty seasons.
 */
import type { LogSeries } from './log-series.ts';

const HOURS_PER_DAY = 24;
const HOURS_PER_WEEK = 168;
const DAYS_PER_YEAR = 365.25;
const RECENT_LAGS = [1, 2, 3, 4, 6, 9, 12, 18, 24];
const PROFILE_DAYS = [3, 7, 14, 28];

/** Features reach back 28 days. */
export const HISTORY_HOURS = 28 * HOURS_PER_DAY;
export const FEATURE_COUNT = 41;

/** @param lead 0 for the hour that begins at the origin */
export function features(series: LogSeries, origin: number, lead: number): Float64Array {
  const row = new Float64Array(FEATURE_COUNT);
  let next = 0;
  const add = (value: number) => {
    row[next++] = value;
  };
  const level = series.mean(origin - HOURS_PER_WEEK, origin);
  const hour = lead % HOURS_PER_DAY;
  const yesterday = (offset: number) =>
    series.at(origin - HOURS_PER_DAY + ((hour + offset + HOURS_PER_DAY) % HOURS_PER_DAY)) - level;

  add(1);
  for (const lag of RECENT_LAGS) add(series.at(origin - lag) - level);
  for (let day = 1; day <= 3; day++) {
    add(series.mean(origin - day * HOURS_PER_DAY, origin - (day - 1) * HOURS_PER_DAY) - level);
  }
  add(level);
  add(series.mean(origin - HISTORY_HOURS, origin) - level);
  for (let day = 1; day <= 3; day++) add(series.at(origin + hour - day * HOURS_PER_DAY) - level);
  for (let week = 1; week <= 2; week++) add(series.at(origin + lead - week * HOURS_PER_WEEK) - level);
  for (const days of PROFILE_DAYS) add(series.hourOfDayMean(origin, hour, days) - level);
  for (const offset of [-2, -1, 1, 2]) add(yesterday(offset));
  const lastDay = Array.from({ length: HOURS_PER_DAY }, (_, index) => series.at(origin - 1 - index));
  add(Math.max(...lastDay) - level);
  add(Math.min(...lastDay) - level);
  add(series.mean(origin - 6, origin) - series.mean(origin - 12, origin - 6));
  add(deviation(series, origin, 3));
  add(deviation(series, origin, 12));
  addCalendar(series.startHour + origin + lead, add);
  return row;
}

/** How far the last hours lie above what is usual for them. */
function deviation(series: LogSeries, origin: number, hours: number): number {
  let sum = 0;
  for (let back = 1; back <= hours; back++) {
    sum += series.at(origin - back) - series.hourOfDayMean(origin, HOURS_PER_DAY - back, 7);
  }
  return sum / hours;
}

/** @param epochHour whole hours since 1970, a Thursday */
function addCalendar(epochHour: number, add: (value: number) => void): void {
  const weekday = (Math.floor(epochHour / HOURS_PER_DAY) + 4) % 7;
  for (const day of [6, 0, 1, 5]) add(weekday === day ? 1 : 0);
  const season = (2 * Math.PI * (epochHour / HOURS_PER_DAY)) / DAYS_PER_YEAR;
  for (const harmonic of [1, 2]) {
    add(Math.sin(harmonic * season));
    add(Math.cos(harmonic * season));
  }
}
