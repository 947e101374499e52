/**
 * Jobs over all databases. A job has a number in each whose nodes it ran on, under one id; what was said of it in any of
 * them is said of all. It stands in lists where it was seen first.
 */
import { JOB_WORDS } from '../../shared/emissions/owners.ts';
import { byKey } from './by-node.ts';
import { type JobsQuery, listJobNumbers } from './job-list.ts';
import { findJobNumber } from './jobs.ts';
import { type Shards, shardOfJob } from './shards.ts';
import { type JobRow, readJobRows, readJobRowsById, type StoredJob, withFacts } from './stored-jobs.ts';

/** Each of these jobs once, newest first, with what had been said of it by `knownAtMs`. */
export async function readFleetJobs(
  shards: Shards,
  numbers: readonly number[],
  knownAtMs: number,
): Promise<StoredJob[]> {
  const own = await shards.ofJobs(numbers, (db, some) => readJobRows(db, some, knownAtMs));
  const rows = byKey([...own, ...(await rowsElsewhere(shards, own, knownAtMs))], ({ id }) => id);
  return [...rows.values()]
    .map((ofJob) => united(ofJob, knownAtMs))
    .sort((a, b) => b.firstSeenAtMs - a.firstSeenAtMs || b.number - a.number);
}

/** What databases have of these jobs beside the rows that are known: a job may be in any, and no other knows of it. */
async function rowsElsewhere(
  shards: Shards,
  known: readonly JobRow[],
  knownAtMs: number,
): Promise<readonly JobRow[]> {
  if (shards.count === 1 || known.length === 0) return [];
  const ofShard = byKey(known, ({ number }) => shardOfJob(number));
  const ids = [...new Set(known.map(({ id }) => id))];
  return shards.rows((db, shard) => {
    const here = new Set(ofShard.get(shard)?.map(({ id }) => id));
    return readJobRowsById(
      db,
      ids.filter((id) => !here.has(id)),
      knownAtMs,
    );
  });
}

/** What an agent said first in a later database is a word like any other, of the time when it was said. */
function united(rows: readonly JobRow[], knownAtMs: number): StoredJob {
  const [first, ...later] = rows.toSorted((a, b) => a.firstSeenAtMs - b.firstSeenAtMs || a.number - b.number);
  if (later.length === 0) return withFacts([first!], first!.facts);
  const firstWords = later.flatMap((row) =>
    JOB_WORDS.flatMap((key) =>
      row[key] === null || row.firstSeenAtMs > knownAtMs
        ? []
        : [{ key: `agent.${key}`, value: row[key], recordedAtMs: row.firstSeenAtMs }],
    ),
  );
  const facts = [first!, ...later].flatMap((row) => row.facts);
  return withFacts(
    [first!, ...later],
    [...firstWords, ...facts].sort((a, b) => a.recordedAtMs - b.recordedAtMs),
  );
}

/** In every database that has it; empty where nobody reported it. */
export async function findJobNumbers(shards: Shards, id: string): Promise<number[]> {
  const found = await shards.each((db) => findJobNumber(db, id));
  return found.filter((number) => number !== null);
}

/** By database the number before which its jobs go on; `Infinity` or none: from the newest. */
export type JobsCursor = readonly number[];

export interface ListedJob {
  readonly job: StoredJob;
  /** To go on after it. */
  readonly next: JobsCursor;
}

export interface JobsList {
  readonly jobs: readonly ListedJob[];
  /** To go on after all of them; null where there are no more. */
  readonly next: JobsCursor | null;
}

/** Newest first: the lists of all databases, merged. A page may be short, or empty, and still have a next one. */
export async function listFleetJobs(
  shards: Shards,
  { before = [], ...query }: Omit<JobsQuery, 'before'> & { readonly before?: JobsCursor | undefined },
  nowMs: number,
): Promise<JobsList> {
  const lists = await shards.each((db, shard) =>
    listJobNumbers(db, { ...query, before: Math.min(before[shard] ?? Infinity, Number.MAX_SAFE_INTEGER) }),
  );
  const listed = await readFleetJobs(
    shards,
    lists.flatMap(({ numbers }) => numbers),
    nowMs,
  );
  const jobOf = new Map(listed.flatMap((job) => job.numbers.map((number) => [number, job])));
  const next = lists.map((list, shard) =>
    list.numbers.length > 0 ? (before[shard] ?? Infinity) : (list.next ?? 0),
  );
  const left = lists.map(({ numbers }) => [...numbers]);
  const jobs: ListedJob[] = [];
  const take = (shard: number) => {
    const number = left[shard]!.shift()!;
    next[shard] = left[shard]!.length > 0 ? number : (lists[shard]!.next ?? 0);
  };
  // Of a job that is in several databases, the row that was seen first stands for it; the others are passed over.
  const skip = () => {
    for (const [shard, numbers] of left.entries())
      while (numbers[0] !== undefined && jobOf.get(numbers[0])!.number !== numbers[0]) take(shard);
  };
  // Beyond the end of a list that goes on, nobody knows what comes next.
  const isCut = () => left.some((numbers, shard) => numbers.length === 0 && lists[shard]!.next !== null);
  for (skip(); jobs.length < query.limit && !isCut(); skip()) {
    const heads = left.flatMap(([number], shard) =>
      number === undefined ? [] : [{ shard, job: jobOf.get(number)! }],
    );
    const [first, ...others] = heads;
    if (first === undefined) break;
    const newest = others.reduce(
      (best, each) => (each.job.firstSeenAtMs > best.job.firstSeenAtMs ? each : best),
      first,
    );
    take(newest.shard);
    if (isOf(newest.job, query)) jobs.push({ job: newest.job, next: [...next] });
  }
  const isOver = left.every((numbers, shard) => numbers.length === 0 && next[shard] === 0);
  return { jobs, next: isOver ? null : [...next] };
}

/** A database knows only what was said in it. */
function isOf(
  job: StoredJob,
  { project, user, phase, withinProjects = null }: Omit<JobsQuery, 'before'>,
): boolean {
  return (
    (project === undefined || job.project === project) &&
    (user === undefined || job.user === user) &&
    (phase === undefined || job.phase === phase) &&
    (withinProjects === null || (job.project !== null && withinProjects.includes(job.project)))
  );
}
