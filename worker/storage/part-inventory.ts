/** What agents report of their hosts, written into the ledger of parts: new ones, those that moved, and those that are back. */
import { CHANGE_COLUMNS } from './changes.ts';
import { lastReportAtMs } from './node-hour-key.ts';
import { keepParts, PART_COLUMNS, type PartRow, type StoredPart, toPart } from './parts.ts';
import { markNodes } from './rollup-marks.ts';

const READ_ELSEWHERE = `
  SELECT ${PART_COLUMNS}, (SELECT retired_at_ms FROM nodes WHERE number = node_number) AS retiredAtMs,
         MAX(COALESCE((SELECT inventory_at_ms FROM nodes WHERE number = node_number), 0),
           COALESCE(${lastReportAtMs('node_number')}, 0)) AS heardAtMs
  FROM parts
  WHERE part_id IN (SELECT value FROM json_each(?1)) AND node_number <> ?2
    AND (out_of_service_ms IS NULL OR moved_to = ?2)`;

export interface PartElsewhere extends StoredPart {
  /** Of its node. */
  readonly retiredAtMs: number | null;
  /** When its node last said anything. */
  readonly heardAtMs: number;
}

/** Parts with these ids that are in service in other nodes of one database, or have gone from there to this node. */
export async function readPartsElsewhere(
  db: D1Database,
  ids: readonly string[],
  nodeNumber: number,
): Promise<PartElsewhere[]> {
  if (ids.length === 0) return [];
  const { results } = await db
    .prepare(READ_ELSEWHERE)
    .bind(JSON.stringify(ids), nodeNumber)
    .all<PartRow & Pick<PartElsewhere, 'retiredAtMs' | 'heardAtMs'>>();
  return results.map(({ retiredAtMs, heardAtMs, ...row }) => ({ ...toPart(row), retiredAtMs, heardAtMs }));
}

/** As the node reports them; from the day that the earliest of them is in service. */
const LOG_PARTS = `
  INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?2, 'node:' || nodes.id, 'node:' || nodes.id, 'parts',
         NULLIF(json_group_array(json_object('id', p.part_id, 'type', p.type, 'name', p.name, 'capacityBytes', p.capacity_bytes))
           FILTER (WHERE p.part_id IS NOT NULL), '[]'),
         json_group_array(json_object('id', part.value ->> 1, 'type', part.value ->> 2, 'name', part.value ->> 3,
           'capacityBytes', part.value ->> 4)),
         MIN(part.value ->> 6), NULL, 'as the agent reports it'
  FROM json_each(?1) AS part
  JOIN nodes ON nodes.number = part.value ->> 0
  LEFT JOIN parts AS p ON p.node_number = part.value ->> 0 AND p.part_id = part.value ->> 1
  GROUP BY nodes.number`;

/** A date that stands stays; only that a part has come from elsewhere may show later. */
const WRITE_PARTS = `
  INSERT INTO parts (node_number, part_id, type, name, capacity_bytes, cores, in_service_from_ms, in_service_assumed, ages_from_ms)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8
  FROM json_each(?1) WHERE true
  ON CONFLICT (node_number, part_id) DO UPDATE SET name = excluded.name, capacity_bytes = excluded.capacity_bytes,
    cores = excluded.cores, ages_from_ms = COALESCE(ages_from_ms, excluded.ages_from_ms)`;

/** The node that reports the part says so of the node that had it. */
const LOG_MOVES = `
  INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?2, 'node:' || here.id, 'node:' || there.id, 'parts',
         json_group_array(json_object('id', p.part_id, 'outOfService', NULL)),
         json_group_array(json_object('id', p.part_id, 'outOfService', part.value ->> 3, 'movedTo', here.id)),
         MIN(part.value ->> 2), NULL,
         CASE WHEN here.number = there.number THEN 'reported part by part' ELSE 'reported by another node' END
  FROM json_each(?1) AS part
  JOIN parts AS p ON p.node_number = part.value ->> 0 AND p.part_id = part.value ->> 1
  JOIN nodes AS there ON there.number = p.node_number
  JOIN nodes AS here ON here.number = ?3
  GROUP BY there.number`;

const END_MOVED = `
  UPDATE parts SET out_of_service_ms = MAX(parts.in_service_from_ms, part.value ->> 2), moved_to = ?2
  FROM json_each(?1) AS part
  WHERE parts.out_of_service_ms IS NULL
    AND parts.node_number = part.value ->> 0 AND parts.part_id = part.value ->> 1`;

/** The same where the node that has it now is in another database. */
const LOG_MOVES_AWAY = `
  INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?2, 'node:' || ?3, 'node:' || there.id, 'parts',
         json_group_array(json_object('id', p.part_id, 'outOfService', NULL)),
         json_group_array(json_object('id', p.part_id, 'outOfService', part.value ->> 3, 'movedTo', ?3)),
         MIN(part.value ->> 2), NULL, 'reported by another node'
  FROM json_each(?1) AS part
  JOIN parts AS p ON p.node_number = part.value ->> 0 AND p.part_id = part.value ->> 1
  JOIN nodes AS there ON there.number = p.node_number
  GROUP BY there.number`;

