/**
 * When an hour has settled: agents report each minute and send a window's last word when it closes, so two hours later
 * what was metered in the ordinary course is booked. What changes an hour after that is a change of the past: it is
 * logged, and the hour is kept as it stood before.
 */
import { HOUR_MS } from '../time/window.ts';
import type { HourLedger } from './hour.ts';

export const SETTLES_AFTER_MS = 2 * HOUR_MS;

/** Whether the hour that starts at `hourStartMs` had settled at `nowMs`. */
export function isSettled(hourStartMs: number, nowMs: number): boolean {
  return hourStartMs + HOUR_MS + SETTLES_AFTER_MS <= nowMs;
}

/** End of the last hour that had settled at `nowMs`. */
export function settledUntil(nowMs: number): number {
  return Math.floor((nowMs - SETTLES_AFTER_MS) / HOUR_MS) * HOUR_MS;
}

/** Sum over all devices, windows and epochs; below 2^53 for one node's hour. */
export function energyOfHour({ windows }: HourLedger): number {
  let millijoules = 0;
  for (const { devices } of windows.flat())
    for (const { energyMillijoules } of devices) millijoules += energyMillijoules;
  return millijoules;
}
