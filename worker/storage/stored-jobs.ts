/** Jobs of one database with all that is said of them. */
import type { JobFacts } from '../../shared/emissions/owners.ts';
import { UNITS } from './job-facts.ts';
import { jsonChunks } from './json-chunks.ts';

/** A job with all that is said of it. */
export interface StoredJob extends JobFacts {
  /** One for each database whose nodes it ran on; `number` is the first of them. */
  readonly numbers: readonly number[];
  readonly firstSeenAtMs: number;
  /** What it made, by the name of the unit. */
  readonly units: Readonly<Record<string, number>>;
}

/** What one database has of a job. */
export interface JobRow extends Omit<StoredJob, 'units' | 'numbers'> {
  /** The last word on each key. */
  readonly facts: readonly FactRow[];
}

export interface FactRow {
  readonly key: string;
  readonly value: string | null;
  readonly recordedAtMs: number;
}

/** SQLite takes the other columns from the row that holds the maximum. Null, and no row read, where nothing was said of the job. */
const LAST_WORDS = `
  IIF(EXISTS (SELECT 1 FROM job_facts WHERE job_number = job.number), (
    SELECT json_group_array(json_array(key, value, recorded_at_ms)) FROM (
      SELECT key, value, recorded_at_ms, MAX(id) FROM job_facts
      WHERE job_number = job.number AND recorded_at_ms <= ?2 GROUP BY key)), NULL)`;

/** CROSS JOIN: what is wanted first, then each job by its key, which is two rows read where `IN` takes three. */
const READ_JOBS = `
  SELECT job.number, job.id, job.project, job.user, job.phase, job.first_seen_at_ms AS firstSeenAtMs, ${LAST_WORDS} AS facts
  FROM json_each(?1) AS wanted CROSS JOIN jobs AS job ON `;
const BY_NUMBER = `${READ_JOBS}job.number = wanted.value`;
const BY_ID = `${READ_JOBS}job.id = wanted.value`;

/** With what had been said of them there by `knownAtMs`. */
export function readJobRows(
  db: D1Database,
  numbers: readonly number[],
  knownAtMs: number,
): Promise<JobRow[]> {
  return read(db, BY_NUMBER, numbers, knownAtMs);
}

/** Of those ids that the database has. */
export function readJobRowsById(
  db: D1Database,
  ids: readonly string[],
  knownAtMs: number,
): Promise<JobRow[]> {
  return read(db, BY_ID, ids, knownAtMs);
}

/** Newest first. */
export async function readJobs(
  db: D1Database,
  numbers: readonly number[],
  knownAtMs: number,
): Promise<StoredJob[]> {
  const rows = await readJobRows(db, numbers, knownAtMs);
  return rows.sort((a, b) => b.number - a.number).map((row) => withFacts([row], row.facts));
}

async function read(
  db: D1Database,
  sql: string,
  wanted: readonly (number | string)[],
  knownAtMs: number,
): Promise<JobRow[]> {
  const rows: JobRow[] = [];
  // A day may name thousands, by ids of up to 256 characters.
  for (const chunk of jsonChunks([...new Set(wanted)].map((each) => JSON.stringify(each)))) {
    const { results } = await db
      .prepare(sql)
      .bind(chunk, Math.min(knownAtMs, Number.MAX_SAFE_INTEGER))
      .all<Omit<JobRow, 'facts'> & { facts: string | null }>();
    for (const row of results) rows.push({ ...row, facts: toFacts(row.facts) });
  }
  return rows;
}

function toFacts(json: string | null): FactRow[] {
  if (json === null) return [];
  const rows: [string, string | null, number][] = JSON.parse(json);
  return rows.map(([key, value, recordedAtMs]) => ({ key, value, recordedAtMs }));
}

/**
 * The last word on each key holds, that of people before that of agents; null gives it back to these.
 * @param rows of one job, the first that was seen first
 * @param facts in the order in which they were said
 */
export function withFacts(rows: readonly JobRow[], facts: readonly FactRow[]): StoredJob {
  const { facts: _, ...job } = rows[0]!;
  const said = new Map(facts.map(({ key, value }) => [key, value]));
  const word = (key: 'project' | 'user' | 'phase') => said.get(key) ?? said.get(`agent.${key}`) ?? job[key];
  const units: Record<string, number> = {};
  for (const [key, value] of said)
    if (key.startsWith(UNITS) && value !== null) units[key.slice(UNITS.length)] = Number(value);
  return {
    ...job,
    numbers: rows.map(({ number }) => number),
    project: word('project'),
    user: word('user'),
    phase: word('phase'),
    units,
  };
}
