/**
 * Sums one hour of some nodes of a block, where a whole block is more than a run may take: in order of their numbers, the rest
 * in the steps after it. What was summed of the hour waits with its mark, and goes on as if it had never stopped, so that
 * the sums are the same bits whatever the size of a step.
 */
import type { HourSums } from '../../../shared/rollup/hour-sums.ts';
import { RolledHours } from '../../../shared/rollup/roll-up.ts';
import { HOUR_MS } from '../../../shared/time/window.ts';
import type { FleetNode } from '../../storage/fleet.ts';
import { BLOCK_NODES, blockOfNode, hoursOf, placeInBlock } from '../../storage/rollup-keys.ts';
import { readBlockDay, writeOwnerDays } from '../../storage/rollup-node-days.ts';
import { keepPart, readLedgerBytes, readPart } from '../../storage/rollup-parts.ts';
import type { RollupMark } from '../../storage/rollup-state.ts';
import { readGroups, writeBlocks } from '../../storage/rollup-sums.ts';
import { groupNumbers, rollNodes, type SumContext, withHours } from './roll-nodes.ts';

/** Of an hour of eight GPUs and their job. */
const NODE_HOUR_BYTES = 900;
/** Nodes that report nothing are expected all the same. */
const LEAST_WEIGHT = 0.5;

/**
 * @param nodeHours about as many of nodes with eight GPUs; at least one node
 * @returns how many of those it was
 */
export async function sumPart(context: SumContext, mark: RollupMark, nodeHours: number): Promise<number> {
  const { db, fleet } = context;
  const block = Number(mark.block);
  const begun = await readPart(db, mark);
  const { hour, ...before } = begun ?? {
    hour: hoursOf(mark.day, mark.hours)[0]!,
    nodes: 0,
    sums: new Map<number, HourSums>(),
  };
  const left = fleet.filter(
    ({ number }) => blockOfNode(number) === block && placeInBlock(number) >= before.nodes,
  );
  const numbers = left.map(({ number }) => number);
  const bytes = await readLedgerBytes(db, numbers, hour);
  const nodes: FleetNode[] = [];
  let weight = 0;
  for (const node of left) {
    const own = Math.max(LEAST_WEIGHT, bytes.get(node.number)! / NODE_HOUR_BYTES);
    if (nodes.length > 0 && weight + own > nodeHours) break;
    nodes.push(node);
    weight += own;
  }
  const isLast = nodes.length === left.length;
  const end = isLast ? BLOCK_NODES : placeInBlock(nodes.at(-1)!.number) + 1;
  const groups = await readGroups(db);
  const rolled = new RolledHours(context.nowMs);
  rolled.resume(
    hour * HOUR_MS,
    groups.flatMap((group) => {
      const sums = before.sums.get(group.number);
      return sums === undefined ? [] : [{ group, sums }];
    }),
  );
  await rollNodes(context, nodes, [hour], () => rolled);
  const hours = rolled.of(hour * HOUR_MS);
  const numberOf = await groupNumbers(db, groups, hours);
  const sums = new Map(hours.map((each) => [numberOf(each), each.sums]));
  const taken = { marks: [mark], hours: [hour] };
  const stored = await readBlockDay(db, mark.day, block);
  const isSummed = (number: number) => placeInBlock(number) >= before.nodes && placeInBlock(number) < end;
  const records = withHours(stored.records, [hour], rolled, numberOf, isSummed);
  const ownerDays = await writeOwnerDays(db, taken, block, records, stored.rows);
  if (isLast) await writeBlocks(db, taken, [{ hour, block, groups: sums }], ownerDays);
  else await keepPart(db, taken, { hour, nodes: end, sums }, ownerDays);
  return Math.max(1, weight);
}
