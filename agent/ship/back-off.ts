/** When to ask again after a failure. */

const FIRST_MS = 5_000;
const LONGEST_MS = 300_000;
/** A proxy that asks for a year is not believed. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/**
 * Milliseconds to wait after the nth failure in a row (from 1): exponential, with full jitter, so that a fleet that lost
 * its server together does not come back together. `random` is uniform in [0, 1).
 */
export function backOffMs(failures: number, random: number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
  return Math.round(1_000 + random * (ceiling - 1_000));
}

/** `Retry-After` in milliseconds from now: seconds or an HTTP date. Null where it says neither. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | null {
  if (header === undefined) return null;
  const waitMs = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(waitMs) ? null : Math.min(Math.max(waitMs, 0), LONGEST_RETRY_AFTER_MS);
}
