/**
 * Waits for the start of a job: looks for a plan, keeps it until a look tells something newer, and never lets anything
 * hold the job back beyond its deadline. All instants are wall time, read anew every few seconds: a host that slept or
 * whose clock was set starts when its clock says so.
 */
import { setTimeout as pause } from 'node:timers/promises';

/** What one look says. */
export interface Plan {
  /** Infinity: not known yet, look again. */
  readonly startMs: number;
  /** What it was made from: the same again is nothing new. */
  readonly source: string;
  /** Why the job begins then: a word for programs. */
  readonly reason: 'greenest' | 'notWorthWaiting' | 'noForecast' | 'below' | 'watching';
  /** The same for people. */
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Told to people too who know already that it waits. */
  readonly isNews?: true;
}

/** A test brings its own. */
export interface WallClock {
  now(): number;
  /** Resolves after so many milliseconds of a clock that may stand still while the host is suspended, or on the signal. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemWallClock: WallClock = {
  now: () => Date.now(),
  sleep: (ms, signal) => pause(ms, undefined, { signal }).catch(() => {}),
};

export interface Waiting {
  readonly clock: WallClock;
  /** @throws what `isTrouble` knows as the lack of an answer; anything else ends the wait */
  readonly look: (previous: Plan | null) => Promise<Plan>;
  /** @param first before any answer: what is wrong then is for the user to mend */
  readonly troubleOf: (error: unknown, first: boolean) => string | null;
  readonly latestStartMs: number;
  readonly lookEveryMs: number;
  readonly signal: AbortSignal;
  readonly planned: (plan: Plan) => void;
  readonly trouble: (message: string) => void;
  /** Every few seconds. */
  readonly passing: (plan: Plan | null, nowMs: number) => void;
}

export type Outcome =
  | { readonly kind: 'start'; readonly plan: Plan }
  /** `trouble`: why there is no better plan, where the server could not be asked at last. */
  | { readonly kind: 'deadline'; readonly plan: Plan | null; readonly trouble: string | null }
  | { readonly kind: 'stopped' };

/** So soon it is asked again after an answer that was none. */
const LOOK_AGAIN_MS = 60_000;
/** Sleep is cut to this: a timer does not run while the host is suspended. */
const SLICE_MS = 15_000;

export async function waitForStart(waiting: Waiting): Promise<Outcome> {
  const { clock, latestStartMs, signal } = waiting;
  let plan: Plan | null = null;
  let trouble: string | null = null;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  for (;;) {
    const nowMs = clock.now();
    if (signal.aborted) return { kind: 'stopped' };
    if (plan !== null && plan.startMs <= nowMs) return { kind: 'start', plan };
    if (nowMs >= latestStartMs) return { kind: 'deadline', plan, trouble };
    const everyMs = trouble === null ? waiting.lookEveryMs : Math.min(LOOK_AGAIN_MS, waiting.lookEveryMs);
    // Also after a step back of the clock.
    const isDue = nowMs >= lookedAtMs + everyMs || nowMs < lookedAtMs;
    if (!isDue) {
      waiting.passing(plan, nowMs);
      const untilMs = Math.min(lookedAtMs + everyMs, latestStartMs, plan?.startMs ?? latestStartMs);
      await nap(clock, untilMs - nowMs, signal);
      continue;
    }
    const looked = await beforeDeadline(waiting, plan);
    lookedAtMs = clock.now();
    if (looked === null) continue;
    if (typeof looked === 'string') {
      if (looked !== trouble) waiting.trouble(looked);
      trouble = looked;
      continue;
    }
    trouble = null;
    if (looked.source !== plan?.source) {
      plan = looked;
      waiting.planned(plan);
    }
  }
}

/** A plan, or why there is none; null where the deadline or a signal came first. */
async function beforeDeadline(waiting: Waiting, plan: Plan | null): Promise<Plan | string | null> {
  const { clock, look, troubleOf, latestStartMs, signal } = waiting;
  const over = new AbortController();
  const deadline = (async () => {
    const either = AbortSignal.any([signal, over.signal]);
    while (!either.aborted && clock.now() < latestStartMs)
      await nap(clock, latestStartMs - clock.now(), either);
    return null;
  })();
  const answer = look(plan).catch((error: unknown) => {
    const trouble = troubleOf(error, plan === null);
    if (trouble === null) throw error;
    return trouble;
  });
  try {
    return await Promise.race([answer, deadline]);
  } finally {
    over.abort();
    // Whatever comes after the deadline is of no interest.
    answer.catch(() => {});
  }
}

const nap = (clock: WallClock, ms: number, signal: AbortSignal): Promise<void> =>
  clock.sleep(Math.min(Math.max(ms, 1), SLICE_MS), signal);
