/** Sums hours of blocks of nodes by site and GPU model. */
import { beganMs } from '../../../shared/embodied/amortization.ts';
import type { Footprints } from '../../../shared/embodied/footprint.ts';
import type { HourSums } from '../../../shared/rollup/hour-sums.ts';
import {
  jobOfOwner,
  NODE,
  type OwnerDay,
  type OwnerKey,
  type OwnerSums,
} from '../../../shared/rollup/owner-sums.ts';
import { type GroupHour, RolledHours, type RollupGroup } from '../../../shared/rollup/roll-up.ts';
import type { Places } from '../../../shared/settings/place.ts';
import { HOUR_MS } from '../../../shared/time/window.ts';
import { epochMs } from '../../../shared/units.ts';
import { byNode } from '../../storage/by-node.ts';
import type { FleetNode } from '../../storage/fleet.ts';
import { readNodeDevices } from '../../storage/node-devices.ts';
import { nodeHourKey } from '../../storage/node-hour-key.ts';
import { type NodeHour, readHourSpans } from '../../storage/node-hours.ts';
import { readParts } from '../../storage/parts.ts';
import { blockOfNode, HOURS_PER_DAY } from '../../storage/rollup-keys.ts';
import { readBlockDay, writeOwnerDays } from '../../storage/rollup-node-days.ts';
import { readGroups, registerGroups, type TakenMarks, writeBlocks } from '../../storage/rollup-sums.ts';

export interface SumContext {
  readonly db: D1Database;
  readonly fleet: readonly FleetNode[];
  readonly places: Places;
  readonly footprints: Footprints;
  /** Of an hour that is not over, what is before it counts. */
  readonly nowMs: number;
}

export async function sumBlocks(context: SumContext, taken: TakenMarks): Promise<void> {
  const { db } = context;
  const fromMs = taken.hours[0]! * HOUR_MS;
  const toMs = (taken.hours.at(-1)! + 1) * HOUR_MS;
  const blocks = taken.marks.map(({ block }) => Number(block));
  const nodes = context.fleet.filter(({ number }) => blocks.includes(blockOfNode(number)));
  const numbers = nodes.map(({ number }) => number);
  const hours = new Map<number, NodeHour[]>(numbers.map((number) => [number, []]));
  const spans = numbers.flatMap((number) =>
    taken.hours.map((hour) => {
      const first = nodeHourKey(number, hour * HOUR_MS);
      return { first, end: first + 1 };
    }),
  );
  for await (const hour of readHourSpans(db, spans)) hours.get(hour.nodeNumber)!.push(hour);
  // After the hours: devices are registered before an hour names them.
  const [allDevices, allParts] = await Promise.all([readNodeDevices(db, numbers), readParts(db, numbers)]);
  const devices = byNode(allDevices);
  const parts = byNode(allParts);
  const rolled = new Map(blocks.map((block) => [block, new RolledHours(context.nowMs)]));
  for (const node of nodes) {
    const own = context.footprints.of(parts.get(node.number) ?? []);
    const startMs = epochMs(Math.min(fromMs, ...own.map(beganMs)));
    const joined = {
      ...node,
      parts: own,
      devices: devices.get(node.number) ?? [],
      places: context.places.of(node.number, { startMs, endMs: epochMs(toMs) }),
    };
    const block = rolled.get(blockOfNode(node.number))!;
    block.addNode(joined, hours.get(node.number)!, fromMs, toMs);
  }
  const sums = blocks.flatMap((block) =>
    taken.hours.map((hour) => ({ hour, block, groups: rolled.get(block)!.of(hour * HOUR_MS) })),
  );
  const numberOf = await groupNumbers(
    db,
    sums.flatMap(({ groups }) => groups),
  );
  const ownerDays: D1PreparedStatement[] = [];
  // One block after the other: hour by hour they are large.
  for (const block of blocks) {
    const stored = await readBlockDay(db, taken.marks[0]!.day, block);
    const records = withHours(stored.records, taken.hours, rolled.get(block)!, numberOf);
    ownerDays.push(...writeOwnerDays(db, taken, block, records, stored.rows));
  }
  await writeBlocks(
    db,
    taken,
    sums.map(({ groups, ...of }) => ({
      ...of,
      groups: new Map<number, HourSums>(groups.map((each) => [numberOf(each), each.sums])),
    })),
    ownerDays,
  );
}

type NumberOf = (hour: { readonly group: RollupGroup }) => number;

/** What owners of a block had on a day, with the hours that were summed anew in place of what stood there. */
function withHours(
  stored: readonly OwnerDay[],
  hours: readonly number[],
  rolled: RolledHours,
  numberOf: NumberOf,
): OwnerDay[] {
  const keyOf = ({ nodeNumber, group, owner }: OwnerKey) => `${nodeNumber} ${group} ${owner}`;
  const records = new Map(stored.map((record) => [keyOf(record), record]));
  for (const hour of hours) {
    const ofDay = hour % HOURS_PER_DAY;
    for (const record of stored) record.hours.delete(ofDay);
    for (const { nodeNumber, owner, sums, ...of } of rolled.ownersOf(hour * HOUR_MS)) {
      // That nothing was idle, or nobody's, goes without saying.
      if (owner !== NODE && jobOfOwner(owner) === null && sums.isEmpty) continue;
      const key = { nodeNumber, group: numberOf(of), owner };
      const record = records.get(keyOf(key)) ?? { ...key, hours: new Map<number, OwnerSums>() };
      records.set(keyOf(key), record);
      record.hours.set(ofDay, sums);
    }
  }
  return [...records.values()].filter((record) => record.hours.size > 0);
}

async function groupNumbers(db: D1Database, hours: readonly GroupHour[]): Promise<NumberOf> {
  const keyOf = ({ siteId, gpuModel }: GroupHour['group']) => JSON.stringify([siteId, gpuModel]);
  const known = async () => new Map((await readGroups(db)).map((group) => [keyOf(group), group.number]));
  let numbers = await known();
  const fresh = hours.map(({ group }) => group).filter((group) => !numbers.has(keyOf(group)));
  if (fresh.length > 0) {
    await registerGroups(db, fresh);
    numbers = await known();
  }
  return ({ group }) => numbers.get(keyOf(group))!;
}
