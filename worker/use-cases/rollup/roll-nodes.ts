/** What summing blocks and parts of them has in common: hours of nodes come to sums, and these into the day of their block. */
import { beganMs } from '../../../shared/embodied/amortization.ts';
import type { Footprints } from '../../../shared/embodied/footprint.ts';
import { decodeRecord, type EncodedRecord, encodeRecord } from '../../../shared/rollup/owner-codec.ts';
import { jobOfOwner, NODE, type OwnerDay, type OwnerKey } from '../../../shared/rollup/owner-sums.ts';
import type { GroupHour, RolledHours, RollupGroup } from '../../../shared/rollup/roll-up.ts';
import type { Places } from '../../../shared/settings/place.ts';
import { HOUR_MS, HOURS_PER_DAY } from '../../../shared/time/window.ts';
import { epochMs } from '../../../shared/units.ts';
import { byNode } from '../../storage/by-node.ts';
import type { FleetNode } from '../../storage/fleet.ts';
import { readNodeDevices } from '../../storage/node-devices.ts';
import { nodeHourKey } from '../../storage/node-hour-key.ts';
import { type NodeHour, readHourSpans } from '../../storage/node-hours.ts';
import { readParts } from '../../storage/parts.ts';
import { readGroups, registerGroups, type StoredGroup } from '../../storage/rollup-sums.ts';

export interface SumContext {
  readonly db: D1Database;
  readonly fleet: readonly FleetNode[];
  readonly places: Places;
  readonly footprints: Footprints;
  /** Of an hour that is not over, what is before it counts. */
  readonly nowMs: number;
}

/**
 * Adds these hours of each node to what `sumsOf` gives for it.
 * @param hours since 1970, in order, of one day
 */
export async function rollNodes(
  { db, places, footprints }: SumContext,
  nodes: readonly FleetNode[],
  hours: readonly number[],
  sumsOf: (node: FleetNode) => RolledHours,
): Promise<void> {
  const fromMs = hours[0]! * HOUR_MS;
  const toMs = (hours.at(-1)! + 1) * HOUR_MS;
  const numbers = nodes.map(({ number }) => number);
  const ledgers = new Map<number, NodeHour[]>(numbers.map((number) => [number, []]));
  const spans = numbers.flatMap((number) =>
    hours.map((hour) => {
      const first = nodeHourKey(number, hour * HOUR_MS);
      return { first, end: first + 1 };
    }),
  );
  for await (const hour of readHourSpans(db, spans)) ledgers.get(hour.nodeNumber)!.push(hour);
  // After the hours: devices are registered before an hour names them.
  const [allDevices, allParts] = await Promise.all([readNodeDevices(db, numbers), readParts(db, numbers)]);
  const devices = byNode(allDevices);
  const parts = byNode(allParts);
  for (const node of nodes) {
    const own = footprints.of(parts.get(node.number) ?? []);
    const startMs = epochMs(Math.min(fromMs, ...own.map(beganMs)));
    const joined = {
      ...node,
      parts: own,
      devices: devices.get(node.number) ?? [],
      places: places.of(node.number, { startMs, endMs: epochMs(toMs) }),
    };
    sumsOf(node).addNode(joined, ledgers.get(node.number)!, fromMs, toMs);
  }
}

export type NumberOf = (hour: { readonly group: RollupGroup }) => number;

/** @param stored the groups that there are */
export async function groupNumbers(
  db: D1Database,
  stored: readonly StoredGroup[],
  hours: readonly GroupHour[],
): Promise<NumberOf> {
  const keyOf = ({ siteId, gpuModel }: RollupGroup) => JSON.stringify([siteId, gpuModel]);
  const numbersOf = (groups: readonly StoredGroup[]) =>
    new Map(groups.map((group) => [keyOf(group), group.number]));
  let numbers = numbersOf(stored);
  const fresh = hours.map(({ group }) => group).filter((group) => !numbers.has(keyOf(group)));
  if (fresh.length > 0) {
    await registerGroups(db, fresh);
    numbers = numbersOf(await readGroups(db));
  }
  return ({ group }) => numbers.get(keyOf(group))!;
}

/**
 * What owners of a block had on a day, with the hours that were summed anew in place of what stood there.
 * @param isSummed of these nodes they were; what the others had stays as it is
 */
export function withHours(
  stored: readonly EncodedRecord[],
  hours: readonly number[],
  rolled: RolledHours,
  numberOf: NumberOf,
  isSummed: (nodeNumber: number) => boolean,
): EncodedRecord[] {
  const keyOf = ({ nodeNumber, group, owner }: OwnerKey) => `${nodeNumber} ${group} ${owner}`;
  const others = stored.filter(({ nodeNumber }) => !isSummed(nodeNumber));
  const own = stored.filter(({ nodeNumber }) => isSummed(nodeNumber)).map(decodeRecord);
  const records = new Map<string, OwnerDay>(own.map((record) => [keyOf(record), record]));
  for (const hour of hours) {
    const ofDay = hour % HOURS_PER_DAY;
    for (const record of own) record.hours.delete(ofDay);
    for (const { nodeNumber, owner, sums, ...of } of rolled.ownersOf(hour * HOUR_MS)) {
      // That nothing was idle, or nobody's, goes without saying.
      if (owner !== NODE && jobOfOwner(owner) === null && sums.isEmpty) continue;
      const key = { nodeNumber, group: numberOf(of), owner };
      const record = records.get(keyOf(key)) ?? { ...key, hours: new Map() };
      records.set(keyOf(key), record);
      record.hours.set(ofDay, sums);
    }
  }
  const anew = [...records.values()].filter((record) => record.hours.size > 0).map(encodeRecord);
  return [...others, ...anew].sort((a, b) => a.nodeNumber - b.nodeNumber);
}
