/** What is known of intensity: the series of every provider, and what became of values that were revised. */
import type { Basis, IntensityPoint, Scope, Signal } from '../../shared/grid/intensity.ts';
import { DAY_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { type EpochMs, epochMs, gramsPerKwh } from '../../shared/units.ts';
import { STEPS_PER_SERIES, startOf } from './grid-keys.ts';

/** No value is longer, so a range need look back no further to find what overlaps its start. */
export const MAX_INTERVAL_MS = DAY_MS;

/**
 * CROSS JOIN fixes the order of the loops, series first; left alone, SQLite scans every value of every series. Sorted here,
 * since D1 counts the rows of a sort as read once more.
 */
const READ_INTENSITIES = `
  SELECT s.grid_zone AS gridZone, v.key AS key, v.duration_ms AS durationMs, v.grams_per_kwh AS gramsPerKwh,
         v.kind AS kind, v.method AS method, v.issued_at_ms AS issuedAtMs, v.fetched_at_ms AS fetchedAtMs,
         s.provider AS provider, s.scope AS scope
    FROM grid_series s
    CROSS JOIN grid_values v ON v.key >= s.id * ${STEPS_PER_SERIES} + ?4 AND v.key < s.id * ${STEPS_PER_SERIES} + ?5
   WHERE s.grid_zone IN (SELECT value FROM json_each(?1)) AND s.basis = ?2 AND s.signal = ?3`;

export interface ValueRow {
  readonly gridZone: string;
  readonly key: number;
  readonly durationMs: number;
  readonly gramsPerKwh: number;
  readonly kind: 'measured' | 'estimated' | 'forecast';
  readonly method: string | null;
  readonly issuedAtMs: number | null;
  readonly fetchedAtMs: number;
  readonly provider: string;
  readonly scope: Scope;
}

export interface IntensityRange {
  readonly gridZone: string;
  readonly basis: Basis;
  readonly signal: Signal;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface IntensityRanges extends Omit<IntensityRange, 'gridZone'> {
  readonly gridZones: readonly string[];
}

/**
 * The stored points of **every** provider that overlap `[fromMs, toMs)`, by start, then provider. Which of them holds
 * for a window is the resolver's decision (shared/grid/resolve.ts), which also needs `LOOKBACK_MS` before the first
 * window; `worker/use-cases/grid-intensity.ts` does both.
 */
export async function readIntensity(db: D1Database, range: IntensityRange): Promise<IntensityPoint[]> {
  const { gridZone, ...rest } = range;
  return (await readIntensities(db, { ...rest, gridZones: [gridZone] })).get(gridZone) ?? [];
}

/** The same of several zones in one query; zones without values are missing. */
export async function readIntensities(
  db: D1Database,
  ranges: IntensityRanges,
): Promise<Map<string, IntensityPoint[]>> {
  const { results } = await db
    .prepare(READ_INTENSITIES)
    .bind(JSON.stringify(ranges.gridZones), ranges.basis, ranges.signal, ...stepsOf(ranges))
    .all<ValueRow>();
  const found = new Map<string, IntensityPoint[]>();
  for (const row of results) {
    const point = toPoint(row);
    if (point.endMs <= ranges.fromMs) continue;
    const points = found.get(row.gridZone);
    if (points) points.push(point);
    else found.set(row.gridZone, [point]);
  }
  for (const points of found.values()) points.sort(byStartThenProvider);
  return found;
}

function byStartThenProvider(a: IntensityPoint, b: IntensityPoint): number {
  if (a.startMs !== b.startMs) return a.startMs - b.startMs;
  return a.provider < b.provider ? -1 : Number(a.provider > b.provider);
}

/** Steps `[first, end)` at which a value may start that overlaps the range. */
export function stepsOf({ fromMs, toMs }: Pick<IntensityRange, 'fromMs' | 'toMs'>): [number, number] {
  return [Math.max(Math.floor((fromMs - MAX_INTERVAL_MS) / WINDOW_MS), 0), Math.ceil(toMs / WINDOW_MS)];
}

export function toPoint(row: ValueRow): IntensityPoint {
  const startMs = startOf(row.key);
  return {
    startMs,
    endMs: epochMs(startMs + row.durationMs),
    gramsPerKwh: gramsPerKwh(row.gramsPerKwh),
    kind: row.kind,
    provider: row.provider,
    scope: row.scope,
    method: row.method,
    issuedAtMs: row.issuedAtMs === null ? null : epochMs(row.issuedAtMs),
    fetchedAtMs: epochMs(row.fetchedAtMs),
  };
}

/** A value that was replaced: what it was, what it became, when. */
export interface Revision {
  readonly id: number;
  readonly startMs: EpochMs;
  readonly basis: Basis;
  readonly signal: Signal;
  readonly scope: Scope;
  readonly provider: string;
  readonly oldGramsPerKwh: number;
  readonly oldKind: string;
  readonly oldFetchedAtMs: number;
  readonly newGramsPerKwh: number;
  readonly newKind: string;
  readonly recordedAtMs: number;
}

const READ_REVISIONS = `
  SELECT r.id AS id, r.value_key AS valueKey, s.basis AS basis, s.signal AS signal, s.scope AS scope,
         s.provider AS provider, r.old_grams_per_kwh AS oldGramsPerKwh, r.old_kind AS oldKind,
         r.old_fetched_at_ms AS oldFetchedAtMs, r.new_grams_per_kwh AS newGramsPerKwh, r.new_kind AS newKind,
         r.recorded_at_ms AS recordedAtMs
    FROM grid_series s
    CROSS JOIN grid_revisions r
      ON r.value_key >= s.id * ${STEPS_PER_SERIES} AND r.value_key < (s.id + 1) * ${STEPS_PER_SERIES}
   WHERE s.grid_zone = ?1 AND r.id < ?2
   ORDER BY r.id DESC LIMIT ?3`;

/** Newest first; those recorded before the revision `beforeId`. */
export async function readRevisions(
  db: D1Database,
  gridZone: string,
  page: { readonly limit: number; readonly beforeId?: number | undefined },
): Promise<Revision[]> {
  const { results } = await db
    .prepare(READ_REVISIONS)
    .bind(gridZone, page.beforeId ?? Number.MAX_SAFE_INTEGER, page.limit)
    .all<Omit<Revision, 'startMs'> & { readonly valueKey: number }>();
  return results.map(({ valueKey, ...revision }) => ({ ...revision, startMs: startOf(valueKey) }));
}
