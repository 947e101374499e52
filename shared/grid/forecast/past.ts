/** What lies before an origin, as both kinds of features see it: relative to the mean of the last week. */
import type { HourlySeries } from './hourly-series.ts';

export const DAY_HOURS = 24;
const WEEK_HOURS = 168;
const DAYS_PER_YEAR = 365.25;
const LONG_PROFILE_DAYS = 28;
const SHORT_PROFILE_DAYS = 7;
/** How the deviation of the last hours from what is usual dies away, per hour. */
const DECAY = 0.96;

/** The features need a week; they use up to 28 days. */
export const LEAST_HISTORY_HOURS = WEEK_HOURS;

export interface Past {
  readonly origin: number;
  /** Mean of the last week. */
  readonly level: number;
  readonly longDays: number;
  /** By hour after the origin, 0..23: usual course of a day over up to four weeks, over one, and between the two. */
  readonly long: readonly number[];
  readonly short: readonly number[];
  readonly usual: readonly number[];
  /** By hours back, less one: how far the last day was off the usual one. */
  readonly deviations: readonly number[];
  at(index: number): number;
  /** From so many hours back to so many hours back. */
  meanOf(from: number, to: number): number;
}

/** @param origin index of the first hour that is not known; at least `LEAST_HISTORY_HOURS` */
export function pastOf(series: HourlySeries, origin: number): Past {
  const level = series.mean(origin - WEEK_HOURS, origin);
  const longDays = Math.min(LONG_PROFILE_DAYS, Math.floor(origin / DAY_HOURS));
  const profile = (days: number) =>
    Array.from({ length: DAY_HOURS }, (_, hour) => series.hourOfDayMean(origin, hour, days) - level);
  const long = profile(longDays);
  const short = profile(SHORT_PROFILE_DAYS);
  const usual = long.map((value, hour) => (value + short[hour]!) / 2);
  const at = (index: number) => series.at(index) - level;
  return {
    origin,
    level,
    longDays,
    long,
    short,
    usual,
    deviations: usual.map((_, back) => at(origin - 1 - back) - usual[DAY_HOURS - 1 - back]!),
    at,
    meanOf: (from, to) => series.mean(origin - from, origin - to) - level,
  };
}

/** By lead: what is usual for the hour, plus the dying deviation of the last hours. The regressions learn the rest. */
export function simpleRule({ level, usual, deviations }: Past, leadHours: number): Float64Array {
  const deviation = meanFrom(deviations, 0, 3);
  return Float64Array.from(
    { length: leadHours },
    (_, lead) => level + usual[lead % DAY_HOURS]! + deviation * DECAY ** (lead + 2),
  );
}

/** 0 Sunday, 6 Saturday; 1970 began on a Thursday. */
export const weekdayOf = (epochHour: number) => (Math.floor(epochHour / DAY_HOURS) + 4) % 7;

/** To the nearest midnight: origins a little before and after it are of the same day. */
export const weekdayOfOrigin = (epochHour: number) => weekdayOf(epochHour + DAY_HOURS / 4);

/** Radians since the year began, near enough. */
export const seasonOf = (epochHour: number) => (2 * Math.PI * (epochHour / DAY_HOURS)) / DAYS_PER_YEAR;

export function meanFrom(values: readonly number[], from: number, count: number): number {
  let sum = 0;
  for (let i = from; i < from + count; i++) sum += values[i]!;
  return sum / count;
}
