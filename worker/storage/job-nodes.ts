/** Which hours of which nodes hold a share of a job: how its hours are found without reading the fleet's. */
import type { HourLedger } from '../../shared/ledger/hour.ts';
import { HOUR_MS } from '../../shared/time/window.ts';
import { parseNodeHourKey } from './node-hour-key.ts';
import {
  firstJobOf,
  firstNodeOf,
  JOBS_PER_SHARD,
  localJob,
  localNode,
  NODES_PER_SHARD,
  shardOfJob,
} from './shards.ts';

/** Both numbers count within the shard, where job and node are always together: keys stay below 2^46. */
const NODES = NODES_PER_SHARD;

const keyOf = (jobNumber: number, nodeNumber: number) => localJob(jobNumber) * NODES + localNode(nodeNumber);

/** A job on one node, from its first hour to the end of its last; hours between may hold nothing. */
export interface JobNode {
  readonly jobNumber: number;
  readonly nodeNumber: number;
  readonly firstHourMs: number;
  readonly endHourMs: number;
}

/** Writes nothing where the hours are known already. */
const NOTE_JOBS = `
  INSERT INTO job_nodes (key, first_hour, last_hour)
  SELECT value ->> 0, MIN(value ->> 1), MAX(value ->> 1) FROM json_each(?1) WHERE true GROUP BY value ->> 0
  ON CONFLICT (key) DO UPDATE SET first_hour = MIN(first_hour, excluded.first_hour), last_hour = MAX(last_hour, excluded.last_hour)
  WHERE excluded.first_hour < first_hour OR excluded.last_hour > last_hour`;

/** Statements that go into the batch which writes these hours: none where they hold no job. */
export function noteJobs(
  db: D1Database,
  hours: readonly { readonly key: number; readonly ledger: HourLedger }[],
): D1PreparedStatement[] {
  const rows = hours.flatMap(({ key, ledger }) => {
    const { nodeNumber, hourStartMs } = parseNodeHourKey(key);
    const shares = ledger.windows.flat().flatMap(({ jobShares }) => jobShares);
    const jobs = [...new Set(shares.map(({ jobNumber }) => jobNumber))];
    return jobs.map((jobNumber) => [keyOf(jobNumber, nodeNumber), hourStartMs / HOUR_MS]);
  });
  return rows.length === 0 ? [] : [db.prepare(NOTE_JOBS).bind(JSON.stringify(rows))];
}

/** CROSS JOIN fixes the order of the loops: jobs first, then the keys of each. */
const READ_JOB_NODES = `
  SELECT place.key AS key, place.first_hour AS firstHour, place.last_hour AS lastHour
  FROM json_each(?1) AS job
  CROSS JOIN job_nodes AS place ON place.key >= job.value * ${NODES} AND place.key < (job.value + 1) * ${NODES}
  ORDER BY place.key`;

/** Every node of these jobs, which are of one shard. */
export async function readJobNodes(db: D1Database, jobNumbers: readonly number[]): Promise<JobNode[]> {
  const [first] = jobNumbers;
  if (first === undefined) return [];
  const shard = shardOfJob(first);
  const { results } = await db
    .prepare(READ_JOB_NODES)
    .bind(JSON.stringify(jobNumbers.map(localJob)))
    .all<{ key: number; firstHour: number; lastHour: number }>();
  return results.map(({ key, firstHour, lastHour }) => ({
    jobNumber: firstJobOf(shard) + Math.floor(key / NODES),
    nodeNumber: firstNodeOf(shard) + (key % NODES),
    firstHourMs: firstHour * HOUR_MS,
    endHourMs: (lastHour + 1) * HOUR_MS,
  }));
}

/** SQL: whether the job with this number ran in hours from `first` to `last`. */
export const ranInHours = (jobNumber: string, first: string, last: string): string => `EXISTS (
    SELECT 1 FROM job_nodes AS place
    WHERE place.key >= (${jobNumber} & ${JOBS_PER_SHARD - 1}) * ${NODES}
      AND place.key < ((${jobNumber} & ${JOBS_PER_SHARD - 1}) + 1) * ${NODES}
      AND place.last_hour >= ${first} AND place.first_hour <= ${last})`;
