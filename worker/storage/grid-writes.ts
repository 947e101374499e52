/** Writing intensity series: the rows written are the bill, so what is the same already costs none. */
import { sql } from 'drizzle-orm';
import type { IntensityPoint } from '../../shared/grid/intensity.ts';
import { SETTLES_AFTER_MS } from '../../shared/ledger/settled.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import { gridSeries } from '../schema/schema.ts';
import { type Author, CHANGE_COLUMNS } from './changes.ts';
import { openDatabase } from './database.ts';
import { STEPS_PER_SERIES, startMsOf, startOf, valueKey } from './grid-keys.ts';

/** A value as a row holds it: never `annual`, which comes from a table of its own. */
export type StoredValue = Omit<IntensityPoint, 'kind' | 'provider' | 'fetchedAtMs'> & {
  readonly kind: 'measured' | 'estimated' | 'forecast';
};

export type SeriesIdentity = Omit<typeof gridSeries.$inferSelect, 'id'>;

const INCOMING = `
  WITH incoming AS (
    SELECT value ->> 0 AS key, value ->> 1 AS duration_ms, value ->> 2 AS grams_per_kwh, value ->> 3 AS kind,
           value ->> 4 AS method, value ->> 5 AS issued_at_ms
      FROM json_each(?1))`;

/** A value replaces the stored one if it differs, and never a better kind: `instr` ranks them by their place. */
const KINDS_BEST_FIRST = `'measured estimated forecast'`;
const rank = (row: string) => `instr(${KINDS_BEST_FIRST}, ${row}.kind)`;
const replaces = (incoming: string, stored: string) => `
  ${rank(incoming)} <= ${rank(stored)}
  AND (${incoming}.grams_per_kwh <> ${stored}.grams_per_kwh OR ${incoming}.kind <> ${stored}.kind
       OR ${incoming}.duration_ms <> ${stored}.duration_ms)`;

/**
 * Shorter intervals that begin within a new longer one, unless they are of a better kind, or the longer one is itself
 * refused for a better value at its own start. What stays beneath it is the finer step, which readers prefer.
 */
const COVERS = `v.key > i.key AND v.key < i.key + i.duration_ms / ${WINDOW_MS} AND ${rank('i')} <= ${rank('v')}
  AND NOT EXISTS (SELECT 1 FROM grid_values own WHERE own.key = i.key AND ${rank('own')} < ${rank('i')})`;

/** What is replaced by which value: at its own start, or beneath it. */
const REPLACED = `${INCOMING}, replaced AS (
    SELECT i.key AS new_key, i.duration_ms AS new_duration_ms, i.grams_per_kwh AS new_grams_per_kwh, i.kind AS new_kind,
           v.key, v.duration_ms, v.grams_per_kwh, v.kind, v.method, v.issued_at_ms, v.fetched_at_ms
      FROM incoming i JOIN grid_values v ON v.key = i.key WHERE ${replaces('i', 'v')}
    UNION ALL
    SELECT i.key, i.duration_ms, i.grams_per_kwh, i.kind,
           v.key, v.duration_ms, v.grams_per_kwh, v.kind, v.method, v.issued_at_ms, v.fetched_at_ms
      FROM incoming i JOIN grid_values v ON ${COVERS})`;

const RECORD_REVISIONS = `${REPLACED}
  INSERT INTO grid_revisions (value_key, old_duration_ms, old_grams_per_kwh, old_kind, old_method, old_issued_at_ms,
                              old_fetched_at_ms, new_grams_per_kwh, new_kind, recorded_at_ms)
  SELECT key, duration_ms, grams_per_kwh, kind, method, issued_at_ms, fetched_at_ms, new_grams_per_kwh, new_kind, ?2
    FROM replaced`;

/** By a float: values that came without a fraction are whole numbers here, whose quotient would be cut off. */
const SUMMARY = `json_patch(said.series, json_object('values', COUNT(*), 'meanGramsPerKwh',
                                                  SUM(grams_per_kwh * duration_ms) * 1.0 / SUM(duration_ms)))`;

/**
 * Of each series, what began before now: what is replaced, and what is added later than the ordinary course brings it. Means
 * are over time, since a longer value may stand for several.
 */
