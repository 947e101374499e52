/** A clock that a test moves. */
import type { Clock } from '../../../agent/clock.ts';
import { epochMs, type MonotonicMs, monotonicMs } from '../../../shared/units.ts';

export interface ManualClock extends Clock {
  advance(milliseconds: number): void;
}

/** @param jumps whoever sleeps moves the clock to its own deadline; otherwise sleepers wait for `advance` or their signal */
export function manualClock({ jumps = false } = {}): ManualClock {
  let now = 1_000_000;
  const sleepers = new Set<{ deadline: MonotonicMs; wake: () => void }>();
  const wakeDue = () => {
    for (const sleeper of sleepers)
      if (sleeper.deadline <= now) {
        sleepers.delete(sleeper);
        sleeper.wake();
      }
  };
  return {
    monotonicNow: () => monotonicMs(now),
    wallNow: () => epochMs(1_700_000_000_000 + now),
    advance(milliseconds) {
      now += milliseconds;
      wakeDue();
    },
    sleepUntil: (deadline, signal) =>
      new Promise((wake) => {
        if (jumps) now = Math.max(now, deadline);
        if (deadline <= now || signal?.aborted) return wake();
        sleepers.add({ deadline, wake });
        signal?.addEventListener('abort', () => wake(), { once: true });
      }),
  };
}
