/** Sums all blocks of some hours of one day into the days of their groups. */
import { HourSums } from '../../../shared/rollup/hour-sums.ts';
import { HOURS_PER_DAY } from '../../../shared/time/window.ts';
import { readBlocks, readDays, readGroups, type TakenMarks, writeDays } from '../../storage/rollup-sums.ts';

export async function sumDay(db: D1Database, taken: TakenMarks, withLabels: boolean): Promise<void> {
  const { day } = taken.marks[0]!;
  const groups = (await readGroups(db)).map(({ number }) => number);
  const blocks = await readBlocks(db, taken.hours);
  const stored = new Map(
    (await readDays(db, groups, day, day + 1)).map(({ group, hours }) => [
      group,
      { group, day, hours: hours() },
    ]),
  );
  for (const hour of taken.hours) {
    const sums = new Map<number, HourSums>();
    for (const block of blocks.get(hour) ?? []) {
      for (const [group, ofBlock] of block) {
        const sum = sums.get(group) ?? new HourSums();
        sums.set(group, sum);
        sum.add(ofBlock);
      }
    }
    for (const group of groups) {
      const own = stored.get(group) ?? { group, day, hours: new Map<number, HourSums>() };
      const sum = sums.get(group);
      if (sum === undefined) own.hours.delete(hour % HOURS_PER_DAY);
      else own.hours.set(hour % HOURS_PER_DAY, sum);
      if (own.hours.size > 0 || stored.has(group)) stored.set(group, own);
    }
  }
  await writeDays(db, taken, [...stored.values()], withLabels);
}
