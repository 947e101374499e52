/** What could not be booked, kept whole for a person. */
import { and, desc, eq, isNull, lt } from 'drizzle-orm';
import type { QuarantineCode } from '../../shared/ledger/plausibility.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import type { WindowReport } from '../../shared/wire/ingest.ts';
import { nodes, quarantine } from '../schema/schema.ts';
import { type Author, CHANGE_COLUMNS } from './changes.ts';
import type { Database } from './database.ts';
import { jsonChunks } from './json-chunks.ts';

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

/** Newest first; `beforeId` pages. */
export async function listQuarantine(
  db: Database,
  query: { readonly limit: number; readonly beforeId: number | null; readonly unresolvedOnly: boolean },
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
        query.beforeId === null ? undefined : lt(quarantine.id, query.beforeId),
        query.unresolvedOnly ? isNull(quarantine.resolution) : undefined,
      ),
    )
    .orderBy(desc(quarantine.id))
    .limit(query.limit)
    .all();
}

/** With the report as it came; null where no open one has this id. */
export async function findOpenQuarantined(db: Database, id: number) {
  const row = await db
    .select({ nodeNumber: quarantine.nodeNumber, report: quarantine.report })
    .from(quarantine)
    .where(and(eq(quarantine.id, id), isNull(quarantine.resolution)))
    .get();
  return row ?? null;
}

const LOG_RESOLUTION = `
  INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?3, ?4, 'node:' || nodes.id, 'quarantine', json_object('id', item.id, 'code', item.code, 'resolution', 'open'),
         json_object('id', item.id, 'code', item.code, 'resolution', ?2), item.window_start_ms,
         item.window_start_ms + ${WINDOW_MS}, ?5
    FROM quarantine AS item JOIN nodes ON nodes.number = item.node_number
   WHERE item.id = ?1 AND item.resolution IS NULL`;

const RESOLVE = `
  UPDATE quarantine SET resolution = ?2, resolved_at_ms = ?3, resolved_by = ?4 WHERE id = ?1 AND resolution IS NULL`;

/** Marks it and logs that. @returns whether there was an open one of that id */
export async function resolveQuarantined(
  db: D1Database,
  id: number,
  resolution: 'released' | 'discarded',
  { who, why }: Author,
  nowMs: number,
): Promise<boolean> {
  const [, resolved] = await db.batch([
    db.prepare(LOG_RESOLUTION).bind(id, resolution, nowMs, who, why),
    db.prepare(RESOLVE).bind(id, resolution, nowMs, who),
  ]);
  return resolved!.meta.changes === 1;
}
