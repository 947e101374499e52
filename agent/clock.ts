/**
 * The agent's only sources of time. Durations come from the monotonic clock; the wall clock only names windows. A replay
 * or a test brings its own.
 */
import { uptime } from 'node:os';
import { type EpochMs, epochMs, type MonotonicMs, monotonicMs } from '../shared/units.ts';

export interface Clock {
  /** Since boot, sleep of the host included; never back. */
  monotonicNow(): MonotonicMs;
  wallNow(): EpochMs;
  /** Resolves at the deadline, or at once when it has passed, or early when the signal aborts. */
  sleepUntil(deadline: MonotonicMs, signal?: AbortSignal): Promise<void>;
}

/** The kernel's clocks, in milliseconds. */
export interface KernelClocks {
  /** CLOCK_MONOTONIC: exact, and stands still while the host is suspended. */
  readonly monotonicMs: () => number;
  /** CLOCK_BOOTTIME: goes on meanwhile, but is read from a file and rounded down to 10 ms. */
  readonly bootMs: () => number;
  readonly wallMs: () => number;
}

/** A suspend moves the wall clock by its length: one that moved less than this need not be looked into. */
const WALL_MOVED_MS = 50;
/** And now and then in any case: a wall clock may be set by just what a suspend moved it. */
const LOOK_EVERY_MS = 60_000;

/**
 * Milliseconds since boot that count suspends and no step of the wall clock: the wall only says when to ask the kernel how
 * long the host has slept. Since boot, not since the start of this process: instants stored before a restart still compare.
 */
export function sinceBootClock({ monotonicMs, bootMs, wallMs }: KernelClocks): () => number {
  let asleepMs = 0;
  let wallAheadMs = Number.NEGATIVE_INFINITY;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = monotonicMs();
    const aheadMs = wallMs() - nowMs;
    if (Math.abs(aheadMs - wallAheadMs) > WALL_MOVED_MS || nowMs - lookedAtMs > LOOK_EVERY_MS) {
      // Asked in this order the difference is never more than the sleep, however long the process waits in between.
      asleepMs = Math.max(asleepMs, bootMs() - monotonicMs());
      wallAheadMs = aheadMs;
      lookedAtMs = nowMs;
    }
    return nowMs + asleepMs;
  };
}

const sinceBootMs = sinceBootClock({
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  bootMs: () => uptime() * 1000,
  wallMs: Date.now,
});

/**
 * What to call when a signal aborts. One listener for all of them: the agent sleeps each second under one signal, and a
 * listener for each sleep would cost as much as the rest of it.
 */
const sleepers = new WeakMap<AbortSignal, Set<() => void>>();

function sleepersOf(signal: AbortSignal): Set<() => void> {
  const known = sleepers.get(signal);
  if (known !== undefined) return known;
  const made = new Set<() => void>();
  sleepers.set(signal, made);
  signal.addEventListener('abort', () => {
    for (const wake of made) wake();
  });
  return made;
}

export const systemClock: Clock = {
  monotonicNow: () => monotonicMs(sinceBootMs()),
  wallNow: () => epochMs(Date.now()),
  sleepUntil: (deadline, signal) =>
    new Promise((resolve) => {
      const others = signal && sleepersOf(signal);
      const timer = setTimeout(done, Math.max(0, deadline - sinceBootMs()));
      function done() {
        clearTimeout(timer);
        others?.delete(done);
        resolve();
      }
      others?.add(done);
      if (signal?.aborted) done();
    }),
};
