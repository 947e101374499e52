/** Intensity as it was known at an earlier instant: what stands now, with the old side of what was revised since. */
import { ALL_KNOWN } from '../../shared/audit/as-known.ts';
import { pointsKnownAt, type RevisedPoint } from '../../shared/grid/as-known.ts';
import type { IntensityPoint } from '../../shared/grid/intensity.ts';
import { type IntensityRange, readIntensity, stepsOf, toPoint, type ValueRow } from './grid.ts';
import { STEPS_PER_SERIES } from './grid-keys.ts';

const READ_REVISED = `
  SELECT r.value_key AS key, r.old_duration_ms AS durationMs, r.old_grams_per_kwh AS gramsPerKwh, r.old_kind AS kind,
         r.old_method AS method, r.old_issued_at_ms AS issuedAtMs, r.old_fetched_at_ms AS fetchedAtMs,
         s.provider AS provider, s.scope AS scope, r.recorded_at_ms AS recordedAtMs
    FROM grid_series s
    CROSS JOIN grid_revisions r
      ON r.value_key >= s.id * ${STEPS_PER_SERIES} + ?4 AND r.value_key < s.id * ${STEPS_PER_SERIES} + ?5
   WHERE s.grid_zone = ?1 AND s.basis = ?2 AND s.signal = ?3 AND r.recorded_at_ms > ?6
   ORDER BY r.id`;

/**
 * Like `readIntensity`, as it was known at `knownAtMs`. Values are read first: one that is revised in between is then
 * found among the revisions.
 */
export async function readIntensityAsKnown(
  db: D1Database,
  range: IntensityRange,
  knownAtMs: number,
): Promise<IntensityPoint[]> {
  const current = await readIntensity(db, range);
  if (knownAtMs === ALL_KNOWN) return current;
  const { gridZone, basis, signal } = range;
  const { results } = await db
    .prepare(READ_REVISED)
    .bind(gridZone, basis, signal, ...stepsOf(range), knownAtMs)
    .all<ValueRow & { readonly recordedAtMs: number }>();
  const revisions = results.map(
    (row): RevisedPoint => ({ recordedAtMs: row.recordedAtMs, old: toPoint(row) }),
  );
  return pointsKnownAt(current, revisions, knownAtMs).filter(({ endMs }) => endMs > range.fromMs);
}
