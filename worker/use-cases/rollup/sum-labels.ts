/** Sums hours of one day by label of jobs, from what owners had of each node in them. */
import { ALL_KNOWN } from '../../../shared/audit/as-known.ts';
import { jobValue } from '../../../shared/emissions/owners.ts';
import { decodeLabel, type EncodedLabel, encodeLabel } from '../../../shared/rollup/label-codec.ts';
import { LABEL_TABLES, type LabelDay, LabelledHours, labelName } from '../../../shared/rollup/label-sums.ts';
import { jobOfOwner, type OwnerDay, type OwnerSums } from '../../../shared/rollup/owner-sums.ts';
import { HOURS_PER_DAY } from '../../../shared/time/window.ts';
import { isDayMoved } from '../../storage/rollup-day-rows.ts';
import { readLabelDay, writeLabelDay } from '../../storage/rollup-labels.ts';
import { readOwnerRows } from '../../storage/rollup-node-days.ts';
import { commitTaken, type TakenMarks } from '../../storage/rollup-sums.ts';
import type { Shards } from '../../storage/shards.ts';
import { KnownJobs } from '../emissions-jobs.ts';

/**
 * @param shards of the fleet: what is said of a job in any of them is said of all
 * @param blocks of nodes that the database has
 * @returns whether hours of that day are in the bucket
 */
export async function sumLabels(
  db: D1Database,
  shards: Shards,
  taken: TakenMarks,
  blocks: number,
): Promise<boolean> {
  const { day } = taken.marks[0]!;
  const hours = taken.hours.map((hour) => hour % HOURS_PER_DAY);
  const labelled = await labelledHours(db, shards, day, hours, blocks);
  const isMoved = await isDayMoved(db, day);
  // A batch for each: of a large fleet they are some MB. The marks stay until all are written.
  for (const table of LABEL_TABLES) {
    const { labels, rows } = await readLabelDay(db, day, table);
    const made = withHours(labels, labelled.of(table), hours);
    const statements = await writeLabelDay(db, taken, table, made, rows, isMoved);
    if (statements.length > 0) await db.batch(statements);
  }
  await commitTaken(db, taken, []);
  return isMoved;
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
  const all = Array.from({ length: blocks }, (_, block) => block);
  // As they are stored all of them are some MB; of their jobs it is asked once, in all databases.
  const rows = await readOwnerRows(db, day, all);
  const numbers = new Set(rows.flatMap(({ owners }) => owners.map(({ owner }) => jobOfOwner(owner))));
  await jobs.read([...numbers].filter((number) => number !== null));
  let node: OwnerDay[] = [];
  for (const { records } of rows)
    for (const record of records()) {
      if (node[0] !== undefined && node[0].nodeNumber !== record.nodeNumber) {
        addNode(labelled, node, hours);
        node = [];
      }
      node.push(record);
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

/** What stood there, with these hours as they were summed now; by name. */
function withHours(
  stored: readonly EncodedLabel[],
  summed: readonly LabelDay[],
  hours: readonly number[],
): EncodedLabel[] {
  const anew = new Map(summed.map((label) => [labelName(label), label]));
  const labels: (EncodedLabel & { readonly name: string })[] = [];
  // One after the other: decoded all of them are many times as large.
  for (const label of stored) {
    const name = labelName(label);
    const own = decodeLabel(label);
    const had = hours.filter((hour) => own.hours.delete(hour)).length > 0;
    for (const [hour, sums] of anew.get(name)?.hours ?? []) own.hours.set(hour, sums);
    if (own.hours.size > 0) labels.push({ ...(had || anew.has(name) ? encodeLabel(own) : label), name });
    anew.delete(name);
  }
  for (const [name, label] of anew) labels.push({ ...encodeLabel(label), name });
  return labels.sort((a, b) => (a.name < b.name ? -1 : 1));
}
