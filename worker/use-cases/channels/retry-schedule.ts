/** When a delivery is tried again: the schedule that the Standard Webhooks specification recommends. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** After the first failure, the second, and so on; the first attempt itself is immediate. */
const DELAYS_MS = [
  5_000,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
];

export const MAX_ATTEMPTS = DELAYS_MS.length + 1;

/** A receiver that asks for more is not believed. */
const LONGEST_RETRY_AFTER_MS = 24 * HOUR_MS;

/** @returns milliseconds until the next attempt; null where this was the last. @param attempts that failed, from 1 */
export function retryDelayMs(attempts: number, retryAfterMs: number | null): number | null {
  const delayMs = DELAYS_MS[attempts - 1];
  if (delayMs === undefined) return null;
  return Math.max(delayMs, Math.min(retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS));
}
