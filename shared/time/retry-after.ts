/**
 * `Retry-After` of an HTTP answer in milliseconds from now: seconds, or an HTTP date, which ends in GMT (`Date.parse` reads
 * a year in almost anything). Null where it is absent, past or nonsense.
 */
export function parseRetryAfter(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  const dateMs = text.endsWith('GMT') ? Date.parse(text) - nowMs : Number.NaN;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : dateMs;
  return Number.isFinite(ms) && ms >= 0 ? ms : null;
}
