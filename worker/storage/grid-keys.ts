/** How a value finds its row: `series id * 2^24 + whole 5-minute steps since 1970`, one integer below 2^53. */
import { WINDOW_MS } from '../../shared/time/window.ts';
import { type EpochMs, epochMs } from '../../shared/units.ts';

/** 2^24 steps of 5 minutes last until 2129. */
export const STEPS_PER_SERIES = 2 ** 24;

export function valueKey(seriesId: number, startMs: number): number {
  return seriesId * STEPS_PER_SERIES + startMs / WINDOW_MS;
}

/** Start of the interval that a value's key stands for. */
export function startOf(key: number): EpochMs {
  return epochMs((key % STEPS_PER_SERIES) * WINDOW_MS);
}

/** SQL: the same of a column that holds a key. */
export const startMsOf = (key: string): string => `${key} % ${STEPS_PER_SERIES} * ${WINDOW_MS}`;
