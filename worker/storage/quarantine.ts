/** What could not be booked, kept whole for a person. */
import { and, desc, eq, isNull, lt } from 'drizzle-orm';
import type { QuarantineCode } from '../../shared/ledger/plausibility.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import type { WindowReport } from '../../shared/wire/ingest.ts';
import { nodes, quarantine } from '../schema/schema.ts';
import { type Author, CHANGE_COLUMNS } from './changes.ts';
import { type Database, openDatabase } from './database.ts';
import { jsonChunks } from './json-chunks.ts';
import { fleetRowId, parseFleetRowId, type Shards } from './shards.ts';

export interface SetAside {
  readonly report: WindowReport;
  readonly code: QuarantineCode;
  readonly deviceId: string | null;
  readonly detail: string;
}

/** Two that speak of the same window under one reason; contents that contradict each other are never taken for one. */
const SAME_MATTER = `
  kept.node_number = ?1 AND kept.window_start_ms = item.value ->> 0 AND kept.epoch = item.value ->> 1
  AND kept.code = item.value ->> 4`;
const IS_NEWER = (left: string, right: string) =>
  `${left} > ${right} AND kept.code <> 'revision_conflict' AND kept.resolution IS NULL`;

/**
 * Reports are absolute, so a later revision says all that an earlier one did and takes its place: a faulty sensor leaves
 * one entry per window, not one per minute.
 */
const SUPERSEDE = `
  DELETE FROM quarantine WHERE id IN (
    SELECT kept.id FROM json_each(?2) AS item CROSS JOIN quarantine AS kept
     WHERE ${SAME_MATTER} AND ${IS_NEWER('item.value ->> 2', 'kept.revision')})`;

/** The same report set aside again (an answer that was lost on the way), or one that comes late, adds no entry. */
const SET_ASIDE = `
  INSERT INTO quarantine (node_number, window_start_ms, epoch, revision, device_id, code, detail, report, received_at_ms)
  SELECT ?1, item.value ->> 0, item.value ->> 1, item.value ->> 2, item.value ->> 3, item.value ->> 4,
         item.value ->> 5, item.value -> 6, ?3
  FROM json_each(?2) AS item
  WHERE NOT EXISTS (
    SELECT 1 FROM quarantine AS kept
    WHERE ${SAME_MATTER} AND (
      (kept.revision = item.value ->> 2 AND kept.report = item.value -> 6)
      OR (${IS_NEWER('kept.revision', 'item.value ->> 2')})))`;

export async function setAside(
  db: D1Database,
  nodeNumber: number,
  items: readonly SetAside[],
  nowMs: number,
): Promise<void> {
  if (items.length === 0) return;
  const rows = items.map(({ report, code, deviceId, detail }) =>
    JSON.stringify([report.windowStartMs, report.epoch, report.revision, deviceId, code, detail, report]),
  );
  await db.batch(
    jsonChunks(rows).flatMap((chunk) => [
      db.prepare(SUPERSEDE).bind(nodeNumber, chunk),
      db.prepare(SET_ASIDE).bind(nodeNumber, chunk, nowMs),
    ]),
  );
}

/** By database the id before which its entries go on; from the newest where there is none. */
export type QuarantineCursor = readonly number[];

export interface QuarantineQuery {
  readonly limit: number;
  readonly before: QuarantineCursor;
  readonly unresolvedOnly: boolean;
}

/**
 * Newest first: the lists of all databases, each in its own order, merged. Each entry with where to go on after it, and an
 * id among those of all.
 */
export async function listQuarantine(shards: Shards, query: QuarantineQuery) {
  const next = Array.from({ length: shards.count }, (_, shard) => query.before[shard] ?? Infinity);
  const left = await shards.each((db, shard) => quarantineIn(openDatabase(db), query, next[shard]!));
  const merged = [];
  while (merged.length < query.limit) {
    const newest = left
      .flatMap(([item], shard) => (item === undefined ? [] : [{ item, shard }]))
      .reduce<{ item: (typeof left)[0][0]; shard: number } | null>(
        (best, each) => (best === null || each.item.receivedAtMs > best.item.receivedAtMs ? each : best),
        null,
      );
    if (newest === null) break;
    const { item, shard } = newest;
    left[shard]!.shift();
    next[shard] = item.id;
    merged.push({ item: { ...item, id: fleetRowId(shard, item.id) }, next: [...next] });
  }
  return merged;
}

function quarantineIn(
  db: Database,
  query: Pick<QuarantineQuery, 'limit' | 'unresolvedOnly'>,
  beforeId: number,
) {
  return db
    .select({
      id: quarantine.id,
      nodeId: nodes.id,
      windowStartMs: quarantine.windowStartMs,
      epoch: quarantine.epoch,
      revision: quarantine.revision,
      deviceId: quarantine.deviceId,
      code: quarantine.code,
      detail: quarantine.detail,
      receivedAtMs: quarantine.receivedAtMs,
      resolution: quarantine.resolution,
      resolvedAtMs: quarantine.resolvedAtMs,
      resolvedBy: quarantine.resolvedBy,
    })
    .from(quarantine)
    .innerJoin(nodes, eq(nodes.number, quarantine.nodeNumber))
    .where(
      and(
        lt(quarantine.id, Math.min(beforeId, Number.MAX_SAFE_INTEGER)),
        query.unresolvedOnly ? isNull(quarantine.resolution) : undefined,
      ),
    )
    .orderBy(desc(quarantine.id))
    .limit(query.limit)
    .all();
}

/** With the report as it came; null where no open one has this id. @param fleetId among those of all databases */
export async function findOpenQuarantined(shards: Shards, fleetId: number) {
  const { shard, id } = parseFleetRowId(fleetId);
  if (shard >= shards.count) return null;
  const row = await openDatabase(shards.at(shard))
    .select({ nodeNumber: quarantine.nodeNumber, code: quarantine.code, report: quarantine.report })
    .from(quarantine)
    .where(and(eq(quarantine.id, id), isNull(quarantine.resolution)))
    .get();
  return row ?? null;
}

const LOG_RESOLUTION = `
  INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?3, ?4, 'node:' || nodes.id, 'quarantine', json_object('id', item.id + CAST(?6 AS INTEGER), 'code', item.code, 'resolution', 'open'),
         json_object('id', item.id + CAST(?6 AS INTEGER), 'code', item.code, 'resolution', ?2), item.window_start_ms,
         item.window_start_ms + ${WINDOW_MS}, ?5
    FROM quarantine AS item JOIN nodes ON nodes.number = item.node_number
   WHERE item.id = ?1 AND item.resolution IS NULL`;

const RESOLVE = `
  UPDATE quarantine SET resolution = ?2, resolved_at_ms = ?3, resolved_by = ?4 WHERE id = ?1 AND resolution IS NULL`;

/** Marks it and logs that. @param fleetId among those of all databases @returns whether there was an open one of that id */
export async function resolveQuarantined(
  shards: Shards,
  fleetId: number,
  resolution: 'released' | 'discarded',
  { who, why }: Author,
  nowMs: number,
): Promise<boolean> {
  const { shard, id } = parseFleetRowId(fleetId);
  if (shard >= shards.count) return false;
  const db = shards.at(shard);
  const [, resolved] = await db.batch([
    db.prepare(LOG_RESOLUTION).bind(id, resolution, nowMs, who, why, fleetRowId(shard, 0)),
    db.prepare(RESOLVE).bind(id, resolution, nowMs, who),
  ]);
  return resolved!.meta.changes === 1;
}
