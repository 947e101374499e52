/** The registry of jobs: the small numbers that the ledger uses for them. */
import { JOB_WORDS } from '../../shared/emissions/owners.ts';
import { HOUR_MS } from '../../shared/time/window.ts';
import type { JobReport } from '../../shared/wire/ingest.ts';
import { CHANGE_COLUMNS } from './changes.ts';
import { lastFact } from './job-facts.ts';
import { jsonChunks } from './json-chunks.ts';
import { markJobs } from './rollup-label-state.ts';
import { JOBS_PER_SHARD, NODES_PER_SHARD } from './shards.ts';

/** The next free numbers of the shard, as its nodes tell it, taken within the statement: numbers of two shards never meet. */
const REGISTER_JOBS = `
  INSERT INTO jobs (number, id, project, user, phase, first_seen_at_ms)
  SELECT COALESCE((SELECT MAX(number) FROM jobs),
      (SELECT MIN(number) FROM nodes) / ${NODES_PER_SHARD} * ${JOBS_PER_SHARD}) + ROW_NUMBER() OVER (ORDER BY fresh.key),
    fresh.value ->> 0, fresh.value ->> 1, fresh.value ->> 2, fresh.value ->> 3, ?2
  FROM json_each(?1) AS fresh WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE id = fresh.value ->> 0)`;

/** With what agents said of it last. */
const REGISTERED_JOBS = `
  SELECT number, id, COALESCE(${lastFact('jobs', "'agent.project'")}, project) AS project,
    COALESCE(${lastFact('jobs', "'agent.user'")}, user) AS user,
    COALESCE(${lastFact('jobs', "'agent.phase'")}, phase) AS phase
  FROM jobs WHERE id IN (SELECT value FROM json_each(?1))`;

const NUMBERS_OF_JOBS = 'SELECT number, id FROM jobs WHERE id IN (SELECT value FROM json_each(?1))';

export interface JobNumber {
  readonly number: number;
  readonly id: string;
}

/** The words of agents: of a job's project, user and phase. */
export interface RegisteredJob extends JobNumber {
  readonly project: string | null;
  readonly user: string | null;
  readonly phase: string | null;
}

/** A statement that selects the `RegisteredJob` of each that there is. */
export function selectRegisteredJobs(db: D1Database, ids: readonly string[]): D1PreparedStatement {
  return db.prepare(REGISTERED_JOBS).bind(JSON.stringify(ids));
}

/** Adds the jobs that are new. @returns each of them as it is registered */
export async function registerJobs(
  db: D1Database,
  jobs: readonly JobReport[],
  nowMs: number,
): Promise<RegisteredJob[]> {
  const rows = jobs.map(({ id, project, user, phase }) => JSON.stringify([id, project, user, phase]));
  const answers = await db.batch<RegisteredJob>([
    ...jsonChunks(rows).map((chunk) => db.prepare(REGISTER_JOBS).bind(chunk, nowMs)),
    selectRegisteredJobs(
      db,
      jobs.map(({ id }) => id),
    ),
  ]);
  return answers.at(-1)!.results;
}

/** Two hosts that disagree about a job would add rows for ever: the log says which word is the last that is heard. */
const MAX_WORDS_PER_JOB = 200;

/**
 * What an agent says of a known job's project, user or phase that differs from what agents said last; silence says nothing.
 * Kept as a fact with its time, so that `asOf` answers as before it.
 */
const NEW_WORDS = `
  WITH said AS (
    SELECT job.number AS number, job.id AS id, word.value AS key, report.value ->> (word.key + 1) AS value,
      COALESCE(${lastFact('job', "'agent.' || word.value")},
        CASE word.value WHEN 'project' THEN job.project WHEN 'user' THEN job.user ELSE job.phase END) AS before,
      (SELECT COUNT(*) FROM job_facts AS fact WHERE fact.job_number = job.number AND fact.key LIKE 'agent.%') AS heard
    FROM json_each(?1) AS report
    CROSS JOIN jobs AS job ON job.id = report.value ->> 0
    CROSS JOIN json_each('${JSON.stringify(JOB_WORDS)}') AS word),
  news AS (
    SELECT said.*, (SELECT 'node:' || id FROM nodes WHERE number = ?3) AS who FROM said
    WHERE said.value IS NOT NULL AND said.value IS NOT said.before AND said.heard < ${MAX_WORDS_PER_JOB})`;

const LOG_WORDS = `${NEW_WORDS}
  INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?2, who, 'job:' || id, key, json_quote(before), json_quote(value), NULL, NULL,
    CASE WHEN heard < ${MAX_WORDS_PER_JOB - JOB_WORDS.length} THEN 'as the agent says it now'
      ELSE 'as the agent says it now; of this job nothing more that agents say is heard' END
  FROM news`;

const KEEP_WORDS = `${NEW_WORDS}
  INSERT INTO job_facts (job_number, key, value, recorded_at_ms, recorded_by)
  SELECT number, 'agent.' || key, value, ?2, who FROM news`;

/** Statements for what booked reports say otherwise than `known`; of several reports the last word holds. */
export function keepWords(
  db: D1Database,
  nodeNumber: number,
  said: readonly JobReport[],
  known: ReadonlyMap<string, RegisteredJob>,
  nowMs: number,
): D1PreparedStatement[] {
  const latest = new Map<string, JobReport>();
  for (const job of said) latest.set(job.id, { ...latest.get(job.id), ...job });
  const fresh = [...latest.values()].filter((job) =>
    JOB_WORDS.some((word) => job[word] !== undefined && job[word] !== known.get(job.id)?.[word]),
  );
  const rows = fresh.map(({ id, project, user, phase }) => JSON.stringify([id, project, user, phase]));
  if (rows.length === 0) return [];
  const ids = fresh.map(({ id }) => id);
  return [
    ...jsonChunks(rows).flatMap((chunk) => [
      // The log before the facts: it tells what was said until now.
      db.prepare(LOG_WORDS).bind(chunk, nowMs, nodeNumber),
      db.prepare(KEEP_WORDS).bind(chunk, nowMs, nodeNumber),
    ]),
    // Of a job that is not heard any more nothing was kept.
    markJobs(db, ids, Math.floor(nowMs / HOUR_MS), nowMs),
  ];
}

/** Number of the job with this id; null where nobody reported it. */
export async function findJobNumber(db: D1Database, id: string): Promise<number | null> {
  const [job] = (
    await db
      .prepare(NUMBERS_OF_JOBS)
      .bind(JSON.stringify([id]))
      .all<JobNumber>()
  ).results;
  return job?.number ?? null;
}

/** `;` follows `:`, so this is every id that continues with a colon. */
const CONTINUATIONS = `
  SELECT number, id FROM jobs WHERE id >= ?1 || ':' AND id < ?1 || ';' ORDER BY id LIMIT ?2`;

/** Jobs whose id is this one and more after a colon. */
export async function findContinuations(db: D1Database, id: string, limit: number): Promise<JobNumber[]> {
  return (await db.prepare(CONTINUATIONS).bind(id, limit).all<JobNumber>()).results;
}
