/** A clock that a replay moves: the trace's instants are its wall and its monotonic time. */
import { epochMs, monotonicMs } from '../../shared/units.ts';
import type { Clock } from '../clock.ts';

export interface ReplayClock extends Clock {
  /** Moves on; never back. */
  advanceTo(instantMs: number): void;
}

/** Whoever sleeps on it waits for nobody: only `advanceTo` passes time. */
export function createReplayClock(startMs: number): ReplayClock {
  let nowMs = startMs;
  return {
    monotonicNow: () => monotonicMs(nowMs),
    wallNow: () => epochMs(nowMs),
    sleepUntil: async () => {},
    advanceTo(instantMs) {
      nowMs = Math.max(nowMs, instantMs);
    },
  };
}
