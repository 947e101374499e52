/** Sums hours of blocks of nodes by site and GPU model. */
import type { HourSums } from '../../../shared/rollup/hour-sums.ts';
import { RolledHours } from '../../../shared/rollup/roll-up.ts';
import { HOUR_MS } from '../../../shared/time/window.ts';
import { blockOfNode } from '../../storage/rollup-keys.ts';
import { readBlockDay, writeOwnerDays } from '../../storage/rollup-node-days.ts';
import { readGroups, type TakenMarks, writeBlocks } from '../../storage/rollup-sums.ts';
import { groupNumbers, rollNodes, type SumContext, withHours } from './roll-nodes.ts';

export async function sumBlocks(
  context: SumContext,
  taken: TakenMarks,
  blocks: readonly number[],
): Promise<void> {
  const { db, fleet } = context;
  const nodes = fleet.filter(({ number }) => blocks.includes(blockOfNode(number)));
  const rolled = new Map(blocks.map((block) => [block, new RolledHours(context.nowMs)]));
  await rollNodes(context, nodes, taken.hours, ({ number }) => rolled.get(blockOfNode(number))!);
  const sums = blocks.flatMap((block) =>
    taken.hours.map((hour) => ({ hour, block, groups: rolled.get(block)!.of(hour * HOUR_MS) })),
  );
  const numberOf = await groupNumbers(
    db,
    await readGroups(db),
    sums.flatMap(({ groups }) => groups),
  );
  const ownerDays: D1PreparedStatement[] = [];
  // One block after the other: hour by hour they are large.
  for (const block of blocks) {
    const stored = await readBlockDay(db, taken.marks[0]!.day, block);
    const records = withHours(stored.records, taken.hours, rolled.get(block)!, numberOf, () => true);
    ownerDays.push(...(await writeOwnerDays(db, taken, block, records, stored.rows)));
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
