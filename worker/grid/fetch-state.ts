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
 * Until when there is nothing new to ask for: the end of the value that holds now, unless it is a forecast of it. What is revised
 * meanwhile comes with the next; a series of five minutes is asked for as often as `refreshMs` says.
 */
function knownUntilMs({ values }: Extract<FetchOutcome, { outcome: 'values' }>, nowMs: number): number {
  const current = values.find(
    ({ startMs, endMs, kind }) => startMs <= nowMs && endMs > nowMs && kind !== 'forecast',
  );
  return Math.min(current?.endMs ?? nowMs, nowMs + HOUR_MS);
}

/**
 * The state after asking. Success: due again after `refreshMs`, or once there can be something new. Anything else: after `refreshMs` doubled with each
 * failure in a row, an hour at most, but never before the provider's own `Retry-After`.
 * @param isOfPresent false for forecasts
 */
export function nextFetchState(
  previous: FetchState | null,
  outcome: FetchOutcome,
  {
    nowMs,
    refreshMs,
    isOfPresent = true,
  }: { readonly nowMs: number; readonly refreshMs: number; readonly isOfPresent?: boolean },
): FetchState {
  if (outcome.outcome === 'values') {
    const { refused } = outcome;
    const complaint = refused.length === 0 ? null : `${refused.length} left out: ${refused[0]}`;
    return {
      lastOkAtMs: nowMs,
      lastErrorAtMs: complaint === null ? (previous?.lastErrorAtMs ?? null) : nowMs,
      lastError: complaint ?? previous?.lastError ?? null,
      consecutiveFailures: 0,
      nextDueAtMs: Math.max(nowMs + refreshMs, isOfPresent ? knownUntilMs(outcome, nowMs) : nowMs),
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
