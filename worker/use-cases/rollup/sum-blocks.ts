/** Sums hours of blocks of nodes by site and GPU model. */
import { beganMs } from '../../../shared/embodied/amortization.ts';
import { withFootprints } from '../../../shared/embodied/footprint.ts';
import type { HardwareHistory } from '../../../shared/embodied/own-figures.ts';
import type { HourSums } from '../../../shared/rollup/hour-sums.ts';
import { type GroupHour, RolledHours } from '../../../shared/rollup/roll-up.ts';
import type { Places } from '../../../shared/settings/place.ts';
import { HOUR_MS } from '../../../shared/time/window.ts';
import { epochMs } from '../../../shared/units.ts';
import { byNode } from '../../storage/by-node.ts';
import type { FleetNode } from '../../storage/fleet.ts';
import { readNodeDevices } from '../../storage/node-devices.ts';
import { nodeHourKey } from '../../storage/node-hour-key.ts';
import { type NodeHour, readHourSpans } from '../../storage/node-hours.ts';
import { readParts } from '../../storage/parts.ts';
import { BLOCK_NODES } from '../../storage/rollup-keys.ts';
import { readGroups, registerGroups, type TakenMarks, writeBlocks } from '../../storage/rollup-sums.ts';

export interface SumContext {
  readonly db: D1Database;
  readonly fleet: readonly FleetNode[];
  readonly places: Places;
  readonly hardware: HardwareHistory;
  /** Of an hour that is not over, what is before it counts. */
  readonly nowMs: number;
}

export async function sumBlocks(context: SumContext, taken: TakenMarks): Promise<void> {
  const { db } = context;
  const fromMs = taken.hours[0]! * HOUR_MS;
  const toMs = (taken.hours.at(-1)! + 1) * HOUR_MS;
  const blocks = taken.marks.map(({ block }) => Number(block));
  const nodes = context.fleet.filter(({ number }) => blocks.includes(Math.floor(number / BLOCK_NODES)));
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
    const own = withFootprints(parts.get(node.number) ?? [], context.hardware);
    const startMs = epochMs(Math.min(fromMs, ...own.map(beganMs)));
    const joined = {
      ...node,
      parts: own,
      devices: devices.get(node.number) ?? [],
      places: context.places.of(node.number, { startMs, endMs: epochMs(toMs) }),
    };
    const block = rolled.get(Math.floor(node.number / BLOCK_NODES))!;
    block.addNode(joined, hours.get(node.number)!, fromMs, toMs);
  }
  const sums = blocks.flatMap((block) =>
    taken.hours.map((hour) => ({ hour, block, groups: rolled.get(block)!.of(hour * HOUR_MS) })),
  );
  const numberOf = await groupNumbers(
    db,
    sums.flatMap(({ groups }) => groups),
  );
  await writeBlocks(
    db,
    taken,
    sums.map(({ groups, ...of }) => ({
      ...of,
      groups: new Map<number, HourSums>(groups.map((each) => [numberOf(each), each.sums])),
    })),
  );
}

async function groupNumbers(db: D1Database, hours: readonly GroupHour[]) {
  const keyOf = ({ siteId, gpuModel }: GroupHour['group']) => JSON.stringify([siteId, gpuModel]);
  const known = async () => new Map((await readGroups(db)).map((group) => [keyOf(group), group.number]));
  let numbers = await known();
  const fresh = hours.map(({ group }) => group).filter((group) => !numbers.has(keyOf(group)));
  if (fresh.length > 0) {
    await registerGroups(db, fresh);
    numbers = await known();
  }
  return ({ group }: GroupHour) => numbers.get(keyOf(group))!;
}
