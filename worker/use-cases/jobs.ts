/** Jobs as people find them, and what people say of them. */
import { JobSums, type JobTotals } from '../../shared/emissions/job-totals.ts';
import { HOUR_MS } from '../../shared/time/window.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { rangeProblem } from '../http/time-range.ts';
import { byKey, byNode } from '../storage/by-node.ts';
import { readFleetNodes } from '../storage/fleet.ts';
import { readFleetSpans } from '../storage/fleet-hours.ts';
import {
  findJobNumbers,
  type JobsCursor,
  type ListedJob,
  listFleetJobs,
  readFleetJobs,
} from '../storage/fleet-jobs.ts';
import {
  type JobFactsSaid,
  MAX_FACTS_PER_JOB,
  MAX_UNITS_PER_JOB,
  type News,
  newsOfJob,
  writeJobFacts,
} from '../storage/job-facts.ts';
import { type JobNode, type JobSpan, readJobNodes, readJobSpans } from '../storage/job-nodes.ts';
import { united } from '../storage/key-spans.ts';
import { readNodeDevices } from '../storage/node-devices.ts';
import { nodeHourKeyRange } from '../storage/node-hour-key.ts';
import { type Shards, shardOfJob } from '../storage/shards.ts';
import type { StoredJob } from '../storage/stored-jobs.ts';
import { isWithin } from './emissions-filter.ts';
import type { Recorder } from './sites.ts';

export interface JobSummary extends StoredJob {
  /** From its first window to the end of its last. */
  readonly firstMs: number;
  readonly endMs: number;
  /** Ids. */
  readonly nodes: readonly string[];
  /** Null where the job is too long to be summed in a list. */
  readonly totals: JobTotals | null;
}

export interface JobsPage {
  readonly jobs: readonly JobSummary[];
  /** Where to go on; null on the last page. */
  readonly next: JobsCursor | null;
}

export interface JobsQuery {
  readonly limit: number;
  readonly before?: JobsCursor | undefined;
  readonly project?: string | undefined;
  readonly user?: string | undefined;
  readonly phase?: string | undefined;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** Only jobs of these projects; null: of any. */
  readonly withinProjects: readonly string[] | null;
}

/** Hours that one page reads: about half a second of work. */
const PAGE_HOURS = 5_000;

/** Newest first. A page ends early where its jobs would take too long to sum. Problem: `invalid_parameter`. */
export async function getJobs(shards: Shards, query: JobsQuery, nowMs: number): Promise<Result<JobsPage>> {
  const { limit, before, fromMs, toMs, ...said } = query;
  const hours = hoursOf(fromMs, toMs ?? nowMs);
  if (!hours.ok) return hours;
  const list = await listFleetJobs(shards, { ...said, limit, before, hours: hours.value }, nowMs);
  const nodes = await placesOf(
    shards,
    list.jobs.map(({ job }) => job),
  );
  // The last hours by which they were found are noted ahead.
  const listedJobs = list.jobs.filter(({ job }) => ranIn(nodes.get(job.number) ?? [], hours.value));
  const hoursIn = (job: StoredJob) =>
    (nodes.get(job.number) ?? []).reduce(
      (sum, { firstHourMs, endHourMs }) => sum + (endHourMs - firstHourMs) / HOUR_MS,
      0,
    );
  const summed = new Set<StoredJob>();
  const shown: ListedJob[] = [];
  let room = PAGE_HOURS;
  for (const listed of listedJobs) {
    const needs = hoursIn(listed.job);
    // One that no page could sum is shown without; one that the next page can is left to it.
    if (needs > room && needs <= PAGE_HOURS) break;
    shown.push(listed);
    if (needs > room) continue;
    room -= needs;
    summed.add(listed.job);
  }
  const next = shown.length < listedJobs.length ? shown.at(-1)!.next : list.next;
  const jobs = await summaries(
    shards,
    shown.map(({ job }) => job),
    nodes,
    summed,
    nowMs,
  );
  return ok({ jobs, next });
}

/** The nodes of each job, by its number. */
async function placesOf(
  shards: Shards,
  jobs: readonly StoredJob[],
): Promise<ReadonlyMap<number, readonly JobSpan[]>> {
  const numberOf = new Map(jobs.flatMap((job) => job.numbers.map((number) => [number, job.number])));
  return byKey(
    await shards.ofJobs([...numberOf.keys()], readJobSpans),
    ({ jobNumber }) => numberOf.get(jobNumber)!,
  );
}

/** @param hours undefined: any */
function ranIn(places: readonly JobNode[], hours: { first: number; last: number } | undefined): boolean {
  return (
    hours === undefined ||
    places.some(
      ({ firstHourMs, endHourMs }) =>
        endHourMs > hours.first * HOUR_MS && firstHourMs <= hours.last * HOUR_MS,
    )
  );
}

function hoursOf(
  fromMs: number | undefined,
  toMs: number,
): Result<{ first: number; last: number } | undefined> {
  if (fromMs === undefined) return ok(undefined);
  const backwards = rangeProblem(fromMs, toMs);
  if (backwards !== null) return { ok: false, problem: backwards };
  return ok({ first: Math.floor(fromMs / HOUR_MS), last: Math.ceil(toMs / HOUR_MS) - 1 });
}

