/** Does a forecast pick good hours? Each day at 00 UTC a job is placed where it says, and pays what came. */
import { type GreenestStep, greenest } from '../../shared/grid/greenest/greenest.ts';
import type { Issue } from './back-test.ts';
import { knownStep } from './series.ts';

const HOUR_MS = 3_600_000;
const DAY = 24;

export const JOBS = [
  { name: '4h_in_24h', hours: 4, within: 24 },
  { name: '8h_in_48h', hours: 8, within: 48 },
  { name: '24h_in_96h', hours: 24, within: 96 },
] as const;

export interface Job {
  readonly hours: number;
  /** From the origin until the job has ended. */
  readonly within: number;
}

/** Hours between the forecasts of a day: what a waiting job that asks again is answered from. */
export const ISSUED_EVERY_HOURS = 6;

/** Of starting at once: ratios of the zone's sums over days. */
export interface Savings {
  /** Of starting at once, mean over days. */
  readonly nowGramsPerKwh: number;
  readonly ours: number;
  /** The job waits for its start and asks again at each newer forecast, as `wattshed when-green` does. */
  readonly askedAgain: number;
  readonly sameHourYesterday: number;
  readonly perfect: number;
}

/** @param later the forecasts of the hours between, by origin */
export function savings(
  grams: Float64Array,
  made: readonly Issue[],
  later: ReadonlyMap<number, Issue['forecast']>,
  job: Job,
): Savings {
  const sums = { now: 0, ours: 0, askedAgain: 0, sameHourYesterday: 0, perfect: 0 };
  let days = 0;
  for (const { origin, forecast } of made) {
    const ours = start(stepsOf(forecast), job);
    const yesterday = forecast.map((_, lead) => known(grams[origin - DAY + (lead % DAY)]!, lead));
    const outcome = forecast.map((_, lead) => known(grams[origin + lead]!, lead));
    const paid = (at: number) =>
      grams.subarray(origin + at, origin + at + job.hours).reduce((sum, value) => sum + value, 0) / job.hours;
    const day = {
      now: paid(0),
      ours: paid(ours),
      askedAgain: paid(startAskedAgain(ours, (wait) => later.get(origin + wait), job)),
      sameHourYesterday: paid(start(yesterday, job)),
      perfect: paid(start(outcome, job)),
    };
    if (!Object.values(day).every(Number.isFinite)) continue;
    days++;
    for (const key of ['now', 'ours', 'askedAgain', 'sameHourYesterday', 'perfect'] as const)
      sums[key] += day[key];
  }
  const { now, ours, askedAgain, sameHourYesterday, perfect } = sums;
  return {
    nowGramsPerKwh: now / days,
    ours: 1 - ours / now,
    askedAgain: 1 - askedAgain / now,
    sameHourYesterday: 1 - sameHourYesterday / now,
    perfect: 1 - perfect / now,
  };
}

const known = (gramsPerKwh: number, lead: number) => knownStep(gramsPerKwh, lead, HOUR_MS);

const stepsOf = (forecast: Issue['forecast']) =>
  forecast.map(
    (hour, lead): GreenestStep => ({
      ...known(hour.gramsPerKwh, lead),
      gramsPerKwhLow: hour.lowGramsPerKwh,
      gramsPerKwhHigh: hour.highGramsPerKwh,
    }),
  );

/**
 * Hours from the origin. A start before the next forecast stands, a later one is asked for again.
 *
 * @param forecastAfter so many hours; undefined where none was made, and what was said before stands
 */
export function startAskedAgain(
  first: number,
  forecastAfter: (hours: number) => Issue['forecast'] | undefined,
  job: Job,
): number {
  let best = first;
  for (let wait = ISSUED_EVERY_HOURS; wait <= best; wait += ISSUED_EVERY_HOURS) {
    const forecast = forecastAfter(wait);
    if (forecast !== undefined) best = wait + start(stepsOf(forecast), { ...job, within: job.within - wait });
  }
  return best;
}

/** Hours from the origin. */
function start(steps: readonly GreenestStep[], job: Job): number {
  const { zones } = greenest({
    zones: [{ gridZone: 'zone', steps }],
    durationMs: job.hours * HOUR_MS,
    notBeforeMs: 0,
    deadlineMs: job.within * HOUR_MS,
    powerWatts: 1_000,
    interruptible: false,
  });
  return zones[0]!.best.startMs / HOUR_MS;
}
