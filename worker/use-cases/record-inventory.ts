/** The hardware ledger follows what agents report of their hosts. */
import { HOST_PARTS } from '../../shared/embodied/footprint.ts';
import type { Inventory } from '../../shared/wire/ingest.ts';
import { readEnrolledAt } from '../storage/fleet.ts';
import { readParts, type StoredPart, writeParts } from '../storage/parts.ts';

/**
 * Adds the parts that are new, and the host's own that no host reports. The first inventory is taken to be in service
 * since the node enrolled, a part that appears later since now; both dates are marked as assumed.
 *
 * A part that is missing stays in service and a capacity never shrinks: a bus that lost a GPU or a failed module does
 * not undo its making. Parts leave by the operator's word. Nothing is written where nothing changed.
 */
export async function recordInventory(
  db: D1Database,
  nodeNumber: number,
  inventory: Inventory,
  nowMs: number,
): Promise<void> {
  const known = new Map((await readParts(db, [nodeNumber])).map((part) => [part.id, part]));
  const inServiceMs = known.size === 0 ? ((await readEnrolledAt(db, nodeNumber)) ?? nowMs) : nowMs;
  const reported: readonly Pick<StoredPart, 'id' | 'type' | 'name' | 'capacityBytes' | 'cores'>[] = [
    ...inventory.parts.map((part) => ({
      ...part,
      capacityBytes: part.capacityBytes ?? null,
      cores: part.cores ?? null,
    })),
    ...HOST_PARTS.map((part) => ({ ...part, capacityBytes: null, cores: null })),
  ];
  const changed: StoredPart[] = [];
  for (const { id, type, name, capacityBytes, cores } of reported) {
    const before = known.get(id);
    const part: StoredPart = {
      nodeNumber,
      id,
      type: before?.type ?? type,
      name,
      capacityBytes: larger(before?.capacityBytes ?? null, capacityBytes),
      cores,
      inServiceMs: before?.inServiceMs ?? inServiceMs,
      inServiceAssumed: before?.inServiceAssumed ?? true,
      outOfServiceMs: before?.outOfServiceMs ?? null,
    };
    const same =
      before?.name === name && before.capacityBytes === part.capacityBytes && before.cores === cores;
    if (!same) changed.push(part);
  }
  await writeParts(db, changed, nowMs);
}

function larger(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}
