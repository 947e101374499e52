/** The hardware ledger follows what agents report of their hosts. */
import { beganMs } from '../../shared/embodied/amortization.ts';
import { HOST_PARTS } from '../../shared/embodied/footprint.ts';
import { grownTotal, memoryChanges } from '../../shared/embodied/memory-parts.ts';
import { idScope, isSamePart } from '../../shared/embodied/part-identity.ts';
import { silentAfterMs } from '../../shared/pace/silence.ts';
import { HOUR_MS } from '../../shared/time/window.ts';
import type { Inventory } from '../../shared/wire/ingest.ts';
import { byKey } from '../storage/by-node.ts';
import { readEnrolledAt } from '../storage/fleet.ts';
import { longestTold, readStoredPace } from '../storage/pace.ts';
import {
  endPartsAway,
  type MovedPart,
  markMissing,
  type PartElsewhere,
  readPartsElsewhere,
  writeInventory,
} from '../storage/part-inventory.ts';
import { readParts, type StoredPart, UNSAID } from '../storage/parts.ts';
import { readNodeIds } from '../storage/retention-hours.ts';
import { type Shards, shardOfNode } from '../storage/shards.ts';

/** A node that has said nothing for as long may have been opened, however often it was to report. */
const LEAST_SILENCE_MS = HOUR_MS;

/**
 * Adds the parts that are new, and the host's own that no host reports. The first inventory is taken to be in service
 * since the node enrolled, a part that appears later since now; both dates are marked as assumed.
 *
 * A part that is missing stays in service and a capacity never shrinks: a bus that lost a GPU or a failed module does
 * not undo its making. Parts leave by the operator's word, or when another node reports the same part: then it ends there
 * and goes on here, with what is left of it. One that left and is reported again is in service again, since now. Nothing
 * is written where nothing changed.
 */
export async function recordInventory(
  shards: Shards,
  nodeNumber: number,
  inventory: Inventory,
  nowMs: number,
): Promise<void> {
  const db = shards.ofNode(nodeNumber);
  const ledger = await readParts(db, [nodeNumber]);
  const known = new Map(ledger.map((part) => [part.id, part]));
  const firstMs = known.size === 0 ? ((await readEnrolledAt(db, nodeNumber)) ?? nowMs) : nowMs;
  const told = reportedParts(inventory);
  const inService = ledger.filter(({ outOfServiceMs }) => outOfServiceMs === null);
  const memory = memoryChanges(inService, told);
  const reported = memory.accepted.flatMap((part) => withGrowth(inService, part));
  const ids = reported.flatMap(({ id, type }) => (idScope(type, id) === 'node' ? [] : [id]));
  const elsewhere = await shards.rows((other) => readPartsElsewhere(other, ids, nodeNumber));
  // Asked for only where a part stands elsewhere too.
  const openedAfterMs = elsewhere.length === 0 ? 0 : await openedAfter(shards.main, nowMs);
  const written: StoredPart[] = [];
  const moved: MovedPart[] = memory.superseded.map((part) => ({ part, endMs: nowMs }));
  const returned: StoredPart[] = [];
  for (const part of reported) {
    const before = known.get(part.id);
    const alike = elsewhere.filter((other) => isSamePart(other, part));
    const there = alike.filter(({ outOfServiceMs }) => outOfServiceMs === null);
    const came = there.find((other) => hasCome(other, before, nowMs - openedAfterMs));
    if (before !== undefined && isBack(before, there, came)) returned.push(before);
    // What is here already has been since it came; else it was there until now.
    if (came !== undefined)
      moved.push({ part: came, endMs: before?.outOfServiceMs === null ? before.inServiceMs : nowMs });
    // Modules that stand for a total now go on with what is left of it.
    const left = before === undefined ? alike.filter((other) => !there.includes(other)) : [];
    const origins =
      came !== undefined ? [came] : left.length > 0 ? left : part.type === 'dimm' ? memory.superseded : [];
    const next = reportedNow(before, { ...part, nodeNumber }, origins, { firstMs, nowMs });
    if (before === undefined || isOther(before, next)) written.push(next);
  }
  const isAway = ({ part }: MovedPart) => shardOfNode(part.nodeNumber) !== shardOfNode(nodeNumber);
  const away = moved.filter(isAway);
  if (away.length > 0) await endAway(shards, away, nodeNumber, nowMs);
  const own = moved.filter((each) => !isAway(each));
  await writeInventory(db, nodeNumber, { written, moved: own, returned }, nowMs);
  const unseen = new Set<StoredPart>(memory.unseen);
  const seen = ledger.filter((part) => !unseen.has(part));
  await markMissing(db, nodeNumber, presenceChanges(seen, new Set(reported.map(({ id }) => id)), nowMs));
}

