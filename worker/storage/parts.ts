/** The ledger of hardware parts. */
import type { PartType } from '../../shared/embodied/footprint.ts';

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
  const { results } = await db
    .prepare(READ_PARTS)
    .bind(JSON.stringify(nodeNumbers))
    .all<Omit<StoredPart, 'inServiceAssumed'> & { assumed: number }>();
  return results.map(({ assumed, ...part }) => ({ ...part, inServiceAssumed: assumed === 1 }));
}

const WRITE_PARTS = `
  INSERT INTO parts (node_number, part_id, type, name, capacity_bytes, cores, in_service_from_ms, in_service_assumed)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
  FROM json_each(?1) WHERE true
  ON CONFLICT (node_number, part_id) DO UPDATE SET name = excluded.name, capacity_bytes = excluded.capacity_bytes, cores = excluded.cores`;

/** Adds parts; of those that stand already only name, capacity and cores change, never a date. */
export async function writeParts(db: D1Database, parts: readonly StoredPart[]): Promise<void> {
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
  await db.prepare(WRITE_PARTS).bind(JSON.stringify(rows)).run();
}
