/** Does a forecast pick good hours? Each day a job starts where it says, and pays what came. */
import { LEAD_HOURS } from '../../shared/grid/forecast/forecaster.ts';
import { type GreenestStep, greenest } from '../../shared/grid/greenest/greenest.ts';
import type { Issue } from './back-test.ts';

const HOUR_MS = 3_600_000;

export const JOBS = [
  { name: '4h_in_24h', hours: 4, within: 24 },
  { name: '8h_in_48h', hours: 8, within: 48 },
  { name: '24h_in_96h', hours: 24, within: 96 },
] as const;

export interface Savings {
  /** Intensity at once, with the forecast, and with perfect foresight: sums over days of the job's mean, g/kWh. */
  now: number;
  ours: number;
  perfect: number;
}

export function savings(grams: Float64Array, made: readonly Issue[], job: (typeof JOBS)[number]): Savings {
  const sums = { now: 0, ours: 0, perfect: 0 };
  for (const { origin, forecast } of made) {
    const steps = forecast.map(
      (hour, lead): GreenestStep => ({
        startMs: lead * HOUR_MS,
        endMs: (lead + 1) * HOUR_MS,
        gramsPerKwh: hour.gramsPerKwh,
        gramsPerKwhLow: hour.lowGramsPerKwh,
        gramsPerKwhHigh: hour.highGramsPerKwh,
      }),
    );
    const outcome = Array.from({ length: LEAD_HOURS }, (_, lead) => known(grams[origin + lead]!, lead));
    const chosen = start(steps, job);
    const best = start(outcome, job);
    const paid = (at: number) =>
      grams.subarray(origin + at, origin + at + job.hours).reduce((sum, value) => sum + value, 0) / job.hours;
    if (!Number.isFinite(paid(0) + paid(chosen) + paid(best))) continue;
    sums.now += paid(0);
    sums.ours += paid(chosen);
    sums.perfect += paid(best);
  }
  return sums;
}

const known = (gramsPerKwh: number, lead: number): GreenestStep => ({
  startMs: lead * HOUR_MS,
  endMs: (lead + 1) * HOUR_MS,
  gramsPerKwh,
  gramsPerKwhLow: gramsPerKwh,
  gramsPerKwhHigh: gramsPerKwh,
});

/** Hours from the origin. */
function start(steps: readonly GreenestStep[], job: (typeof JOBS)[number]): number {
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
