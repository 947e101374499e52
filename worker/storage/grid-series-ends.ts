/** How far the series of zones reach, by an instant: what the scope of a zone is told from without reading its values. */
import type { Basis, Signal } from '../../shared/grid/intensity.ts';
import type { SeriesEnd } from '../../shared/grid/scope.ts';
import { HOUR_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { MAX_INTERVAL_MS } from './grid.ts';
import { STEPS_PER_SERIES, startMsOf } from './grid-keys.ts';

const endOf = `${startMsOf('v.key')} + v.duration_ms`;
/** A long value may reach further than the newest one, but none that began before it. */
const RECENT_STEPS = (MAX_INTERVAL_MS + HOUR_MS) / WINDOW_MS;

/** Some 300 rows of a series with five-minute values; one of a series that is silent. */
const READ_ENDS = `
  SELECT s.grid_zone AS gridZone, s.provider AS provider, s.scope AS scope, coalesce(
           (SELECT max(${endOf}) FROM grid_values v
             WHERE v.key >= s.id * ${STEPS_PER_SERIES} + max(?4 - ${RECENT_STEPS}, 0) AND v.key <= s.id * ${STEPS_PER_SERIES} + ?4),
           (SELECT ${endOf} FROM grid_values v
             WHERE v.key >= s.id * ${STEPS_PER_SERIES} AND v.key <= s.id * ${STEPS_PER_SERIES} + ?4
             ORDER BY v.key DESC LIMIT 1)) AS endMs
    FROM grid_series s
   WHERE s.grid_zone IN (SELECT value FROM json_each(?1)) AND s.basis = ?2 AND s.signal = ?3`;

export interface SeriesEndsQuery {
  readonly gridZones: readonly string[];
  readonly basis: Basis;
  readonly signal: Signal;
}

/** By zone, each series that has a value which begins by the instant; zones without any are missing. */
export async function readSeriesEnds(
  db: D1Database,
  { gridZones, basis, signal }: SeriesEndsQuery,
  atMs: number,
): Promise<ReadonlyMap<string, readonly SeriesEnd[]>> {
  const { results } = await db
    .prepare(READ_ENDS)
    .bind(JSON.stringify(gridZones), basis, signal, Math.floor(atMs / WINDOW_MS))
    .all<Omit<SeriesEnd, 'endMs'> & { readonly gridZone: string; readonly endMs: number | null }>();
  const ends = new Map<string, SeriesEnd[]>();
  for (const { gridZone, provider, scope, endMs } of results)
    if (endMs !== null) ends.set(gridZone, [...(ends.get(gridZone) ?? []), { provider, scope, endMs }]);
  return ends;
}
