/**
 * What serves all lead hours alike: the last hours, usual days, the level of the last days, and the calendar, with how the last
 * day weighs at each time of year. All of it relative to the mean of the last week, so that one set of sums serves clean and dirty seasons.
 */
import { DAY_HOURS, meanFrom, type Past, seasonOf, weekdayOfOrigin } from './past.ts';

const RECENT_HOURS = 36;

export const FEATURE_COUNT = 123;
/** The first of them, without what depends on the time of year: beyond a day that is noise. */
export const PLAIN_FEATURE_COUNT = 89;

/** @param epochHour of the origin, since 1970 */
export function features(past: Past, epochHour: number): Float64Array {
  const { origin, level, long, short, meanOf } = past;
  const row = new Float64Array(FEATURE_COUNT);
  let next = 0;
  const add = (...values: readonly number[]) => {
    for (const value of values) row[next++] = value;
  };
  const recent = Array.from({ length: RECENT_HOURS }, (_, back) => past.at(origin - 1 - back));
  const lastDay = recent.slice(0, DAY_HOURS);
  const pairs = (values: readonly number[]) =>
    Array.from({ length: DAY_HOURS / 2 }, (_, pair) => meanFrom(values, 2 * pair, 2));
  const days = [1, 2, 3, 4, 5, 6].map((day) => meanOf(day * DAY_HOURS, (day - 1) * DAY_HOURS));
  const month = meanOf(past.longDays * DAY_HOURS, 0);

  add(1, ...recent);
  add(...pairs(long), ...pairs(short));
  add(...days, level, month);
  add(Math.max(...lastDay), Math.min(...lastDay));
  const weekday = weekdayOfOrigin(epochHour);
  for (let day = 0; day < 6; day++) add(weekday === day ? 1 : 0);
  const season = seasonOf(epochHour);
  for (const harmonic of [1, 2]) add(Math.sin(harmonic * season), Math.cos(harmonic * season));
  const weekend = weekday >= 5 || weekday === 0 ? 1 : 0;
  add(weekend * days[0]!);
  for (let hour = 0; hour < DAY_HOURS; hour += 6) add(weekend * meanFrom(short, hour, 6));
  add(meanOf(3, 0), meanOf(6, 0) - meanOf(12, 6), meanOf(12, 0));
  for (const phase of [Math.sin(season), Math.cos(season)])
    for (const value of [...pairs(lastDay), ...days.slice(0, 3), level, month]) add(phase * value);
  return row;
}
