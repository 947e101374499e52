/** What a job emitted, from first to last, over every node that it ran on. */

import { ALL_KNOWN } from '../../shared/audit/as-known.ts';
import { type SciScore, sciScores } from '../../shared/emissions/sci.ts';
import { ok, type Result } from '../http/problem.ts';
import { readFleetNodes } from '../storage/fleet.ts';
import { findJobNumbers, readFleetJobs } from '../storage/fleet-jobs.ts';
import { type JobSpan, readJobSpans } from '../storage/job-nodes.ts';
import { findContinuations } from '../storage/jobs.ts';
import type { Shards } from '../storage/shards.ts';
import type { StoredJob } from '../storage/stored-jobs.ts';
import { type Emissions, emissions } from './emissions.ts';
import { isWithin } from './emissions-filter.ts';
import type { EmissionsQuery } from './emissions-query.ts';
import { getJob } from './jobs.ts';

export interface JobEmissionsQuery
  extends Omit<EmissionsQuery, 'nodeId' | 'fromMs' | 'toMs' | 'filter' | 'jobNumbers'> {
  /** `together`: with every restart of the same job. */
  readonly restarts: 'apart' | 'together';
}

export interface JobEmissions {
  readonly job: StoredJob;
  /** The runs that the figures are of, the first one first. */
  readonly runs: readonly StoredJob[];
  readonly nodes: readonly (Pick<JobSpan, 'firstMs' | 'endMs'> & { readonly id: string })[];
  readonly emissions: Emissions;
  readonly sci: readonly SciScore[];
}

/** A scheduler that restarts a job within the minute does so 1,440 times a day; beyond this a job is broken. */
const MAX_RESTARTS = 1_000;
/** The shortest time that can be asked for, for a job that has only been named. */
const ONE_WINDOW_MS = 300_000;

/** Problems: `not_found`, `invalid_parameter`, `range_too_long`. */
export async function jobEmissions(
  shards: Shards,
  id: string,
  { restarts, ...query }: JobEmissionsQuery,
  nowMs: number,
): Promise<Result<JobEmissions>> {
  const knownAtMs = query.asOfMs ?? ALL_KNOWN;
  const { withinProjects = null } = query;
  const job = await getJob(shards, id, knownAtMs, withinProjects);
  if (!job.ok) return job;
  const all = restarts === 'together' ? await runsOf(shards, id) : job.value.numbers;
  const runs = (await readFleetJobs(shards, all, knownAtMs)).filter((run) => isWithin(run, withinProjects));
  const numbers = runs.flatMap((run) => run.numbers);
  const places = await shards.ofJobs(numbers, readJobSpans);
  const nodeNumbers = [...new Set(places.map(({ nodeNumber }) => nodeNumber))];
  const nodes = await shards.ofNodes(nodeNumbers, readFleetNodes);
  const range = hoursOf(places, job.value, query.asOfMs ?? nowMs);
  const answer = await emissions(shards, { ...query, ...range, nodeId: null, jobNumbers: numbers }, nowMs);
  if (!answer.ok) return answer;
  const idOf = new Map(nodes.map((node) => [node.number, node.id]));
  return ok({
    job: job.value,
    runs: runs.toReversed(),
    nodes: nodesOf(places).map(({ nodeNumber, ...span }) => ({ id: idOf.get(nodeNumber)!, ...span })),
    emissions: answer.value,
    sci: sciScores(answer.value.totals, {
      gpuHour: answer.value.totals.gpuSeconds / 3_600,
      job: 1,
      ...unitsOf(runs),
    }),
  });
}

/** `<scheduler>:<cluster>:<id>`, with `:<restart>` from the first restart on. */
const RESTART = /^([^:]+:[^:]+:.+):\d+$/;

async function runsOf(shards: Shards, id: string): Promise<number[]> {
  const first = RESTART.exec(id)?.[1] ?? id;
  const again = await shards.rows((db) => findContinuations(db, first, MAX_RESTARTS));
  return [
    ...(await findJobNumbers(shards, first)),
    ...again.filter((run) => /^\d+$/.test(run.id.slice(first.length + 1))).map((run) => run.number),
  ];
}

/** Whole hours, which are summed already, but not beyond now. */
function hoursOf(places: readonly JobSpan[], { firstSeenAtMs }: StoredJob, nowMs: number) {
  const [first] = places;
  let fromMs = first?.firstHourMs ?? firstSeenAtMs;
  let toMs = first?.endHourMs ?? firstSeenAtMs;
  for (const { firstHourMs, endHourMs } of places) {
    fromMs = Math.min(fromMs, firstHourMs);
    toMs = Math.max(toMs, endHourMs);
  }
  return { fromMs, toMs: Math.max(Math.min(toMs, nowMs), fromMs + ONE_WINDOW_MS) };
}

/** Runs on one node are one span. */
function nodesOf(places: readonly JobSpan[]) {
  const byNode = new Map<number, Pick<JobSpan, 'nodeNumber' | 'firstMs' | 'endMs'>>();
  for (const { nodeNumber, firstMs, endMs } of places) {
    const known = byNode.get(nodeNumber);
    byNode.set(nodeNumber, {
      nodeNumber,
      firstMs: Math.min(known?.firstMs ?? firstMs, firstMs),
      endMs: Math.max(known?.endMs ?? endMs, endMs),
    });
  }
  return [...byNode.values()];
}

/** What the runs made together. */
function unitsOf(runs: readonly StoredJob[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [unit, count] of runs.flatMap(({ units }) => Object.entries(units)))
    sums[unit] = (sums[unit] ?? 0) + count;
  return sums;
}
