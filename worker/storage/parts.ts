/** The ledger of hardware parts. */
import { ALL_KNOWN, allAsKnownAt } from '../../shared/audit/as-known.ts';
import type { PartType } from '../../shared/embodied/footprint.ts';
import { CHANGE_COLUMNS } from './changes.ts';

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
}

const READ_PARTS = `
  SELECT node_number AS nodeNumber, part_id AS id, type, name, capacity_bytes AS capacityBytes, cores,
         in_service_from_ms AS inServiceMs, in_service_assumed AS assumed, out_of_service_ms AS outOfServiceMs
  FROM parts WHERE node_number IN (SELECT value FROM json_each(?1)) ORDER BY node_number, part_id`;

export async function readParts(db: D1Database, nodeNumbers: readonly number[]): Promise<StoredPart[]> {
  const { results } = await db.prepare(READ_PARTS).bind(JSON.stringify(nodeNumbers)).all<PartRow>();
  return results.map(toPart);
}

type PartRow = Omit<StoredPart, 'inServiceAssumed'> & { readonly assumed: number };

const toPart = ({ assumed, ...part }: PartRow): StoredPart => ({ ...part, inServiceAssumed: assumed === 1 });

/** Every column that `toPart` reads. */
const OLD_PART = `json_object('nodeNumber', p.node_number, 'id', p.part_id, 'type', p.type, 'name', p.name,
  'capacityBytes', p.capacity_bytes, 'cores', p.cores, 'inServiceMs', p.in_service_from_ms,
  'assumed', p.in_service_assumed, 'outOfServiceMs', p.out_of_service_ms)`;

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
  return allAsKnownAt(new Map(current.map((part) => [keyOf(part), part])), changes, knownAtMs);
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
  INSERT INTO parts (node_number, part_id, type, name, capacity_bytes, cores, in_service_from_ms, in_service_assumed)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
  FROM json_each(?1) WHERE true
  ON CONFLICT (node_number, part_id) DO UPDATE SET name = excluded.name, capacity_bytes = excluded.capacity_bytes, cores = excluded.cores`;

/**
 * Adds parts; of those that stand already only name, capacity and cores change, never a date. What stood before is kept,
 * and the change logged as the node's own.
 */
export async function writeParts(db: D1Database, parts: readonly StoredPart[], nowMs: number): Promise<void> {
  if (parts.length === 0) return;
  const rows = parts.map((part) => [
    part.nodeNumber,
    part.id,
    part.type,
    part.name,
    part.capacityBytes,
    part.cores,
    part.inServiceMs,
    part.inServiceAssumed ? 1 : 0,
  ]);
  const json = JSON.stringify(rows);
  await db.batch([
    keepParts(db, parts, nowMs),
    db.prepare(LOG_PARTS).bind(json, nowMs),
    db.prepare(WRITE_PARTS).bind(json),
  ]);
}
