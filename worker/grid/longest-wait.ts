/** How long a provider or its service may be left alone. */
import { DAY_MS } from '../../shared/time/window.ts';

/** A `Retry-After` beyond this is taken for a mistake. No wait that we set ourselves is longer. */
export const LONGEST_RETRY_AFTER_MS = DAY_MS;

/** Of an instant that was set by a clock that has been put back since: to wait for it might be to wait for ever. */
export const isBeyondAnyWait = (untilMs: number, nowMs: number): boolean =>
  untilMs - nowMs > LONGEST_RETRY_AFTER_MS;
