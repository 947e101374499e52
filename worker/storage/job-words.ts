/** What agents and people say of jobs in one database since another looked last: a job that runs in both has one label. */

import { isLabel } from './job-facts.ts';

/** At once; what is more comes at the next turn. */
const MOST = 1_000;

const READ_JOBS = `
  SELECT number AS position, id FROM jobs WHERE number > ?1 ORDER BY number LIMIT ${MOST}`;

const READ_FACTS = `
  SELECT fact.id AS position, fact.key AS key, job.id AS id
  FROM job_facts AS fact CROSS JOIN jobs AS job ON job.number = fact.job_number
  WHERE fact.id > ?1 ORDER BY fact.id LIMIT ${MOST}`;

/** The last job and the last fact that were looked at. */
export type WordsSeen = readonly [jobNumber: number, factId: number];

export interface JobWords {
  /** Ids of jobs that are new there. */
  readonly jobs: readonly string[];
  /** Ids of jobs of which another label was said. */
  readonly said: readonly string[];
  readonly seen: WordsSeen;
}

export async function readJobWords(db: D1Database, [jobNumber, factId]: WordsSeen): Promise<JobWords> {
  const [jobs, facts] = await Promise.all([
    db.prepare(READ_JOBS).bind(jobNumber).all<{ position: number; id: string }>(),
    db.prepare(READ_FACTS).bind(factId).all<{ position: number; key: string; id: string }>(),
  ]);
  return {
    jobs: jobs.results.map(({ id }) => id),
    said: [...new Set(facts.results.filter(isLabel).map(({ id }) => id))],
    seen: [jobs.results.at(-1)?.position ?? jobNumber, facts.results.at(-1)?.position ?? factId],
  };
}

/** As far as there is anything. */
export async function readLastJobWord(db: D1Database): Promise<WordsSeen> {
  const row = await db
    .prepare('SELECT (SELECT MAX(number) FROM jobs) AS job, (SELECT MAX(id) FROM job_facts) AS fact')
    .first<{ job: number | null; fact: number | null }>();
  return [row?.job ?? 0, row?.fact ?? 0];
}
