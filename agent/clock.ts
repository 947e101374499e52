/**
 * The agent's only sources of time. Durations come from the monotonic clock; the wall clock only names windows. A replay
 * or a test brings its own.
 */
import { type EpochMs, epochMs, type MonotonicMs, monotonicMs } from '../shared/units.ts';

export interface Clock {
  monotonicNow(): MonotonicMs;
  wallNow(): EpochMs;
  /** Resolves at the deadline, or at once when it has passed, or early when the signal aborts. */
  sleepUntil(deadline: MonotonicMs, signal?: AbortSignal): Promise<void>;
}

/** Since boot, not since the start of this process: instants stored before a restart of the agent still compare. */
const sinceBootMs = () => Number(process.hrtime.bigint()) / 1e6;

export const systemClock: Clock = {
  monotonicNow: () => monotonicMs(sinceBootMs()),
  wallNow: () => epochMs(Date.now()),
  sleepUntil: (deadline, signal) =>
    new Promise((resolve) => {
      const waitMs = Math.max(0, deadline - sinceBootMs());
      const timer = setTimeout(done, waitMs);
      function done() {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      }
      signal?.addEventListener('abort', done, { once: true });
      if (signal?.aborted) done();
    }),
};
