/** The change log. Whoever changes figures of the past adds to it in the same batch as the change itself. */
import { changes } from '../schema/audit.ts';
import { openDatabase, toStatement } from './database.ts';
import { fleetRowId, type Shards } from './shards.ts';

export interface Change {
  readonly recordedAtMs: number;
  /** Id of a token or an enrolment key, `grid:<provider>`, `node:<id>` or `server`. */
  readonly who: string;
  /** `site:<id>`, `node:<id>`, `grid:<zone>` or `fleet`. */
  readonly subject: string;
  /** What of it changed, such as `pueRatio`. */
  readonly what: string;
  /** Any JSON; null: nothing was known. */
  readonly from: unknown;
  readonly to: unknown;
  /** The time whose figures it touches, `[from, to)`; null: without bound on that side. */
  readonly effectiveFromMs: number | null;
  readonly effectiveToMs: number | null;
  readonly why: string | null;
}

export interface RecordedChange extends Change {
  /** Among the changes of all databases. */
  readonly id: number;
}

/** Who did something, and the reason given. */
export interface Author {
  readonly who: string;
  readonly why: string | null;
}

/** The row of a change, for a statement in SQL: `INSERT INTO changes (${CHANGE_COLUMNS}) SELECT ...`. */
export const CHANGE_COLUMNS =
  'recorded_at_ms, who, subject, what, old_value, new_value, effective_from_ms, effective_to_ms, why';

/** A statement that records the change, to be run in one batch with what it tells of. */
export function recordChange(db: D1Database, { from, to, ...change }: Change): D1PreparedStatement {
  const row = { ...change, oldValue: from, newValue: to };
  return toStatement(db, openDatabase(db).insert(changes).values(row));
}

