/** Intensity as it was known at an earlier instant: what stands now, with the old side of what was revised since. */
import { ALL_KNOWN } from '../../shared/audit/as-known.ts';
import { pointsKnownAt, type RevisedPoint } from '../../shared/grid/as-known.ts';
import type { IntensityPoint } from '../../shared/grid/intensity.ts';
import { type IntensityRanges, readIntensities, stepsOf, toPoint, type ValueRow } from './grid.ts';
import { STEPS_PER_SERIES } from './grid-keys.ts';

const READ_REVISED = `
  SELECT s.grid_zone AS gridZone, r.value_key AS key, r.old_duration_ms AS durationMs, r.old_grams_per_kwh AS gramsPerKwh, r.old_kind AS kind,
         r.old_method AS method, r.old_issued_at_ms AS issuedAtMs, r.old_fetched_at_ms AS fetchedAtMs,
         s.provider AS provider, s.scope AS scope, r.recorded_at_ms AS recordedAtMs
    FROM grid_series s
    CROSS JOIN grid_revisions r
      ON r.value_key >= s.id * ${STEPS_PER_SERIES} + ?4 AND r.value_key < s.id * ${STEPS_PER_SERIES} + ?5
   WHERE s.grid_zone IN (SELECT value FROM json_each(?1)) AND s.basis = ?2 AND s.signal = ?3 AND r.recorded_at_ms > ?6
   ORDER BY r.id`;

/**
 * Like `readIntensities`, as it was known at `knownAtMs`. Values are read first: one that is revised in between is then
 * found among the revisions.
 */
export async function readIntensitiesAsKnown(
  db: D1Database,
  ranges: IntensityRanges,
  knownAtMs: number,
): Promise<Map<string, IntensityPoint[]>> {
  const current = await readIntensities(db, ranges);
  if (knownAtMs === ALL_KNOWN) return current;
  const { gridZones, basis, signal } = ranges;
  const { results } = await db
    .prepare(READ_REVISED)
    .bind(JSON.stringify(gridZones), basis, signal, ...stepsOf(ranges), knownAtMs)
    .all<ValueRow & { readonly recordedAtMs: number }>();
  const revisions = new Map<string, RevisedPoint[]>(gridZones.map((gridZone) => [gridZone, []]));
  for (const row of results)
    revisions.get(row.gridZone)!.push({ recordedAtMs: row.recordedAtMs, old: toPoint(row) });
  const asKnown = (gridZone: string) =>
    pointsKnownAt(current.get(gridZone) ?? [], revisions.get(gridZone)!, knownAtMs).filter(
      ({ endMs }) => endMs > ranges.fromMs,
    );
  return new Map(gridZones.map((gridZone) => [gridZone, asKnown(gridZone)]));
}
