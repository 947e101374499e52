/**
 * How a service stands as a whole, whatever zone or series it was asked for: a circuit that opens after failures in a row, or
 * when it tells a limit, lets one request through after a while, and closes when that is answered.
 */
import { HOUR_MS } from '../../shared/time/window.ts';
import { isBeyondAnyWait, LONGEST_RETRY_AFTER_MS } from './longest-wait.ts';
import type { FetchOutcome } from './provider.ts';

export interface ServiceState {
  /** In a row, limits included; 0 while it answers. */
  readonly consecutiveFailures: number;
  /** Nothing is asked before, and then one thing first; null: whatever is due. */
  readonly retryAtMs: number | null;
  readonly lastErrorAtMs: number | null;
  readonly lastError: string | null;
}

/** `open`: left alone; `halfOpen`: one request may find out whether it answers again. */
export const CIRCUITS = ['closed', 'halfOpen', 'open'] as const;
export type Circuit = (typeof CIRCUITS)[number];

export const NEVER_FAILED: ServiceState = {
  consecutiveFailures: 0,
  retryAtMs: null,
  lastErrorAtMs: null,
  lastError: null,
};

/** One zone may lack its data, two may by chance; three in a row are the service. */
export const OPENS_AFTER_FAILURES = 3;
/** A little less than the five minutes from run to run, so that the next one may ask. */
const FIRST_WAIT_MS = 4 * 60_000;
/** After a limit that says no time. */
const FIRST_WAIT_AFTER_LIMIT_MS = HOUR_MS / 4;
const LONGEST_WAIT_MS = HOUR_MS;
/** A request that was let through and never came back is as good as failed after so long. */
const PROBE_MS = FIRST_WAIT_MS;

export function circuitOf({ retryAtMs }: ServiceState, nowMs: number): Circuit {
  if (retryAtMs === null) return 'closed';
  return retryAtMs > nowMs && !isBeyondAnyWait(retryAtMs, nowMs) ? 'open' : 'halfOpen';
}

/** While one request of a half-open circuit is under way, no other run lets one through. */
export const whileProbing = (state: ServiceState, nowMs: number): ServiceState => ({
  ...state,
  retryAtMs: nowMs + PROBE_MS,
});

/** The state after a request; the very same where nothing has changed. */
export function nextServiceState(state: ServiceState, outcome: FetchOutcome, nowMs: number): ServiceState {
  if (outcome.outcome === 'rateLimited' || (outcome.outcome === 'failed' && !outcome.refused)) {
    const consecutiveFailures = state.consecutiveFailures + 1;
    return {
      consecutiveFailures,
      retryAtMs: retryAtMs(outcome, consecutiveFailures, state.retryAtMs !== null, nowMs),
      lastErrorAtMs: nowMs,
      lastError: outcome.reason,
    };
  }
  const stoodWell = state.consecutiveFailures === 0 && state.retryAtMs === null;
  return stoodWell ? state : { ...state, consecutiveFailures: 0, retryAtMs: null };
}

function retryAtMs(
  outcome: Extract<FetchOutcome, { outcome: 'failed' | 'noData' | 'rateLimited' }>,
  failures: number,
  wasOpen: boolean,
  nowMs: number,
): number | null {
  if (outcome.outcome === 'rateLimited') {
    const waitMs = doubled(FIRST_WAIT_AFTER_LIMIT_MS, failures - 1);
    return nowMs + Math.max(waitMs, Math.min(outcome.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS));
  }
  const sinceOpen = failures - OPENS_AFTER_FAILURES;
  // What a limit opened may have failed less often: it opens again all the same.
  return sinceOpen < 0 && !wasOpen ? null : nowMs + doubled(FIRST_WAIT_MS, Math.max(sinceOpen, 0));
}

const doubled = (firstMs: number, times: number) => Math.min(firstMs * 2 ** times, LONGEST_WAIT_MS);
