/** Sums hours of one day by label of jobs, from what owners had of each node in them. */
import { ALL_KNOWN } from '../../../shared/audit/as-known.ts';
import { jobValue } from '../../../shared/emissions/owners.ts';
import { LABEL_TABLES, type LabelDay, LabelledHours, labelName } from '../../../shared/rollup/label-sums.ts';
import { jobOfOwner, type OwnerDay, type OwnerSums } from '../../../shared/rollup/owner-sums.ts';
import { HOURS_PER_DAY } from '../../../shared/time/window.ts';
import { isDayMoved } from '../../storage/rollup-day-rows.ts';
import { readLabelDay, writeLabelDay } from '../../storage/rollup-labels.ts';
import { readOwnerHours } from '../../storage/rollup-node-days.ts';
import { commitTaken, type TakenMarks } from '../../storage/rollup-sums.ts';
import type { Shards } from '../../storage/shards.ts';
import { KnownJobs } from '../emissions-jobs.ts';

/**
 * @param shards of the fleet: what is said of a job in any of them is said of all
 * @param blocks of nodes that the database has
 */
export async function sumLabels(
  db: D1Database,
  shards: Shards,
  taken: TakenMarks,
  blocks: number,
): Promise<void> {
  const { day } = taken.marks[0]!;
  const hours = taken.hours.map((hour) => hour % HOURS_PER_DAY);
  const labelled = await labelledHours(db, shards, day, hours, blocks);
  const isMoved = await isDayMoved(db, day);
  const statements: D1PreparedStatement[] = [];
  for (const table of LABEL_TABLES) {
    const { labels, rows } = await readLabelDay(db, day, table);
    const made = withHours(labels, labelled.of(table), hours);
    statements.push(...(await writeLabelDay(db, taken, table, made, rows, isMoved)));
  }
  await commitTaken(db, taken, statements);
}

async function labelledHours(
  db: D1Database,
  shards: Shards,
  day: number,
  hours: readonly number[],
  blocks: number,
): Promise<LabelledHours> {
  const jobs = new KnownJobs(shards, ALL_KNOWN);
  const labelled = new LabelledHours((number, key) => jobValue(jobs.jobOf(number), key));
  const days = [{ day, blocks: Array.from({ length: blocks }, (_, block) => block) }];
  let node: OwnerDay[] = [];
  for await (const page of readOwnerHours(db, days, () => true)) {
    const numbers = new Set(page.map(({ owner }) => jobOfOwner(owner)));
    await jobs.read([...numbers].filter((number) => number !== null));
    for (const record of page) {
      if (node[0] !== undefined && node[0].nodeNumber !== record.nodeNumber) {
        addNode(labelled, node, hours);
        node = [];
      }
      node.push(record);
    }
  }
  addNode(labelled, node, hours);
  return labelled;
}

/** @param records of one node */
function addNode(labelled: LabelledHours, records: readonly OwnerDay[], hours: readonly number[]): void {
  for (const hour of hours) {
    const groups = new Map<number, Map<number, OwnerSums>>();
    for (const { group, owner, hours: own } of records) {
      const sums = own.get(hour);
      if (sums === undefined) continue;
      const owners = groups.get(group) ?? new Map<number, OwnerSums>();
      groups.set(group, owners);
      owners.set(owner, sums);
    }
    for (const [group, owners] of groups) labelled.addNode(records[0]!.nodeNumber, group, hour, owners);
  }
}

/** What stood there, with these hours as they were summed now. */
function withHours(
  stored: readonly LabelDay[],
  summed: readonly LabelDay[],
  hours: readonly number[],
): LabelDay[] {
  const labels = new Map(stored.map((label) => [labelName(label), label]));
  for (const label of stored) for (const hour of hours) label.hours.delete(hour);
  for (const label of summed) {
    const known = labels.get(labelName(label));
    if (known === undefined) labels.set(labelName(label), label);
    else for (const [hour, sums] of label.hours) known.hours.set(hour, sums);
  }
  return [...labels.values()].filter((label) => label.hours.size > 0);
}
