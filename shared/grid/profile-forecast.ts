/**
 * The forecast of a zone with little history: the usual course of a day, and how far the last hours lie beside it, which is
 * forgotten by and by. Its band is what the same rule got wrong on the history itself.
 */
import { HOURS_PER_DAY } from '../time/window.ts';
import { type HourForecast, LEAD_HOURS } from './forecast/forecaster.ts';
import { bandAround, LeadErrors, logGrams } from './lead-errors.ts';

const PROFILE_DAYS = 7;
/** With two days each hour of the day is known, and the first day's forecast of the second tells how wrong it can be. */
export const PROFILE_LEAST_HOURS = 2 * HOURS_PER_DAY;
/** Hours that tell how today differs from the usual course. */
const RECENT_HOURS = 3;
/** What is left of that difference after each hour: grids differ from 0.90 to 0.99. */
const KEPT_PER_HOUR = 0.97;
/** The back-test looks from every sixth hour of the last four weeks. */
const BACK_TEST_EVERY_HOURS = 6;
const BACK_TEST_HOURS = 28 * HOURS_PER_DAY;

/**
 * One forecast per lead hour from the end of the history on.
 * @param gramsPerKwh hour by hour; NaN where there is none
 * @returns null where fewer than 48 hours are known, or some hour of the day is not
 */
export function profileForecast(gramsPerKwh: ArrayLike<number>): HourForecast[] | null {
  const logs = Float64Array.from(gramsPerKwh, logGrams);
  const known = logs.filter(Number.isFinite);
  if (known.length < PROFILE_LEAST_HOURS) return null;
  const course = courseFrom(logs, logs.length);
  if (course === null) return null;

  const errors = backTest(logs);
  const spread = standardDeviation(known);
  let widest = 0;
  return Array.from(course, (log, lead) => {
    // Farther ahead than the history can tell, anything that the zone has had is possible.
    const deviation = errors.deviation(lead) ?? Math.max(widest, spread);
    widest = Math.max(widest, deviation);
    const grams = Math.exp(log);
    return { gramsPerKwh: grams, ...bandAround(grams, deviation) };
  });
}

/** Logarithms of the hours from `origin` on, told from the hours before it; null where some hour of the day is unknown. */
function courseFrom(logs: Float64Array, origin: number): Float64Array | null {
  const usual = new Float64Array(HOURS_PER_DAY);
  for (let hour = 0; hour < HOURS_PER_DAY; hour++) {
    usual[hour] = meanOfHour(logs, origin + hour);
    if (Number.isNaN(usual[hour])) return null;
  }
  let beside = 0;
  let known = 0;
  for (let back = 1; back <= RECENT_HOURS; back++) {
    const log = logs[origin - back];
    if (log === undefined || Number.isNaN(log)) continue;
    beside += log - usual[HOURS_PER_DAY - back]!;
    known++;
  }
  let left = known === 0 ? 0 : beside / known;
  return new Float64Array(LEAD_HOURS).map((_, lead) => {
    left *= KEPT_PER_HOUR;
    return usual[lead % HOURS_PER_DAY]! + left;
  });
}

/** Of the same hour on the days before; NaN where none is known. */
function meanOfHour(logs: Float64Array, hour: number): number {
  let sum = 0;
  let known = 0;
  for (let day = 1; day <= PROFILE_DAYS; day++) {
    const log = logs[hour - day * HOURS_PER_DAY];
    if (log === undefined || Number.isNaN(log)) continue;
    sum += log;
    known++;
  }
  return sum / known;
}

function backTest(logs: Float64Array): LeadErrors {
  const errors = new LeadErrors();
  const first = Math.max(HOURS_PER_DAY, logs.length - BACK_TEST_HOURS);
  for (let origin = logs.length - 1; origin >= first; origin -= BACK_TEST_EVERY_HOURS) {
    const course = courseFrom(logs, origin);
    if (course === null) continue;
    for (let lead = 0; lead < LEAD_HOURS && origin + lead < logs.length; lead++) {
      const outcome = logs[origin + lead]!;
      if (!Number.isNaN(outcome)) errors.addLogs(lead, course[lead]!, outcome);
    }
  }
  return errors;
}

function standardDeviation(values: Float64Array): number {
  const center = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - center) ** 2, 0) / values.length);
}
