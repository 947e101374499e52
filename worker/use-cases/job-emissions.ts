/** What a job emitted, from first to last, over every node that it ran on. */

import { ALL_KNOWN } from '../../shared/audit/as-known.ts';
import { type SciScore, sciScores } from '../../shared/emissions/sci.ts';
import { ok, type Result } from '../http/problem.ts';
import { readFleetNodes } from '../storage/fleet.ts';
import { findJobNumbers, readFleetJobs } from '../storage/fleet-jobs.ts';
import { type JobNode, readJobSpans } from '../storage/job-nodes.ts';
import { findContinuations, type StoredJob } from '../storage/jobs.ts';
import type { Shards } from '../storage/shards.ts';
import { type Emissions, type EmissionsQuery, emissions } from './emissions.ts';
import { isWithin } from './emissions-filter.ts';
import { getJob, spanOf } from './jobs.ts';

export interface JobEmissionsQuery
  extends Omit<EmissionsQuery, 'nodeId' | 'fromMs' | 'toMs' | 'filter' | 'jobNumbers'> {
  /** `together`: with every restart of the same job. */
  readonly restarts: 'apart' | 'together';
}

export interface JobEmissions {
  readonly job: StoredJob;
  /** The runs that the figures are of, the first one first. */
  readonly runs: readonly StoredJob[];
  readonly nodes: readonly (Pick<JobNode, 'firstHourMs' | 'endHourMs'> & { readonly id: string })[];
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
  const { firstHourMs, endHourMs } = spanOf(places, job.value, query.asOfMs ?? nowMs);
  const range = { fromMs: firstHourMs, toMs: Math.max(endHourMs, firstHourMs + ONE_WINDOW_MS) };
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

/** Runs on one node are one span. */
function nodesOf(places: readonly JobNode[]): Omit<JobNode, 'jobNumber'>[] {
  const byNode = new Map<number, Omit<JobNode, 'jobNumber'>>();
  for (const { nodeNumber, firstHourMs, endHourMs } of places) {
    const known = byNode.get(nodeNumber);
    byNode.set(nodeNumber, {
      nodeNumber,
      firstHourMs: Math.min(known?.firstHourMs ?? firstHourMs, firstHourMs),
      endHourMs: Math.max(known?.endHourMs ?? endHourMs, endHourMs),
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
