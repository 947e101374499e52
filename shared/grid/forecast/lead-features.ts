/** What one lead hour looks at: few features of the past, and what is known of that very hour of the day. */
import { DAY_HOURS, meanFrom, type Past, seasonOf, weekdayOf, weekdayOfOrigin } from './past.ts';

const SATURDAY = 6;
const SUNDAY = 0;
const MONDAY = 1;

export const LEAD_FEATURE_COUNT = 30;

/**
 * By lead.
 * @param epochHour of the origin, since 1970
 */
export function leadFeatures(past: Past, epochHour: number, leadHours: number): Float64Array[] {
  const { origin, level, deviations, meanOf } = past;
  const general = [
    1,
    ...[1, 2, 3, 4, 6, 9].map((back) => past.at(origin - back)),
    level,
    meanOf(24, 0),
    meanOf(48, 24),
    meanOf(72, 48),
    meanOf(past.longDays * DAY_HOURS, 0),
    ...[6, 12, 24].map((hours) => meanFrom(deviations, 0, hours)),
    Math.max(...deviations),
    Math.min(...deviations),
    ...weekendFlags(weekdayOfOrigin(epochHour)),
  ];
  return Array.from({ length: leadHours }, (_, lead) => {
    const hour = lead % DAY_HOURS;
    const sameHour = origin - DAY_HOURS + hour;
    const season = seasonOf(epochHour + lead);
    const row = new Float64Array(LEAD_FEATURE_COUNT);
    row.set(general);
    row.set(
      [
        past.at(sameHour),
        past.at(sameHour - DAY_HOURS),
        // Of a week before: known for all leads, as none reaches further.
        past.at(origin + lead - 7 * DAY_HOURS),
        past.long[hour]!,
        past.short[hour]!,
      ],
      general.length,
    );
    row.set(weekendFlags(weekdayOf(epochHour + lead)), general.length + 5);
    row[LEAD_FEATURE_COUNT - 2] = Math.sin(season);
    row[LEAD_FEATURE_COUNT - 1] = Math.cos(season);
    return row;
  });
}

const weekendFlags = (weekday: number) => [SATURDAY, SUNDAY, MONDAY].map((day) => (weekday === day ? 1 : 0));
