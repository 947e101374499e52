/** How a provider stands for one zone: when it may be asked again, and what went wrong. */
import { HOUR_MS } from '../../shared/time/window.ts';
import { isBeyondAnyWait, LONGEST_RETRY_AFTER_MS } from './longest-wait.ts';
import type { FetchOutcome } from './provider.ts';

export interface FetchState {
  readonly lastOkAtMs: number | null;
  readonly lastErrorAtMs: number | null;
  /** Of the last failure, or what was refused of the last reply. */
  readonly lastError: string | null;
  readonly consecutiveFailures: number;
  readonly nextDueAtMs: number;
}

const MAX_BACK_OFF_MS = HOUR_MS;

/** What was never asked is due since ever, and so is what is due later than any wait could be. */
export function dueAtMs(state: Pick<FetchState, 'nextDueAtMs'> | null, nowMs: number): number {
  return state === null || isBeyondAnyWait(state.nextDueAtMs, nowMs) ? 0 : state.nextDueAtMs;
}

/**
 * The state after asking. Success: due again after `refreshMs`. Anything else: after `refreshMs` doubled with each
 * failure in a row, an hour at most, but never before the provider's own `Retry-After`.
 */
export function nextFetchState(
  previous: FetchState | null,
  outcome: FetchOutcome,
  { nowMs, refreshMs }: { readonly nowMs: number; readonly refreshMs: number },
): FetchState {
  if (outcome.outcome === 'values') {
    const { refused } = outcome;
    const complaint = refused.length === 0 ? null : `${refused.length} left out: ${refused[0]}`;
    return {
      lastOkAtMs: nowMs,
      lastErrorAtMs: complaint === null ? (previous?.lastErrorAtMs ?? null) : nowMs,
      lastError: complaint ?? previous?.lastError ?? null,
      consecutiveFailures: 0,
      nextDueAtMs: nowMs + refreshMs,
    };
  }
  const consecutiveFailures = (previous?.consecutiveFailures ?? 0) + 1;
  const backOffMs = Math.min(refreshMs * 2 ** (consecutiveFailures - 1), MAX_BACK_OFF_MS);
  const retryAfterMs = outcome.outcome === 'rateLimited' ? (outcome.retryAfterMs ?? 0) : 0;
  return {
    lastOkAtMs: previous?.lastOkAtMs ?? null,
    lastErrorAtMs: nowMs,
    lastError: `${REASON_PREFIX[outcome.outcome]}: ${outcome.reason}`,
    consecutiveFailures,
    nextDueAtMs: nowMs + Math.max(backOffMs, Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS)),
  };
}

const REASON_PREFIX = { noData: 'no data', failed: 'failed', rateLimited: 'rate limited' } as const;
