/** What the evaluation of alerts asks of the intensity series, for all zones at once. */
import { WINDOW_MS } from '../../shared/time/window.ts';
import { STEPS_PER_SERIES, startOf } from './grid-keys.ts';

/** CROSS JOIN fixes the order of the loops, series first. */
const NEWEST_FETCH = `
  SELECT MAX(CASE WHEN v.key % ${STEPS_PER_SERIES} < ?3 THEN v.fetched_at_ms END) AS beforeHeadMs,
         MAX(v.fetched_at_ms) AS allMs
    FROM grid_series s
    CROSS JOIN grid_values v ON v.key >= s.id * ${STEPS_PER_SERIES} + ?2 AND v.key < s.id * ${STEPS_PER_SERIES} + ?4
   WHERE s.grid_zone IN (SELECT value FROM json_each(?1)) AND s.basis = 'lifecycle' AND s.signal = 'average'`;

export interface NewestFetch {
  /** Of values that begin before `headMs`; null where there are none. */
  readonly beforeHeadMs: number | null;
  readonly allMs: number | null;
}

/** When the newest of the values that begin in `[fromMs, toMs)` came. */
export async function readNewestFetch(
  db: D1Database,
  gridZones: readonly string[],
  range: { readonly fromMs: number; readonly headMs: number; readonly toMs: number },
): Promise<NewestFetch> {
  const step = (ms: number) => Math.floor(ms / WINDOW_MS);
  const row = await db
    .prepare(NEWEST_FETCH)
    .bind(JSON.stringify(gridZones), step(range.fromMs), step(range.headMs), step(range.toMs))
    .first<NewestFetch>();
  return row ?? { beforeHeadMs: null, allMs: null };
}

/** The newest value of each series is one seek, whatever its past. */
const NEWEST_VALUES = `
  SELECT s.grid_zone AS gridZone, v.key AS key, v.duration_ms AS durationMs
    FROM grid_series s
    JOIN grid_values v ON v.key = (
      SELECT MAX(key) FROM grid_values
       WHERE key >= s.id * ${STEPS_PER_SERIES} AND key < s.id * ${STEPS_PER_SERIES} + ?2
         AND kind <> 'forecast')
   WHERE s.grid_zone IN (SELECT value FROM json_each(?1)) AND s.basis = 'lifecycle' AND s.signal = 'average'`;

/** By zone, the end of the newest value that begins before an instant; zones without any are missing. */
export async function readNewestEnds(
  db: D1Database,
  gridZones: readonly string[],
  beforeMs: number,
): Promise<Map<string, number>> {
  const { results } = await db
    .prepare(NEWEST_VALUES)
    .bind(JSON.stringify(gridZones), Math.ceil(beforeMs / WINDOW_MS))
    .all<{ gridZone: string; key: number; durationMs: number }>();
  const ends = new Map<string, number>();
  for (const { gridZone, key, durationMs } of results)
    ends.set(gridZone, Math.max(ends.get(gridZone) ?? 0, startOf(key) + durationMs));
  return ends;
}