async function openedAfter(db: D1Database, nowMs: number): Promise<number> {
  return Math.max(LEAST_SILENCE_MS, silentAfterMs(longestTold(await readStoredPace(db, nowMs))));
}

async function endAway(
  shards: Shards,
  moved: readonly MovedPart[],
  nodeNumber: number,
  nowMs: number,
): Promise<void> {
  const own = { first: nodeNumber, end: nodeNumber + 1 };
  const id = (await readNodeIds(shards.ofNode(nodeNumber), own)).get(nodeNumber)!;
  for (const [shard, parts] of byKey(moved, ({ part }) => shardOfNode(part.nodeNumber)))
    await shards.ask(shard, (db) => endPartsAway(db, parts, { number: nodeNumber, id }, nowMs));
}

/** @param origins what it was until it came here; none: it is new, or has been here */
function reportedNow(
  before: StoredPart | undefined,
  part: ReportedPart & Pick<StoredPart, 'nodeNumber'>,
  origins: readonly StoredPart[],
  { firstMs, nowMs }: { readonly firstMs: number; readonly nowMs: number },
): StoredPart {
  const beganThereMs = Math.min(...origins.map(beganMs));
  if (before === undefined) {
    const dates =
      origins.length === 0
        ? { inServiceMs: firstMs, agesFromMs: null }
        : { inServiceMs: nowMs, agesFromMs: beganThereMs };
    return { ...UNSAID, ...part, ...dates, inServiceAssumed: true };
  }
  return {
    ...before,
    ...part,
    type: before.type,
    capacityBytes: larger(before.capacityBytes, part.capacityBytes),
    agesFromMs: before.agesFromMs ?? (beganThereMs < before.inServiceMs ? beganThereMs : null),
  };
}

type ReportedPart = Pick<StoredPart, 'id' | 'type' | 'name' | 'capacityBytes' | 'cores'>;

const reportedParts = ({ parts }: Inventory): ReportedPart[] => [
  ...parts.map((part) => ({
    ...part,
    capacityBytes: part.capacityBytes ?? null,
    cores: part.cores ?? null,
  })),
  ...HOST_PARTS.map((part) => ({ ...part, capacityBytes: null, cores: null })),
];

/** A total of memory as the parts that the ledger has of it, with what came since. */
function withGrowth(inService: readonly StoredPart[], part: ReportedPart): ReportedPart[] {
  const totals = inService.filter(({ type }) => type === 'memory');
  if (part.type !== 'memory' || totals.length === 0) return [part];
  return [
    ...totals.map(({ id, capacityBytes }) => ({ ...part, id, capacityBytes })),
    ...grownTotal(totals, part),
  ];
}

/**
 * Whether a part of another node is here now. An id that no other part in the world has is enough where it is new here: two
 * agents that see one GPU do not throw it to and fro. Else the other node must have let go of it.
 */
function hasCome(other: PartElsewhere, before: StoredPart | undefined, silentSinceMs: number): boolean {
  if (before === undefined && idScope(other.type, other.id) === 'world') return true;
  if (other.missingSinceMs !== null || other.retiredAtMs !== null) return true;
  const isHere = before !== undefined && before.outOfServiceMs === null;
  return !isHere && other.heardAtMs <= silentSinceMs;
}

/** Whether a part that left is here again: no other node has it, and it was not here all the time that it was out. */
function isBack(
  before: StoredPart,
  there: readonly PartElsewhere[],
  came: PartElsewhere | undefined,
): boolean {
  if (before.outOfServiceMs === null || (there.length > 0 && came === undefined)) return false;
  return before.missingSinceMs !== null || (before.movedTo !== null && before.movedTo !== before.nodeNumber);
}

const isOther = (a: StoredPart, b: StoredPart): boolean =>
  a.name !== b.name ||
  a.capacityBytes !== b.capacityBytes ||
  a.cores !== b.cores ||
  a.agesFromMs !== b.agesFromMs;

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