const LOG_INTENSITY = `${REPLACED}, past AS (
    SELECT * FROM replaced WHERE ${startMsOf('key')} < ?2),
  brought AS (
    SELECT new_key AS key, new_duration_ms AS duration_ms, new_grams_per_kwh AS grams_per_kwh FROM past
    UNION
    SELECT i.key, i.duration_ms, i.grams_per_kwh FROM incoming i
     WHERE ${startMsOf('i.key')} < ?2 AND ${startMsOf('i.key')} + i.duration_ms <= ?5
       AND NOT EXISTS (SELECT 1 FROM grid_values v WHERE v.key = i.key)),
  said AS (
    SELECT value ->> 0 AS id, value ->> 1 AS who, value ->> 2 AS subject, value -> 3 AS series FROM json_each(?3))
  INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?2, said.who, said.subject, 'intensity',
         (SELECT ${SUMMARY} FROM past WHERE past.key / ${STEPS_PER_SERIES} = said.id), ${SUMMARY},
         MIN(${startMsOf('key')}), MAX(${startMsOf('key')} + duration_ms), ?4
    FROM brought JOIN said ON said.id = brought.key / ${STEPS_PER_SERIES}
   GROUP BY said.id`;

const REMOVE_COVERED = `
  DELETE FROM grid_values WHERE key IN (${INCOMING} SELECT v.key FROM incoming i JOIN grid_values v ON ${COVERS})`;

const UPSERT_VALUES = `${INCOMING}
  INSERT INTO grid_values (key, duration_ms, grams_per_kwh, kind, method, issued_at_ms, fetched_at_ms)
  SELECT key, duration_ms, grams_per_kwh, kind, method, issued_at_ms, ?2 FROM incoming WHERE true
  ON CONFLICT (key) DO UPDATE
     SET duration_ms = excluded.duration_ms, grams_per_kwh = excluded.grams_per_kwh, kind = excluded.kind,
         method = excluded.method, issued_at_ms = excluded.issued_at_ms, fetched_at_ms = excluded.fetched_at_ms
   WHERE ${replaces('excluded', 'grid_values')}`;

const MAX_INSTANT_MS = Number.MAX_SAFE_INTEGER;

export interface StoreResult {
  /** Rows added or replaced. */
  readonly written: number;
  /** Values that were replaced, each recorded in `grid_revisions`. */
  readonly revised: number;
}

/** As `INCOMING` reads it. */
const rowOf = (seriesId: number, { startMs, endMs, gramsPerKwh, kind, method, issuedAtMs }: StoredValue) => [
  valueKey(seriesId, startMs),
  endMs - startMs,
  gramsPerKwh,
  kind,
  method,
  issuedAtMs,
];

/** One series and what came for it. */
export interface SeriesValues {
  readonly series: SeriesIdentity;
  readonly values: readonly StoredValue[];
}

/**
 * Adds and replaces values in one transaction; what is the same already costs no write. The caller has checked the values:
 * aligned, whole steps, no overlap among themselves. Harmless to repeat and to run twice at once.
 * @param author a person who brings them: then whatever is new of the past is logged; null: the provider
 */
export async function storeSeries(
  db: D1Database,
  brought: readonly SeriesValues[],
  fetchedAtMs: number,
  author: Author | null = null,
): Promise<StoreResult> {
  const some = brought.filter(({ values }) => values.length > 0);
  if (some.length === 0) return { written: 0, revised: 0 };
  const ids = await findOrAddSeveral(
    db,
    some.map(({ series }) => series),
  );
  const incoming = JSON.stringify(
    some.flatMap(({ values }, index) => values.map((value) => rowOf(ids[index]!, value))),
  );
  const said = some.map(({ series: { gridZone, provider, ...kind } }, index) => [
    ids[index],
    author?.who ?? `grid:${provider}`,
    `grid:${gridZone}`,
    { provider, ...kind },
  ]);
  const [, revisions, , upserts] = await db.batch([
    db
      .prepare(LOG_INTENSITY)
      .bind(
        incoming,
        fetchedAtMs,
        JSON.stringify(said),
        author === null ? 'as the provider says it' : author.why,
        author === null ? fetchedAtMs - SETTLES_AFTER_MS : MAX_INSTANT_MS,
      ),
    db.prepare(RECORD_REVISIONS).bind(incoming, fetchedAtMs),
    db.prepare(REMOVE_COVERED).bind(incoming),
    db.prepare(UPSERT_VALUES).bind(incoming, fetchedAtMs),
  ]);
  return { written: upserts!.meta.changes, revised: revisions!.meta.changes };
}

