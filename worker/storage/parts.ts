/** The ledger of hardware parts. */
import { ALL_KNOWN, allAsKnownAt } from '../../shared/audit/as-known.ts';
import type { PartType } from '../../shared/embodied/footprint.ts';
import { type Change, recordChange } from './changes.ts';
import { markNodes } from './rollup-marks.ts';

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
  /** `[leftMs, returnedMs]` of each time that it was away and came back, in order. */
  readonly absences: readonly (readonly [number, number])[];
}

/** Of a part of which nobody but the inventory has said anything. */
export const UNSAID = {
  outOfServiceMs: null,
  count: null,
  agesFromMs: null,
  replacedBy: null,
  movedTo: null,
  missingSinceMs: null,
  absences: [],
} as const;

export const PART_COLUMNS = `node_number AS nodeNumber, part_id AS id, type, name, capacity_bytes AS capacityBytes, cores,
         in_service_from_ms AS inServiceMs, in_service_assumed AS assumed, out_of_service_ms AS outOfServiceMs,
         count, ages_from_ms AS agesFromMs, replaced_by AS replacedBy, moved_to AS movedTo,
         missing_since_ms AS missingSinceMs, absences`;

const READ_PARTS = `
  SELECT ${PART_COLUMNS}
  FROM parts WHERE node_number IN (SELECT value FROM json_each(?1)) ORDER BY node_number, part_id`;

export async function readParts(db: D1Database, nodeNumbers: readonly number[]): Promise<StoredPart[]> {
  const { results } = await db.prepare(READ_PARTS).bind(JSON.stringify(nodeNumbers)).all<PartRow>();
  return results.map(toPart);
}

export interface PartRow extends Omit<StoredPart, 'inServiceAssumed' | 'absences'> {
  readonly assumed: number;
  readonly absences?: string;
}

/** What was kept before a column existed lacks it: nobody had said anything then. Field by field: there are two dozen of each node. */
export const toPart = (row: PartRow): StoredPart => ({
  nodeNumber: row.nodeNumber,
  id: row.id,
  type: row.type,
  name: row.name,
  capacityBytes: row.capacityBytes,
  cores: row.cores,
  inServiceMs: row.inServiceMs,
  inServiceAssumed: row.assumed === 1,
  outOfServiceMs: row.outOfServiceMs ?? null,
  count: row.count ?? null,
  agesFromMs: row.agesFromMs ?? null,
  replacedBy: row.replacedBy ?? null,
  movedTo: row.movedTo ?? null,
  missingSinceMs: row.missingSinceMs ?? null,
  absences: row.absences === undefined || row.absences === '[]' ? UNSAID.absences : JSON.parse(row.absences),
});

/** Every column that `toPart` reads. */
const OLD_PART = `json_object('nodeNumber', p.node_number, 'id', p.part_id, 'type', p.type, 'name', p.name,
  'capacityBytes', p.capacity_bytes, 'cores', p.cores, 'inServiceMs', p.in_service_from_ms,
  'assumed', p.in_service_assumed, 'outOfServiceMs', p.out_of_service_ms, 'count', p.count,
  'agesFromMs', p.ages_from_ms, 'replacedBy', p.replaced_by, 'movedTo', p.moved_to,
  'absences', p.absences)`;

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
    markNodes(db, [part.nodeNumber], change.recordedAtMs),
  ]);
}
