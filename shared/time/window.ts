/**
 * Windows: the aligned 5-minute UTC intervals `[start, end)` that energy is booked in. Five minutes is the finest step
 * of any grid series, so one window never spans two intensities.
 */
import { type EpochMs, epochMs } from '../units.ts';

export const WINDOW_MS = 300_000;
export const WINDOWS_PER_HOUR = 12;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
export const HOURS_PER_DAY = 24;

/** Half-open `[startMs, endMs)`. */
export interface TimeRange {
  readonly startMs: EpochMs;
  readonly endMs: EpochMs;
}

/** Start of the window that holds the instant; an instant at a window's end belongs to the next one. */
export function windowStart(instantMs: number): EpochMs {
  return epochMs(Math.floor(instantMs / WINDOW_MS) * WINDOW_MS);
}

export function hourStart(instantMs: number): EpochMs {
  return epochMs(Math.floor(instantMs / HOUR_MS) * HOUR_MS);
}

/** 0..11: the window's place within its hour. */
export function windowOfHour(windowStartMs: number): number {
  return Math.floor((windowStartMs - hourStart(windowStartMs)) / WINDOW_MS);
}