async function summaries(
  shards: Shards,
  jobs: readonly StoredJob[],
  nodes: ReadonlyMap<number, readonly JobSpan[]>,
  summed: ReadonlySet<StoredJob>,
  nowMs: number,
): Promise<JobSummary[]> {
  const placesIn = (job: StoredJob) => nodes.get(job.number) ?? [];
  const [fleet, sums] = await Promise.all([
    shards.ofNodes([...new Set(jobs.flatMap(placesIn).map(({ nodeNumber }) => nodeNumber))], readFleetNodes),
    sumHours(shards, [...summed].flatMap(placesIn)),
  ]);
  const idOf = new Map(fleet.map(({ number, id }) => [number, id]));
  return jobs.map((job) => ({
    ...job,
    ...spanOf(placesIn(job), job, nowMs),
    nodes: placesIn(job).map(({ nodeNumber }) => idOf.get(nodeNumber)!),
    totals: summed.has(job) ? totalsOf(job, sums) : null,
  }));
}

function totalsOf({ numbers }: StoredJob, sums: JobSums): JobTotals {
  const totals = numbers.map((number) => sums.of(number));
  return {
    energyMillijoules: totals.reduce((sum, { energyMillijoules }) => sum + energyMillijoules, 0n),
    gpuMilliseconds: totals.reduce((sum, { gpuMilliseconds }) => sum + gpuMilliseconds, 0n),
  };
}

/** From its first window to the end of its last, but not beyond now. A job that no node booked yet has only been named. */
function spanOf(nodes: readonly JobSpan[], job: StoredJob, nowMs: number) {
  if (nodes.length === 0) return { firstMs: job.firstSeenAtMs, endMs: job.firstSeenAtMs };
  return {
    firstMs: nodes.reduce((first, { firstMs }) => Math.min(first, firstMs), Infinity),
    endMs: Math.min(
      nowMs,
      nodes.reduce((last, { endMs }) => Math.max(last, endMs), 0),
    ),
  };
}

/** Every hour of these once, whichever jobs share it. */
async function sumHours(shards: Shards, nodes: readonly JobNode[]): Promise<JobSums> {
  const nodeNumbers = [...new Set(nodes.map(({ nodeNumber }) => nodeNumber))].sort((a, b) => a - b);
  const sums = new JobSums();
  const spans = nodes.map(({ nodeNumber, firstHourMs, endHourMs }) =>
    nodeHourKeyRange(nodeNumber, firstHourMs, endHourMs),
  );
  const devices = byNode(await shards.ofNodes(nodeNumbers, readNodeDevices));
  const typesOf = new Map(
    nodeNumbers.map((number) => {
      const own = devices.get(number) ?? [];
      return [number, new Map(own.map(({ deviceIndex, type }) => [deviceIndex, type]))];
    }),
  );
  for await (const hour of readFleetSpans(shards, united(spans)))
    sums.addHour(hour, typesOf.get(hour.nodeNumber)!);
  return sums;
}

/**
 * Problem: `not_found`, also for a job of other projects than those that the caller is bound to.
 * @param withinProjects null: bound to none
 */
export async function getJob(
  shards: Shards,
  id: string,
  knownAtMs: number,
  withinProjects: readonly string[] | null = null,
): Promise<Result<StoredJob>> {
  const [job] = await readFleetJobs(shards, await findJobNumbers(shards, id), knownAtMs);
  if (withinProjects !== null && (job === undefined || !isWithin(job, withinProjects)))
    return fail(
      'not_found',
      `The projects that this token may read (${withinProjects.join(', ')}) have no job "${id}".`,
      'id',
    );
  if (job === undefined)
    return fail('not_found', `No agent has reported a job "${id}"; GET /v1/jobs lists those that ran.`, 'id');
  return ok(job);
}

/** Records what people say of a job; a node may speak of the jobs that ran on it. Problems: `not_found`, `wrong_node`, `invalid_body`. */
export async function describeJob(
  shards: Shards,
  id: string,
  said: JobFactsSaid,
  recorder: Recorder,
  /** The node that speaks; null: an operator. */
  nodeNumber: number | null,
): Promise<Result<StoredJob>> {
  const job = await getJob(shards, id, recorder.nowMs);
  if (!job.ok) return job;
  if (nodeNumber !== null) {
    const nodes = await shards.ofJobs(job.value.numbers, readJobNodes);
    if (!nodes.some((node) => node.nodeNumber === nodeNumber))
      return fail('wrong_node', `The job "${id}" has not run on the node that this token belongs to.`, 'id');
  }
  const author = { who: recorder.by, why: recorder.why ?? null };
  // In each database that has the job, since each is asked by itself: all of them take it before the first one does.
  const newsOf = new Map<number, readonly News[]>();
  for (const number of job.value.numbers) {
    const news = await shards.ask(shardOfJob(number), (db) => newsOfJob(db, number, said));
    if (news === 'units')
      return fail(
        'invalid_body',
        `/units: a job has at most ${MAX_UNITS_PER_JOB} units, with those that were said before; take one back with null.`,
        '/units',
      );
    if (news === 'facts')
      return fail(
        'invalid_body',
        `Of the job "${id}" ${MAX_FACTS_PER_JOB} things were said already, the most that are kept; counts replace each other, so say them by the hour or at the end.`,
        '/units',
      );
    newsOf.set(number, news);
  }
  // The first one logs it. What breaks off in between is made whole by the same request again.
  for (const [number, news] of newsOf)
    await shards.ask(shardOfJob(number), (db) =>
      writeJobFacts(db, { id, number }, news, author, recorder.nowMs, number === job.value.number),
    );
  return getJob(shards, id, recorder.nowMs);
}
