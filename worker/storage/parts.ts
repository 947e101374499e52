/** The ledger of hardware parts. */
import { ALL_KNOWN, allAsKnownAt } from '../../shared/audit/as-known.ts';
import type { PartType } from '../../shared/embodied/footprint.ts';
import { CHANGE_COLUMNS, type Change, recordChange } from './changes.ts';

export interface StoredPart {
  readonly nodeNumber: number;
  readonly id: string;
  readonly type: PartType;
  readonly name: string;
  readonly capacityBytes: number | null;
  readonly cores: number | null;
  readonly inServiceMs: number;
  /** True where the date is when the node or the part first appeared, not the operator's word. */
  readonly inServiceAssumed: boolean;
  readonly outOfServiceMs: number | null;
  /** How many pieces, by the operator's word; null: not said. */
  readonly count: number | null;
  /** Since when it ages, where it came from another node; null: since it is in service here. */
  readonly agesFromMs: number | null;
  /** Id of the part of this node that took its place. */
  readonly replacedBy: string | null;
  /** Number of the node that it went to, with what is left of it. */
  readonly movedTo: number | null;
  /** Since when inventories lack it. No figure depends on it. */
  readonly missingSinceMs: number | null;
}

/** Of a part of which nobody but the inventory has said anything. */
export const UNSAID = {
  outOfServiceMs: null,
  count: null,
  agesFromMs: null,
  replacedBy: null,
  movedTo: null,
  missingSinceMs: null,
} as const;

const PART_COLUMNS = `node_number AS nodeNumber, part_id AS id, type, name, capacity_bytes AS capacityBytes, cores,
         in_service_from_ms AS inServiceMs, in_service_assumed AS assumed, out_of_service_ms AS outOfServiceMs,
         count, ages_from_ms AS agesFromMs, replaced_by AS replacedBy, moved_to AS movedTo,
         missing_since_ms AS missingSinceMs`;

const READ_PARTS = `
  SELECT ${PART_COLUMNS}
  FROM parts WHERE node_number IN (SELECT value FROM json_each(?1)) ORDER BY node_number, part_id`;

export async function readParts(db: D1Database, nodeNumbers: readonly number[]): Promise<StoredPart[]> {
  const { results } = await db.prepare(READ_PARTS).bind(JSON.stringify(nodeNumbers)).all<PartRow>();
  return results.map(toPart);
}

type PartRow = Omit<StoredPart, 'inServiceAssumed'> & { readonly assumed: number };

/** What was kept before a column existed lacks it: nobody had said anything then. */
const toPart = ({ assumed, ...part }: PartRow): StoredPart => ({
  ...UNSAID,
  ...part,
  inServiceAssumed: assumed === 1,
});

const READ_ELSEWHERE = `
  SELECT ${PART_COLUMNS} FROM parts
  WHERE part_id IN (SELECT value FROM json_each(?1)) AND node_number <> ?2 AND out_of_service_ms IS NULL`;

/** Parts with these ids that are in service in other nodes. */
export async function readPartsElsewhere(
  db: D1Database,
  ids: readonly string[],
  nodeNumber: number,
): Promise<StoredPart[]> {
  if (ids.length === 0) return [];
  const { results } = await db.prepare(READ_ELSEWHERE).bind(JSON.stringify(ids), nodeNumber).all<PartRow>();
  return results.map(toPart);
}

/** Every column that `toPart` reads. */
const OLD_PART = `json_object('nodeNumber', p.node_number, 'id', p.part_id, 'type', p.type, 'name', p.name,
  'capacityBytes', p.capacity_bytes, 'cores', p.cores, 'inServiceMs', p.in_service_from_ms,
  'assumed', p.in_service_assumed, 'outOfServiceMs', p.out_of_service_ms, 'count', p.count,
  'agesFromMs', p.ages_from_ms, 'replacedBy', p.replaced_by, 'movedTo', p.moved_to)`;

const KEEP_PARTS = `
  INSERT INTO part_revisions (node_number, part_id, recorded_at_ms, old_part)
  SELECT part.value ->> 0, part.value ->> 1, ?2, CASE WHEN p.part_id IS NULL THEN NULL ELSE ${OLD_PART} END
  FROM json_each(?1) AS part
  LEFT JOIN parts AS p ON p.node_number = part.value ->> 0 AND p.part_id = part.value ->> 1`;

/**
 * Keeps these parts as they stand, so that `asOf` can tell them: goes first in the batch of whatever changes, adds or
 * ends parts. A part that does not exist is kept as just that.
 */
export function keepParts(
  db: D1Database,
  parts: readonly Pick<StoredPart, 'nodeNumber' | 'id'>[],
  nowMs: number,
): D1PreparedStatement {
  return db
    .prepare(KEEP_PARTS)
    .bind(JSON.stringify(parts.map(({ nodeNumber, id }) => [nodeNumber, id])), nowMs);
}

const READ_OLD_PARTS = `
  SELECT node_number AS nodeNumber, part_id AS id, recorded_at_ms AS recordedAtMs, old_part AS oldPart
  FROM part_revisions
  WHERE node_number IN (SELECT value FROM json_each(?1)) AND recorded_at_ms > ?2 ORDER BY id`;

interface OldPartRow {
  readonly nodeNumber: number;
  readonly id: string;
  readonly recordedAtMs: number;
  readonly oldPart: string | null;
}

