/**
 * What this isolate read of the grid within the last minute, for advice that many ask for alike. D1 is the truth: what is
 * written through this isolate is seen at once, what another one writes after 60 s at most. Figures are never told from here,
 * since `asOf` must tell them again.
 */

const LIFETIME_MS = 60_000;
/** Forecasts of ten zones are some 0.5 MB; beyond it the oldest entry goes. */
const MAX_ENTRIES = 32;

const entries = new Map<string, { readonly value: unknown; readonly readAtMs: number }>();
let writes = 0;

/**
 * @param key of all that `read` depends on
 * @param read whose result nobody changes
 */
export async function readRecently<T>(key: string, nowMs: number, read: () => Promise<T>): Promise<T> {
  const entry = entries.get(key);
  const ageMs = entry === undefined ? Number.NaN : nowMs - entry.readAtMs;
  if (entry !== undefined && ageMs >= 0 && ageMs < LIFETIME_MS) return entry.value as T;
  const writesBefore = writes;
  const value = await read();
  // What was written meanwhile may be missing in it.
  if (writes !== writesBefore) return value;
  entries.delete(key);
  entries.set(key, { value, readAtMs: nowMs });
  if (entries.size > MAX_ENTRIES) {
    const oldest = entries.keys().next();
    if (!oldest.done) entries.delete(oldest.value);
  }
  return value;
}

/** To be called once something is committed of what is kept here. */
export function forgetReads(): void {
  writes++;
  entries.clear();
}
