/** The points of a zone's series as they were known at an earlier instant. */
import { allAsKnownAt, type OldSide } from '../audit/as-known.ts';
import type { IntensityPoint } from './intensity.ts';

/** What stood before a value was replaced, or removed by one of a longer interval. */
export type RevisedPoint = OldSide<IntensityPoint> & { readonly old: IntensityPoint };

/**
 * Of each series and start: the value that stands now, or the old side of the earliest revision recorded after
 * `knownAtMs`; either only where it had been fetched by then.
 * @param current one point per provider, scope and start
 * @param revisions in the order in which they were recorded
 */
export function pointsKnownAt(
  current: readonly IntensityPoint[],
  revisions: readonly RevisedPoint[],
  knownAtMs: number,
): IntensityPoint[] {
  const keyOf = ({ provider, scope, startMs }: IntensityPoint) => `${provider} ${scope} ${startMs}`;
  return allAsKnownAt(
    new Map(current.map((point) => [keyOf(point), point])),
    revisions.map((revision) => ({ ...revision, key: keyOf(revision.old) })),
    knownAtMs,
  ).filter(({ fetchedAtMs }) => fetchedAtMs <= knownAtMs);
}
