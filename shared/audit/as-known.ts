/**
 * Answers as of an earlier instant. Whatever may change is kept as what stands now, plus, for each change, what stood
 * before it and when the change was recorded; that is enough to tell what was known at any time.
 */

/** `asOf` of an answer that uses everything that is known. */
export const ALL_KNOWN = Number.POSITIVE_INFINITY;

/** What stood before a change. */
export interface OldSide<T> {
  /** When the change was recorded. */
  readonly recordedAtMs: number;
  /** Null: nothing stood there. */
  readonly old: T | null;
}

/**
 * What was known at `knownAtMs` of each thing: the old side of the earliest change recorded after it, else what stands now.
 * @param changes by key, those of one thing in the order in which they were recorded
 * @returns things that were not known are left out
 */
export function allAsKnownAt<T>(
  current: ReadonlyMap<string, T>,
  changes: Iterable<OldSide<T> & { readonly key: string }>,
  knownAtMs: number,
): T[] {
  const known = new Map<string, T | null>();
  for (const { key, recordedAtMs, old } of changes)
    if (recordedAtMs > knownAtMs && !known.has(key)) known.set(key, old);
  for (const [key, value] of current) if (!known.has(key)) known.set(key, value);
  return [...known.values()].filter((value) => value !== null);
}