/** The same of one series. */
export function storeValues(
  db: D1Database,
  series: SeriesIdentity,
  values: readonly StoredValue[],
  fetchedAtMs: number,
  author: Author | null = null,
): Promise<StoreResult> {
  return storeSeries(db, [{ series, values }], fetchedAtMs, author);
}

const READ_LONGER = `${INCOMING}
  SELECT v.key AS key, v.duration_ms AS durationMs, v.grams_per_kwh AS gramsPerKwh,
         (SELECT json_group_array(json_array(w.key, w.duration_ms)) FROM grid_values w
           WHERE w.key > v.key AND w.key < v.key + v.duration_ms / ${WINDOW_MS}) AS within
    FROM incoming i JOIN grid_values v ON v.key = i.key WHERE v.duration_ms > i.duration_ms ORDER BY v.key`;

export interface Interval {
  readonly startMs: number;
  readonly endMs: number;
}

export interface LongerValue extends Interval {
  readonly gramsPerKwh: number;
  /** Shorter values that are stored within its time, in any order. */
  readonly within: readonly Interval[];
}

/** The stored values that begin where one of these does, and last longer. */
export async function readLongerValues(
  db: D1Database,
  series: SeriesIdentity,
  values: readonly StoredValue[],
): Promise<LongerValue[]> {
  const [seriesId] = await findSeveral(db, [series]);
  if (seriesId === undefined) return [];
  const { results } = await db
    .prepare(READ_LONGER)
    .bind(JSON.stringify(values.map((value) => rowOf(seriesId, value))))
    .all<{ key: number; durationMs: number; gramsPerKwh: number; within: string }>();
  const interval = (key: number, durationMs: number) => ({
    startMs: startOf(key),
    endMs: startOf(key) + durationMs,
  });
  return results.map(({ key, durationMs, gramsPerKwh, within }) => ({
    ...interval(key, durationMs),
    gramsPerKwh,
    within: (JSON.parse(within) as [number, number][]).map((cell) => interval(...cell)),
  }));
}

const ADD_SERIES = `
  INSERT INTO grid_series (grid_zone, basis, signal, scope, provider)
  SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (
    SELECT 1 FROM grid_series WHERE grid_zone = ?1 AND basis = ?2 AND signal = ?3 AND scope = ?4 AND provider = ?5)`;

export async function findOrAddSeries(db: D1Database, series: SeriesIdentity): Promise<number> {
  const [id] = await findOrAddSeveral(db, [series]);
  return id!;
}

/** The number of each. */
export async function findOrAddSeveral(
  db: D1Database,
  several: readonly SeriesIdentity[],
): Promise<number[]> {
  const known = await findSeveral(db, several);
  const missing = several.filter((_, index) => known[index] === undefined);
  if (missing.length === 0) return known as number[];
  await db.batch(
    missing.map(({ gridZone, basis, signal, scope, provider }) =>
      db.prepare(ADD_SERIES).bind(gridZone, basis, signal, scope, provider),
    ),
  );
  const added = await findSeveral(db, several);
  const lost = several.find((_, index) => added[index] === undefined);
  if (lost) throw new Error(`series ${lost.provider} of ${lost.gridZone} was added and is not there`);
  return added as number[];
}

async function findSeveral(
  db: D1Database,
  several: readonly SeriesIdentity[],
): Promise<(number | undefined)[]> {
  const gridZones = JSON.stringify(several.map(({ gridZone }) => gridZone));
  const rows = await openDatabase(db)
    .select()
    .from(gridSeries)
    .where(sql`${gridSeries.gridZone} IN (SELECT value FROM json_each(${gridZones}))`)
    .all();
  return several.map(
    (series) =>
      rows.find(
        (row) =>
          row.gridZone === series.gridZone &&
          row.basis === series.basis &&
          row.signal === series.signal &&
          row.scope === series.scope &&
          row.provider === series.provider,
      )?.id,
  );
}
