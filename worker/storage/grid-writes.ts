/** Writing intensity series: the rows written are the bill, so what is the same already costs none. */
import { and, eq } from 'drizzle-orm';
import type { IntensityPoint } from '../../shared/grid/intensity.ts';
import { SETTLES_AFTER_MS } from '../../shared/ledger/settled.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import { gridSeries } from '../schema/schema.ts';
import { type Author, CHANGE_COLUMNS } from './changes.ts';
import { openDatabase } from './database.ts';
import { STEPS_PER_SERIES, valueKey } from './grid-keys.ts';

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
const replaces = (incoming: string, stored: string) => `
  instr(${KINDS_BEST_FIRST}, ${incoming}.kind) <= instr(${KINDS_BEST_FIRST}, ${stored}.kind)
  AND (${incoming}.grams_per_kwh <> ${stored}.grams_per_kwh OR ${incoming}.kind <> ${stored}.kind
       OR ${incoming}.duration_ms <> ${stored}.duration_ms)`;

/** Shorter intervals that begin within a new longer one. */
const COVERED = `v.key > i.key AND v.key < i.key + i.duration_ms / ${WINDOW_MS}`;

const OLD_AND_NEW = `
  SELECT v.key, v.duration_ms, v.grams_per_kwh, v.kind, v.method, v.issued_at_ms, v.fetched_at_ms,
         i.grams_per_kwh, i.kind, ?2
    FROM incoming i`;

const RECORD_REVISIONS = `${INCOMING}
  INSERT INTO grid_revisions (value_key, old_duration_ms, old_grams_per_kwh, old_kind, old_method, old_issued_at_ms,
                              old_fetched_at_ms, new_grams_per_kwh, new_kind, recorded_at_ms)
  ${OLD_AND_NEW} JOIN grid_values v ON v.key = i.key WHERE ${replaces('i', 'v')}
  UNION ALL
  ${OLD_AND_NEW} JOIN grid_values v ON ${COVERED}`;

const START_MS = `i.key % ${STEPS_PER_SERIES} * ${WINDOW_MS}`;
const mean = (of: string) => `AVG(${of}.grams_per_kwh)`;

/** Of what began before now: what is replaced, and what is added later than the ordinary course brings it. */
const LOG_INTENSITY = `${INCOMING}
  INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?2, ?3, ?4, 'intensity',
         json_patch(?5, json_object('values', COUNT(v.key), 'meanGramsPerKwh', ${mean('v')})),
         json_patch(?5, json_object('values', COUNT(*), 'meanGramsPerKwh', ${mean('i')})),
         MIN(${START_MS}), MAX(${START_MS} + i.duration_ms), ?6
    FROM incoming i LEFT JOIN grid_values v ON v.key = i.key
   WHERE ${START_MS} < ?2
     AND CASE WHEN v.key IS NULL THEN ${START_MS} + i.duration_ms <= ?7 ELSE ${replaces('i', 'v')} END
  HAVING COUNT(*) > 0`;

const REMOVE_COVERED = `
  DELETE FROM grid_values WHERE key IN (${INCOMING} SELECT v.key FROM incoming i JOIN grid_values v ON ${COVERED})`;

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

/**
 * Adds and replaces values of one series in one transaction; what is the same already costs no write. The caller has
 * checked the values: aligned, whole steps, no overlap among themselves. Harmless to repeat and to run twice at once.
 * @param author a person who brings them: then whatever is new of the past is logged; null: the provider
 */
export async function storeValues(
  db: D1Database,
  series: SeriesIdentity,
  values: readonly StoredValue[],
  fetchedAtMs: number,
  author: Author | null = null,
): Promise<StoreResult> {
  if (values.length === 0) return { written: 0, revised: 0 };
  const seriesId = await findOrAddSeries(db, series);
  const incoming = JSON.stringify(
    values.map((value) => [
      valueKey(seriesId, value.startMs),
      value.endMs - value.startMs,
      value.gramsPerKwh,
      value.kind,
      value.method,
      value.issuedAtMs,
    ]),
  );
  const { gridZone, provider, ...kind } = series;
  const [, revisions, , upserts] = await db.batch([
    db
      .prepare(LOG_INTENSITY)
      .bind(
        incoming,
        fetchedAtMs,
        author?.who ?? `grid:${provider}`,
        `grid:${gridZone}`,
        JSON.stringify({ provider, ...kind }),
        author?.why ?? null,
        author === null ? fetchedAtMs - SETTLES_AFTER_MS : MAX_INSTANT_MS,
      ),
    db.prepare(RECORD_REVISIONS).bind(incoming, fetchedAtMs),
    db.prepare(REMOVE_COVERED).bind(incoming),
    db.prepare(UPSERT_VALUES).bind(incoming, fetchedAtMs),
  ]);
  return { written: upserts!.meta.changes, revised: revisions!.meta.changes };
}

const ADD_SERIES = `
  INSERT INTO grid_series (grid_zone, basis, signal, scope, provider)
  SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (
    SELECT 1 FROM grid_series WHERE grid_zone = ?1 AND basis = ?2 AND signal = ?3 AND scope = ?4 AND provider = ?5)`;

export async function findOrAddSeries(db: D1Database, series: SeriesIdentity): Promise<number> {
  const known = await findSeries(db, series);
  if (known !== null) return known;
  const { gridZone, basis, signal, scope, provider } = series;
  await db.prepare(ADD_SERIES).bind(gridZone, basis, signal, scope, provider).run();
  const added = await findSeries(db, series);
  if (added === null) throw new Error(`series ${provider} of ${gridZone} was added and is not there`);
  return added;
}

async function findSeries(db: D1Database, series: SeriesIdentity): Promise<number | null> {
  const row = await openDatabase(db)
    .select({ id: gridSeries.id })
    .from(gridSeries)
    .where(
      and(
        eq(gridSeries.gridZone, series.gridZone),
        eq(gridSeries.basis, series.basis),
        eq(gridSeries.signal, series.signal),
        eq(gridSeries.scope, series.scope),
        eq(gridSeries.provider, series.provider),
      ),
    )
    .get();
  return row?.id ?? null;
}
