/** Which hours of which nodes hold a share of a job: how its hours are found without reading the fleet's. */
import type { HourLedger } from '../../shared/ledger/hour.ts';
import { HOUR_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { united } from './key-spans.ts';
import { nodeHourKeyRange, parseNodeHourKey } from './node-hour-key.ts';
import { type KeySpan, readHourSpans } from './node-hours.ts';
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

/**
 * A job that goes on is expected to go on for as long as it has: its last hour is noted so far ahead, and at most by so many hours. So
 * a row is written when a job appears, after one hour, three, seven and 15, and then about once a day.
 */
const MOST_AHEAD = 20;

/** Writes nothing where the hours are known already. */
const NOTE_JOBS = `
  INSERT INTO job_nodes (key, first_hour, last_hour)
  SELECT value ->> 0, MIN(value ->> 1), MAX(value ->> 1) FROM json_each(?1) WHERE true GROUP BY value ->> 0
  ON CONFLICT (key) DO UPDATE SET
    first_hour = MIN(first_hour, excluded.first_hour),
    last_hour = IIF(excluded.last_hour <= last_hour, last_hour, excluded.last_hour
      + MIN(${MOST_AHEAD}, excluded.last_hour - MIN(first_hour, excluded.first_hour)))
  WHERE excluded.first_hour < first_hour OR excluded.last_hour > last_hour`;

/**
 * Statements that go into the batch which writes these hours: none where they hold no job that they did not hold before, which
 * was noted when it came.
 */
export function noteJobs(
  db: D1Database,
  hours: readonly { readonly key: number; readonly oldLedger: HourLedger; readonly ledger: HourLedger }[],
): D1PreparedStatement[] {
  const rows = hours.flatMap(({ key, oldLedger, ledger }) => {
    const { nodeNumber, hourStartMs } = parseNodeHourKey(key);
    const noted = jobsIn(oldLedger);
    return [...jobsIn(ledger)]
      .filter((jobNumber) => !noted.has(jobNumber))
      .map((jobNumber) => [keyOf(jobNumber, nodeNumber), hourStartMs / HOUR_MS]);
  });
  return rows.length === 0 ? [] : [db.prepare(NOTE_JOBS).bind(JSON.stringify(rows))];
}

function jobsIn({ windows }: HourLedger): Set<number> {
  const jobs = new Set<number>();
  for (const epochs of windows)
    for (const { jobShares } of epochs) for (const { jobNumber } of jobShares) jobs.add(jobNumber);
  return jobs;
}

/** CROSS JOIN fixes the order of the loops: jobs first, then the keys of each. */
const READ_JOB_NODES = `
  SELECT place.key AS key, place.first_hour AS firstHour, place.last_hour AS lastHour
  FROM json_each(?1) AS job
  CROSS JOIN job_nodes AS place ON place.key >= job.value * ${NODES} AND place.key < (job.value + 1) * ${NODES}
  ORDER BY place.key`;

/** Every node of these jobs, which are of one shard. The last hour may be one that has no share of it yet. */
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

/** A job on one node with the windows in which it began and ended there. */
export interface JobSpan extends JobNode {
  /** Start of the first window that holds a share of it. */
  readonly firstMs: number;
  /** End of the last one. */
  readonly endMs: number;
}

/** Hours that are looked into: a fifth of a second of work. Of more nodes first and last are told by the hour, as they were noted. */
const MOST_HOURS = 4_000;

/** The same with when they began and ended, and with the hours in which they ended, as far as these are few. */
export async function readJobSpans(db: D1Database, jobNumbers: readonly number[]): Promise<JobSpan[]> {
  const places = await readJobNodes(db, jobNumbers);
  const spans: KeySpan[] = [];
  let room = MOST_HOURS;
  for (const place of places) {
    const { nodeNumber, firstHourMs, endHourMs } = place;
    const own = united([
      nodeHourKeyRange(nodeNumber, firstHourMs, firstHourMs + HOUR_MS),
      nodeHourKeyRange(nodeNumber, leastLastHourMs(place), endHourMs),
    ]);
    room -= own.reduce((sum, { first, end }) => sum + end - first, 0);
    if (room < 0) break;
    spans.push(...own);
  }
  const ends = new Map<string, { firstMs: number; endMs: number }>();
  for await (const { nodeNumber, hourStartMs, ledger } of readHourSpans(db, united(spans)))
    for (const [window, epochs] of ledger.windows.entries())
      for (const { jobNumber } of epochs.flatMap(({ jobShares }) => jobShares)) {
        const key = `${jobNumber} ${nodeNumber}`;
        const startMs = hourStartMs + window * WINDOW_MS;
        ends.set(key, { firstMs: ends.get(key)?.firstMs ?? startMs, endMs: startMs + WINDOW_MS });
      }
  return places.map((place) => {
    const { firstHourMs, endHourMs } = place;
    const found = ends.get(`${place.jobNumber} ${place.nodeNumber}`);
    if (found === undefined) return { ...place, firstMs: firstHourMs, endMs: endHourMs };
    // The hour that was noted first may hold it no more, and so may those that were noted ahead.
    const firstMs = found.firstMs < firstHourMs + HOUR_MS ? found.firstMs : firstHourMs;
    const isEnd = found.endMs > leastLastHourMs(place);
    const endMs = isEnd ? found.endMs : endHourMs;
    return { ...place, firstMs, endMs, endHourMs: Math.ceil(endMs / HOUR_MS) * HOUR_MS };
  });
}

/** The least that its last hour may have been when it was noted ahead: half of the way from its first one. */
const leastLastHourMs = ({ firstHourMs, endHourMs }: JobNode) =>
  Math.max(
    endHourMs - (MOST_AHEAD + 1) * HOUR_MS,
    firstHourMs + Math.ceil((endHourMs - HOUR_MS - firstHourMs) / (2 * HOUR_MS)) * HOUR_MS,
  );

/** SQL: whether the key is one of the job with this number. */
export const isOfJob = (key: string, jobNumber: string): string =>
  `${key} >= (${jobNumber} & ${JOBS_PER_SHARD - 1}) * ${NODES} AND ${key} < ((${jobNumber} & ${JOBS_PER_SHARD - 1}) + 1) * ${NODES}`;

/** SQL: whether the job with this number ran in hours from `first` to `last`. */
export const ranInHours = (jobNumber: string, first: string, last: string): string => `EXISTS (
    SELECT 1 FROM job_nodes AS place
    WHERE ${isOfJob('place.key', jobNumber)}
      AND place.last_hour >= ${first} AND place.first_hour <= ${last})`;
