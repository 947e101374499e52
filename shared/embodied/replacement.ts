/** Parts that may have been replaced: proposed to the operator, never assumed. */
import { DAY_MS } from '../time/window.ts';

/** A part that inventories lack for as long may have been replaced: shorter, and a repair or a lost bus explains it. */
export const SUSPECTED_AFTER_MS = 7 * DAY_MS;

export interface ReplaceablePart {
  readonly id: string;
  readonly type: string;
  readonly inServiceMs: number;
  readonly outOfServiceMs: number | null;
  readonly missingSinceMs: number | null;
  readonly replacedBy: string | null;
}

/** Types of which a node has several, each with an id of its own. */
const REPLACEABLE = new Set(['gpu', 'dimm', 'ssd', 'hdd']);

/**
 * For each part that has been missing for `SUSPECTED_AFTER_MS` the id of a part of its type that came since: pairs in
 * order of time, each newcomer once, and none that an operator has named as a replacement already.
 */
export function suspectedReplacements(
  parts: readonly ReplaceablePart[],
  nowMs: number,
): ReadonlyMap<string, string> {
  const named = new Set(parts.map(({ replacedBy }) => replacedBy));
  const newcomers = parts
    .filter(({ id, outOfServiceMs }) => outOfServiceMs === null && !named.has(id))
    .sort((a, b) => a.inServiceMs - b.inServiceMs);
  const missing = parts
    .filter(
      ({ type, outOfServiceMs, missingSinceMs }) =>
        REPLACEABLE.has(type) &&
        outOfServiceMs === null &&
        missingSinceMs !== null &&
        nowMs - missingSinceMs >= SUSPECTED_AFTER_MS,
    )
    .sort((a, b) => a.missingSinceMs! - b.missingSinceMs!);
  const pairs = new Map<string, string>();
  for (const old of missing) {
    const at = newcomers.findIndex(
      ({ type, inServiceMs, missingSinceMs }) =>
        type === old.type && missingSinceMs === null && inServiceMs >= old.missingSinceMs!,
    );
    const [found] = at < 0 ? [] : newcomers.splice(at, 1);
    if (found) pairs.set(old.id, found.id);
  }
  return pairs;
}