export interface ChangeQuery {
  readonly limit: number;
  /** Page after this one, which is older; null: from the newest. */
  readonly before: { readonly recordedAtMs: number; readonly id: number } | null;
  readonly subject?: string | undefined;
  readonly what?: string | undefined;
  /** Recorded in `[fromMs, toMs)`. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

interface ChangeRow extends Omit<RecordedChange, 'from' | 'to'> {
  readonly oldValue: string | null;
  readonly newValue: string | null;
}

const COLUMNS = `
  SELECT id, recorded_at_ms AS recordedAtMs, who, subject, what, old_value AS oldValue, new_value AS newValue,
         effective_from_ms AS effectiveFromMs, effective_to_ms AS effectiveToMs, why
    FROM changes`;

const END = Number.MAX_SAFE_INTEGER;

/** Newest first: the logs of all databases, merged. */
export async function readChanges(shards: Shards, query: ChangeQuery): Promise<RecordedChange[]> {
  const found = await shards.rows((db, shard) => readChangesIn(db, shard, query));
  return found.sort((a, b) => b.recordedAtMs - a.recordedAtMs || b.id - a.id).slice(0, query.limit);
}

async function readChangesIn(db: D1Database, shard: number, query: ChangeQuery): Promise<RecordedChange[]> {
  const { limit, before, subject, what, fromMs = 0, toMs = END } = query;
  const beforeId = (before?.id ?? END) - fleetRowId(shard, 0);
  const values: unknown[] = [fromMs, toMs, before?.recordedAtMs ?? END, beforeId, limit];
  const conditions = ['recorded_at_ms >= ?1 AND recorded_at_ms < ?2', '(recorded_at_ms, id) < (?3, ?4)'];
  if (subject !== undefined) conditions.push(`subject = ?${values.push(subject)}`);
  if (what !== undefined) conditions.push(`what = ?${values.push(what)}`);
  const { results } = await db
    .prepare(`${COLUMNS} WHERE ${conditions.join(' AND ')} ORDER BY recorded_at_ms DESC, id DESC LIMIT ?5`)
    .bind(...values)
    .all<ChangeRow>();
  return results.map((row) => toChange(row, shard));
}

/** Changes that one look passes; a log that grew by more has surely touched what is asked. */
const LOOKED_AT = 20_000;

const TOUCHING = `${COLUMNS.replace('FROM changes', 'FROM (SELECT * FROM changes WHERE id > ?1 ORDER BY id LIMIT ?5)')}
   WHERE COALESCE(effective_from_ms, 0) < ?3 AND COALESCE(effective_to_ms, ?3) > ?2
   ORDER BY id LIMIT ?4`;
const LAST_ID = 'SELECT COALESCE(MAX(id), 0) AS id FROM changes';

/** By shard, the id of the newest change in its log; 0 before the first. Rows are never deleted, so later ones have higher ids. */
export function readLastChangeIds(shards: Shards): Promise<number[]> {
  return shards.each(async (db) => (await db.prepare(LAST_ID).first<{ id: number }>())!.id);
}

const KNOWN_SINCE = 'SELECT 1 FROM changes WHERE id > ?1 AND recorded_at_ms <= ?2 LIMIT 1';

/** Whether a log beside that of shard 0 has a change after these that was recorded by `untilMs`. */
export async function hasChangedElsewhere(
  shards: Shards,
  afterIds: readonly number[],
  untilMs: number,
): Promise<boolean> {
  const found = await shards.each(async (db, shard) =>
    shard === 0
      ? null
      : db
          .prepare(KNOWN_SINCE)
          .bind(afterIds[shard] ?? 0, untilMs)
          .first(),
  );
  return found.some((row) => row !== null);
}

export interface ChangesTouching {
  readonly changes: readonly RecordedChange[];
  /** False where the log grew by more than one look passes: there may be others. */
  readonly complete: boolean;
}

/** Those after the changes `afterIds`, by shard, that touch the time `[fromMs, toMs)`; oldest first. */
export async function readChangesTouching(
  shards: Shards,
  query: {
    readonly afterIds: readonly number[];
    readonly fromMs: number;
    readonly toMs: number;
    readonly limit: number;
  },
): Promise<ChangesTouching> {
  const found = await shards.each(async (db, shard) => {
    const afterId = query.afterIds[shard] ?? 0;
    const [touching, last] = await db.batch<ChangeRow>([
      db.prepare(TOUCHING).bind(afterId, query.fromMs, query.toMs, query.limit, LOOKED_AT),
      db.prepare(LAST_ID),
    ]);
    return {
      changes: touching!.results.map((row) => toChange(row, shard)),
      complete: last!.results[0]!.id - afterId <= LOOKED_AT,
    };
  });
  const changes = found.flatMap((own) => own.changes);
  if (shards.count > 1) changes.sort((a, b) => a.recordedAtMs - b.recordedAtMs || a.id - b.id);
  return { changes: changes.slice(0, query.limit), complete: found.every(({ complete }) => complete) };
}

export interface DatedChange {
  readonly subject: string;
  readonly what: string;
  readonly old: string | null;
  /** The time that it touches; null: without bound on that side. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

const OF_SUMS_SINCE = `
  SELECT subject, what, old_value AS old, effective_from_ms AS fromMs, effective_to_ms AS toMs
    FROM (SELECT * FROM changes WHERE recorded_at_ms > ?1 LIMIT ${LOOKED_AT})
   WHERE subject NOT LIKE 'grid:%'
     AND (what IN ('energy', 'quarantine') OR NOT EXISTS
       (SELECT 1 FROM nodes WHERE id = substr(subject, 6) AND subject LIKE 'node:%' AND enrolled_at_ms > ?1))`;
const COUNT_SINCE = 'SELECT COUNT(*) AS count FROM changes WHERE recorded_at_ms > ?1';

/**
 * Of one log, what was recorded after `afterMs` of anything but the grid; null where that is more than one look passes. Of nodes
 * that enrolled after it only what they metered: their site is said of all time.
 */
export async function readChangesSince(db: D1Database, afterMs: number): Promise<DatedChange[] | null> {
  const [rows, counted] = await db.batch<DatedChange & { count: number }>([
    db.prepare(OF_SUMS_SINCE).bind(afterMs),
    db.prepare(COUNT_SINCE).bind(afterMs),
  ]);
  return counted!.results[0]!.count > LOOKED_AT ? null : rows!.results;
}

function toChange({ oldValue, newValue, id, ...row }: ChangeRow, shard: number): RecordedChange {
  return { ...row, id: fleetRowId(shard, id), from: parsed(oldValue), to: parsed(newValue) };
}

const parsed = (json: string | null): unknown => (json === null ? null : JSON.parse(json));