const LOG_RETURNS = `
  INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?2, 'node:' || nodes.id, 'node:' || nodes.id, 'parts',
         json_group_array(json_object('id', p.part_id, 'outOfService', part.value ->> 2)),
         json_group_array(json_object('id', p.part_id, 'outOfService', NULL, 'inServiceAgainFrom', ?3)),
         ?2, NULL, 'reported again'
  FROM json_each(?1) AS part
  JOIN parts AS p ON p.node_number = part.value ->> 0 AND p.part_id = part.value ->> 1 AND p.out_of_service_ms IS NOT NULL
  JOIN nodes ON nodes.number = p.node_number
  GROUP BY nodes.number`;

/** Twice changes nothing: it is in service then. */
const RETURN_PARTS = `
  UPDATE parts SET absences = json_insert(absences, '$[#]', json_array(out_of_service_ms, ?2)),
                   out_of_service_ms = NULL, moved_to = NULL, replaced_by = NULL
  FROM json_each(?1) AS part
  WHERE parts.out_of_service_ms IS NOT NULL
    AND parts.node_number = part.value ->> 0 AND parts.part_id = part.value ->> 1`;

/** A part that ends at `endMs` where it was. */
export interface MovedPart {
  readonly part: StoredPart;
  readonly endMs: number;
}

const endRows = (moved: readonly MovedPart[]) =>
  moved.map(({ part, endMs }) => [part.nodeNumber, part.id, endMs, new Date(endMs).toISOString()]);

/**
 * Ends parts in their database that a node of another one reports, before they begin there: where that is cut off, the next
 * inventory finds what has gone to it.
 */
export async function endPartsAway(
  db: D1Database,
  moved: readonly MovedPart[],
  to: { readonly number: number; readonly id: string },
  nowMs: number,
): Promise<void> {
  const rows = JSON.stringify(endRows(moved));
  const parts = moved.map(({ part }) => part);
  const nodes = parts.map(({ nodeNumber }) => nodeNumber);
  await db.batch([
    keepParts(db, parts, nowMs),
    db.prepare(LOG_MOVES_AWAY).bind(rows, nowMs, to.id),
    db.prepare(END_MOVED).bind(rows, to.number),
    markNodes(db, nodes, nowMs),
  ]);
}

export interface InventoryChanges {
  /** New, or with another name, capacity, cores or origin. */
  readonly written: readonly StoredPart[];
  /** Of another node, or of this one where others stand for it now: it ends at `endMs` and goes on in this node. */
  readonly moved: readonly MovedPart[];
  /** Out of service, and in this node again. */
  readonly returned: readonly StoredPart[];
}

/**
 * What an inventory changes, in one batch: what stood before is kept, and the change logged as the node's own. Of parts
 * that stand only name, capacity and cores change, never a date.
 */
export async function writeInventory(
  db: D1Database,
  nodeNumber: number,
  { written, moved, returned }: InventoryChanges,
  nowMs: number,
): Promise<void> {
  const now = new Date(nowMs).toISOString();
  const rows = written.map((part) => [
    part.nodeNumber,
    part.id,
    part.type,
    part.name,
    part.capacityBytes,
    part.cores,
    part.inServiceMs,
    part.inServiceAssumed ? 1 : 0,
    part.agesFromMs,
  ]);
  const ends = endRows(moved);
  const returns = returned.map((part) => [
    part.nodeNumber,
    part.id,
    part.outOfServiceMs === null ? null : new Date(part.outOfServiceMs).toISOString(),
  ]);
  const statements = [
    ...bound(db, rows, [LOG_PARTS, nowMs], [WRITE_PARTS]),
    ...bound(db, ends, [LOG_MOVES, nowMs, nodeNumber], [END_MOVED, nodeNumber]),
    ...bound(db, returns, [LOG_RETURNS, nowMs, now], [RETURN_PARTS, nowMs]),
  ];
  if (statements.length === 0) return;
  const kept = [...written, ...moved.map(({ part }) => part), ...returned];
  const nodes = kept.map((part) => part.nodeNumber);
  await db.batch([keepParts(db, kept, nowMs), ...statements, markNodes(db, nodes, nowMs)]);
}

/** Statements over rows as JSON, each with more values; none where there are no rows. */
function bound(
  db: D1Database,
  rows: readonly unknown[],
  ...statements: readonly (readonly [string, ...number[]] | readonly [string, number, string])[]
): D1PreparedStatement[] {
  if (rows.length === 0) return [];
  const json = JSON.stringify(rows);
  return statements.map(([sql, ...values]) => db.prepare(sql).bind(json, ...values));
}

const MARK_MISSING = `
  UPDATE parts SET missing_since_ms = part.value ->> 1
  FROM json_each(?2) AS part
  WHERE parts.node_number = ?1 AND parts.part_id = part.value ->> 0`;

/** Notes since when inventories lack a part; null: they have it again. */
export async function markMissing(
  db: D1Database,
  nodeNumber: number,
  parts: readonly { readonly id: string; readonly missingSinceMs: number | null }[],
): Promise<void> {
  if (parts.length === 0) return;
  const rows = JSON.stringify(parts.map(({ id, missingSinceMs }) => [id, missingSinceMs]));
  await db.prepare(MARK_MISSING).bind(nodeNumber, rows).run();
}