/** Like `readParts`, as it was known at `knownAtMs`. */
export async function readPartsAsKnown(
  db: D1Database,
  nodeNumbers: readonly number[],
  knownAtMs: number,
): Promise<StoredPart[]> {
  const current = await readParts(db, nodeNumbers);
  if (knownAtMs === ALL_KNOWN) return current;
  const { results } = await db
    .prepare(READ_OLD_PARTS)
    .bind(JSON.stringify(nodeNumbers), knownAtMs)
    .all<OldPartRow>();
  const keyOf = ({ nodeNumber, id }: Pick<StoredPart, 'nodeNumber' | 'id'>) => `${nodeNumber} ${id}`;
  const changes = results.map((row) => ({
    key: keyOf(row),
    recordedAtMs: row.recordedAtMs,
    old: row.oldPart === null ? null : toPart(JSON.parse(row.oldPart) as PartRow),
  }));
  const known = allAsKnownAt(new Map(current.map((part) => [keyOf(part), part])), changes, knownAtMs);
  // In the order in which they were read then: sums of fractions depend on it.
  return known.sort((a, b) => a.nodeNumber - b.nodeNumber || (a.id < b.id ? -1 : 1));
}

/** As the node reports them; from the day that the earliest of them is in service. */
const LOG_PARTS = `
  INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?2, 'node:' || nodes.id, 'node:' || nodes.id, 'parts',
         NULLIF(json_group_array(json_object('id', p.part_id, 'type', p.type, 'name', p.name, 'capacityBytes', p.capacity_bytes))
           FILTER (WHERE p.part_id IS NOT NULL), '[]'),
         json_group_array(json_object('id', part.value ->> 1, 'type', part.value ->> 2, 'name', part.value ->> 3,
           'capacityBytes', part.value ->> 4)),
         MIN(part.value ->> 6), NULL, NULL
  FROM json_each(?1) AS part
  JOIN nodes ON nodes.number = part.value ->> 0
  LEFT JOIN parts AS p ON p.node_number = part.value ->> 0 AND p.part_id = part.value ->> 1
  GROUP BY nodes.number`;

const WRITE_PARTS = `
  INSERT INTO parts (node_number, part_id, type, name, capacity_bytes, cores, in_service_from_ms, in_service_assumed, ages_from_ms)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8
  FROM json_each(?1) WHERE true
  ON CONFLICT (node_number, part_id) DO UPDATE SET name = excluded.name, capacity_bytes = excluded.capacity_bytes, cores = excluded.cores`;

/** The node that reports the part says so of the node that had it. */
const LOG_MOVES = `
  INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?2, 'node:' || here.id, 'node:' || there.id, 'parts',
         json_group_array(json_object('id', p.part_id, 'outOfService', NULL)),
         json_group_array(json_object('id', p.part_id, 'outOfService', ?3, 'movedTo', here.id)),
         ?2, NULL, 'reported by another node'
  FROM json_each(?1) AS part
  JOIN parts AS p ON p.node_number = part.value ->> 0 AND p.part_id = part.value ->> 1
  JOIN nodes AS there ON there.number = p.node_number
  JOIN nodes AS here ON here.number = ?4
  GROUP BY there.number`;

const END_MOVED = `
  UPDATE parts SET out_of_service_ms = ?2, moved_to = ?3
  WHERE out_of_service_ms IS NULL
    AND (node_number, part_id) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))`;

/**
 * Adds parts; of those that stand already only name, capacity and cores change, never a date. What stood before is kept,
 * and the change logged as the node's own. `moved` are parts of other nodes that are here now: they end there.
 */
export async function writeParts(
  db: D1Database,
  parts: readonly StoredPart[],
  moved: readonly StoredPart[],
  nowMs: number,
): Promise<void> {
  const [first] = parts;
  if (first === undefined) return;
  const rows = parts.map((part) => [
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
  const json = JSON.stringify(rows);
  const from = JSON.stringify(moved.map(({ nodeNumber, id }) => [nodeNumber, id]));
  const ends =
    moved.length === 0
      ? []
      : [
          db.prepare(LOG_MOVES).bind(from, nowMs, new Date(nowMs).toISOString(), first.nodeNumber),
          db.prepare(END_MOVED).bind(from, nowMs, first.nodeNumber),
        ];
  await db.batch([
    keepParts(db, [...parts, ...moved], nowMs),
    db.prepare(LOG_PARTS).bind(json, nowMs),
    db.prepare(WRITE_PARTS).bind(json),
    ...ends,
  ]);
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

/** What an operator may say of a part. */
export type PartWord = Pick<
  StoredPart,
  'inServiceMs' | 'inServiceAssumed' | 'outOfServiceMs' | 'count' | 'replacedBy' | 'movedTo'
>;

const SAY_OF_PART = `
  UPDATE parts SET in_service_from_ms = ?3, in_service_assumed = ?4, out_of_service_ms = ?5, count = ?6,
                   replaced_by = ?7, moved_to = ?8
  WHERE node_number = ?1 AND part_id = ?2`;

/** Records an operator's word of a part, with what stood before and the change that it is. */
export async function writePartWord(
  db: D1Database,
  part: Pick<StoredPart, 'nodeNumber' | 'id'>,
  word: PartWord,
  change: Change,
): Promise<void> {
  await db.batch([
    keepParts(db, [part], change.recordedAtMs),
    db
      .prepare(SAY_OF_PART)
      .bind(
        part.nodeNumber,
        part.id,
        word.inServiceMs,
        word.inServiceAssumed ? 1 : 0,
        word.outOfServiceMs,
        word.count,
        word.replacedBy,
        word.movedTo,
      ),
    recordChange(db, change),
  ]);
}
