/** What the evaluation of alerts asks of the intensity series, for all zones at once. */
import type { Scope } from '../../shared/grid/intensity.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import { STEPS_PER_SERIES, startOf } from './grid-keys.ts';

/** A value that comes, goes or is restated changes the sum, whatever the order in which runs store what they fetched. */
const printOf = (where: string) =>
  `TOTAL(CASE WHEN ${where} THEN v.grams_per_kwh * (v.key % 1009 + 1) END) || ' ' ||
   TOTAL(CASE WHEN ${where} THEN v.fetched_at_ms % 1000003 + v.duration_ms END)`;
const STEP = `v.key % ${STEPS_PER_SERIES}`;
const READ_PRINTS = `
  SELECT ${printOf(`${STEP} < ?3`)} AS before, ${printOf(`${STEP} >= ?5`)} AS after
    FROM grid_series s
    CROSS JOIN grid_values v ON v.key >= s.id * ${STEPS_PER_SERIES} + ?2 AND v.key < s.id * ${STEPS_PER_SERIES} + ?4
   WHERE s.grid_zone IN (SELECT value FROM json_each(?1)) AND s.basis = 'lifecycle' AND s.signal = 'average'`;

export interface GridPrints {
  /** Of values that begin in `[fromMs, headMs)`. */
  readonly before: string;
  /** Of values that begin in `[nextFromMs, toMs)`. */
  readonly after: string;
}

/** Equal where the same values are stored as before: tells whether intensities of the past are others now. */
export async function readGridPrints(
  db: D1Database,
  gridZones: readonly string[],
  range: {
    readonly fromMs: number;
    readonly headMs: number;
    readonly nextFromMs: number;
    readonly toMs: number;
  },
): Promise<GridPrints> {
  const step = (ms: number) => Math.floor(ms / WINDOW_MS);
  const { fromMs, headMs, nextFromMs, toMs } = range;
  const row = await db
    .prepare(READ_PRINTS)
    .bind(JSON.stringify(gridZones), step(fromMs), step(headMs), step(toMs), step(nextFromMs))
    .first<GridPrints>();
  return row!;
}

/** The newest value of each series is one seek, whatever its past. */
const NEWEST_VALUES = `
  SELECT s.grid_zone AS gridZone, s.scope AS scope, v.key AS key, v.duration_ms AS durationMs
    FROM grid_series s
    JOIN grid_values v ON v.key = (
      SELECT MAX(key) FROM grid_values
       WHERE key >= s.id * ${STEPS_PER_SERIES} AND key < s.id * ${STEPS_PER_SERIES} + ?2
         AND kind <> 'forecast')
   WHERE s.grid_zone IN (SELECT value FROM json_each(?1)) AND s.basis = 'lifecycle' AND s.signal = 'average'`;

/** By zone and scope, the end of the newest value that begins before an instant; zones without any are missing. */
export async function readNewestEnds(
  db: D1Database,
  gridZones: readonly string[],
  beforeMs: number,
): Promise<NewestEnds> {
  const { results } = await db
    .prepare(NEWEST_VALUES)
    .bind(JSON.stringify(gridZones), Math.ceil(beforeMs / WINDOW_MS))
    .all<{ gridZone: string; scope: Scope; key: number; durationMs: number }>();
  const ends = new Map<string, Partial<Record<Scope, number>>>();
  for (const { gridZone, scope, key, durationMs } of results) {
    const ofZone = ends.get(gridZone) ?? {};
    ends.set(gridZone, { ...ofZone, [scope]: Math.max(ofZone[scope] ?? 0, startOf(key) + durationMs) });
  }
  return ends;
}

export type NewestEnds = ReadonlyMap<string, Readonly<Partial<Record<Scope, number>>>>;
