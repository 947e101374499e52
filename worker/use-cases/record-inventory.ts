/** The hardware ledger follows what agents report of their hosts. */
import { HOST_PARTS } from '../../shared/embodied/footprint.ts';
import { isUniqueId } from '../../shared/embodied/replacement.ts';
import type { Inventory } from '../../shared/wire/ingest.ts';
import { readEnrolledAt } from '../storage/fleet.ts';
import {
  markMissing,
  readParts,
  readPartsElsewhere,
  type StoredPart,
  UNSAID,
  writeParts,
} from '../storage/parts.ts';

/**
 * Adds the parts that are new, and the host's own that no host reports. The first inventory is taken to be in service
 * since the node enrolled, a part that appears later since now; both dates are marked as assumed.
 *
 * A part that is missing stays in service and a capacity never shrinks: a bus that lost a GPU or a failed module does
 * not undo its making. Parts leave by the operator's word, or when another node reports the same UUID: then the part
 * ends there and goes on here, with what is left of it. Nothing is written where nothing changed.
 */
export async function recordInventory(
  db: D1Database,
  nodeNumber: number,
  inventory: Inventory,
  nowMs: number,
): Promise<void> {
  const known = new Map((await readParts(db, [nodeNumber])).map((part) => [part.id, part]));
  const firstMs = known.size === 0 ? ((await readEnrolledAt(db, nodeNumber)) ?? nowMs) : nowMs;
  const reported: readonly Pick<StoredPart, 'id' | 'type' | 'name' | 'capacityBytes' | 'cores'>[] = [
    ...inventory.parts.map((part) => ({
      ...part,
      capacityBytes: part.capacityBytes ?? null,
      cores: part.cores ?? null,
    })),
    ...HOST_PARTS.map((part) => ({ ...part, capacityBytes: null, cores: null })),
  ];
  const newIds = reported.flatMap(({ id, type }) =>
    type === 'gpu' && !known.has(id) && isUniqueId(id) ? [id] : [],
  );
  const elsewhere = await readPartsElsewhere(db, newIds, nodeNumber);
  const changed: StoredPart[] = [];
  for (const { id, type, name, capacityBytes, cores } of reported) {
    const before = known.get(id);
    const came = elsewhere.find((part) => part.id === id);
    const part: StoredPart = {
      ...(before ?? UNSAID),
      nodeNumber,
      id,
      type: before?.type ?? type,
      name,
      capacityBytes: larger(before?.capacityBytes ?? null, capacityBytes),
      cores,
      // Where it was until now, it was in service until now.
      inServiceMs: before?.inServiceMs ?? (came === undefined ? firstMs : nowMs),
      inServiceAssumed: before?.inServiceAssumed ?? true,
      agesFromMs: before?.agesFromMs ?? (came === undefined ? null : (came.agesFromMs ?? came.inServiceMs)),
    };
    const same =
      before?.name === name && before.capacityBytes === part.capacityBytes && before.cores === cores;
    if (!same) changed.push(part);
  }
  await writeParts(db, changed, elsewhere, nowMs);
  await markMissing(
    db,
    nodeNumber,
    presenceChanges([...known.values()], new Set(reported.map(({ id }) => id)), nowMs),
  );
}

/** Parts that inventories lack from now on, or have again. */
function presenceChanges(known: readonly StoredPart[], present: ReadonlySet<string>, nowMs: number) {
  return known
    .filter(({ id, missingSinceMs }) => present.has(id) === (missingSinceMs !== null))
    .map(({ id }) => ({ id, missingSinceMs: present.has(id) ? null : nowMs }));
}

function larger(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}
