/** The registry of jobs: the small numbers that the ledger uses for them. */
import type { JobFacts } from '../../shared/emissions/owners.ts';
import type { JobReport } from '../../shared/wire/ingest.ts';
import { byKey } from './by-node.ts';
import { type Author, CHANGE_COLUMNS, recordChange } from './changes.ts';
import { ranInHours } from './job-nodes.ts';
import { jsonChunks } from './json-chunks.ts';
import { JOBS_PER_SHARD, NODES_PER_SHARD } from './shards.ts';

/** The next free numbers of the shard, as its nodes tell it, taken within the statement: numbers of two shards never meet. */
const REGISTER_JOBS = `
  INSERT INTO jobs (number, id, project, user, phase, first_seen_at_ms)
  SELECT COALESCE((SELECT MAX(number) FROM jobs),
      (SELECT MIN(number) FROM nodes) / ${NODES_PER_SHARD} * ${JOBS_PER_SHARD}) + ROW_NUMBER() OVER (ORDER BY fresh.key),
    fresh.value ->> 0, fresh.value ->> 1, fresh.value ->> 2, fresh.value ->> 3, ?2
  FROM json_each(?1) AS fresh WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE id = fresh.value ->> 0)`;

const lastFact = (job: string, key: string) =>
  `(SELECT fact.value FROM job_facts AS fact WHERE fact.job_number = ${job}.number AND fact.key = ${key} ORDER BY fact.id DESC LIMIT 1)`;

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

const WORDS = ['project', 'user', 'phase'] as const;

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
    CROSS JOIN json_each('${JSON.stringify(WORDS)}') AS word),
  news AS (
    SELECT said.*, (SELECT 'node:' || id FROM nodes WHERE number = ?3) AS who FROM said
    WHERE said.value IS NOT NULL AND said.value IS NOT said.before AND said.heard < ${MAX_WORDS_PER_JOB})`;

const LOG_WORDS = `${NEW_WORDS}
  INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?2, who, 'job:' || id, key, json_quote(before), json_quote(value), NULL, NULL,
    CASE WHEN heard < ${MAX_WORDS_PER_JOB - WORDS.length} THEN 'as the agent says it now'
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
  const rows = [...latest.values()]
    .filter((job) => WORDS.some((word) => job[word] !== undefined && job[word] !== known.get(job.id)?.[word]))
    .map(({ id, project, user, phase }) => JSON.stringify([id, project, user, phase]));
  return jsonChunks(rows).flatMap((chunk) => [
    // The log before the facts: it tells what was said until now.
    db.prepare(LOG_WORDS).bind(chunk, nowMs, nodeNumber),
    db.prepare(KEEP_WORDS).bind(chunk, nowMs, nodeNumber),
  ]);
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

/** A job with all that is said of it. */
export interface StoredJob extends JobFacts {
  /** One for each database whose nodes it ran on; `number` is the first of them. */
  readonly numbers: readonly number[];
  readonly firstSeenAtMs: number;
  /** What it made, by the name of the unit. */
  readonly units: Readonly<Record<string, number>>;
}

const COLUMNS = 'number, id, project, user, phase, first_seen_at_ms AS firstSeenAtMs';
/** SQLite takes the other columns from the row that holds the maximum: the last word on each key. */
const factsOf = (numbers: string) => `
  SELECT job_number AS jobNumber, key, value, recorded_at_ms AS recordedAtMs, MAX(id) AS id FROM job_facts
  WHERE job_number IN (${numbers}) AND recorded_at_ms <= ?2 GROUP BY job_number, key`;

const NUMBERS = 'SELECT value FROM json_each(?1)';
const READ_JOBS = `SELECT ${COLUMNS} FROM jobs WHERE number IN (${NUMBERS}) ORDER BY number DESC`;
const READ_FACTS = factsOf(NUMBERS);
const READ_JOBS_BY_ID = `SELECT ${COLUMNS} FROM jobs WHERE id IN (SELECT value FROM json_each(?1))`;
const READ_FACTS_BY_ID = factsOf('SELECT number FROM jobs WHERE id IN (SELECT value FROM json_each(?1))');

export type JobRow = Omit<StoredJob, 'units' | 'numbers'>;
export interface FactRow {
  readonly jobNumber: number;
  readonly key: string;
  readonly value: string | null;
  readonly recordedAtMs: number;
}

/** Of one database, newest first, with what had been said of them there by `knownAtMs`. */
export async function readJobs(
  db: D1Database,
  numbers: readonly number[],
  knownAtMs: number,
): Promise<StoredJob[]> {
  if (numbers.length === 0) return [];
  const { jobs, facts } = await readBoth(db, [READ_JOBS, READ_FACTS], numbers, knownAtMs);
  const byJob = byKey(facts, ({ jobNumber }) => jobNumber);
  return jobs.map((job) => withFacts([job], byJob.get(job.number) ?? []));
}

/** What one database has of jobs with these ids. */
export function readJobRows(db: D1Database, ids: readonly string[], knownAtMs: number) {
  return readBoth(db, [READ_JOBS_BY_ID, READ_FACTS_BY_ID], ids, knownAtMs);
}

async function readBoth(
  db: D1Database,
  [ofJobs, ofFacts]: readonly [string, string],
  wanted: readonly (number | string)[],
  knownAtMs: number,
): Promise<{ readonly jobs: JobRow[]; readonly facts: FactRow[] }> {
  const list = JSON.stringify(wanted);
  const [jobs, facts] = await db.batch<unknown>([
    db.prepare(ofJobs).bind(list),
    db.prepare(ofFacts).bind(list, Math.min(knownAtMs, Number.MAX_SAFE_INTEGER)),
  ]);
  return { jobs: jobs!.results as JobRow[], facts: facts!.results as FactRow[] };
}

const UNITS = 'units.';

/**
 * The last word on each key holds, that of people before that of agents; null gives it back to these.
 * @param rows of one job, the first that was seen first
 * @param facts in the order in which they were said
 */
export function withFacts(rows: readonly JobRow[], facts: readonly FactRow[]): StoredJob {
  const job = rows[0]!;
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

export interface JobsQuery {
  readonly limit: number;
  /** Numbers below this one; default: from the newest. */
  readonly before?: number | undefined;
  readonly project?: string | undefined;
  readonly user?: string | undefined;
  readonly phase?: string | undefined;
  readonly withinProjects?: readonly string[] | null | undefined;
  /** Whole hours since 1970, both included. */
  readonly hours?: { readonly first: number; readonly last: number } | undefined;
}

/** Jobs that one page looks at; with a filter that few of them pass, a page may be short and still have a next one. */
const LOOKED_AT = 10_000;

/** The last word of people, else that of the agents. */
const effective = (key: string) =>
  `COALESCE(${lastFact('page', `'${key}'`)}, ${lastFact('page', `'agent.${key}'`)}, page.${key})`;

const LIST_JOBS = `
  SELECT page.number AS number
  FROM (SELECT number, project, user, phase FROM jobs WHERE number < ?1 ORDER BY number DESC LIMIT ${LOOKED_AT}) AS page
  WHERE (?3 IS NULL OR ${effective('project')} = ?3) AND (?4 IS NULL OR ${effective('user')} = ?4)
    AND (?5 IS NULL OR ${effective('phase')} = ?5) AND (?6 IS NULL OR ${ranInHours('page.number', '?6', '?7')})
    AND (?8 IS NULL OR ${effective('project')} IN (SELECT value FROM json_each(?8)))
  ORDER BY page.number DESC LIMIT ?2`;

const LOOKED = `
  SELECT MIN(number) AS last, COUNT(*) AS count
  FROM (SELECT number FROM jobs WHERE number < ?1 ORDER BY number DESC LIMIT ${LOOKED_AT})`;

/** Numbers, newest first, and where to go on: null where there are no more jobs to look at. */
export async function listJobNumbers(
  db: D1Database,
  query: JobsQuery,
): Promise<{ readonly numbers: readonly number[]; readonly next: number | null }> {
  const { limit, before = Number.MAX_SAFE_INTEGER, project, user, phase, hours, withinProjects } = query;
  const within = withinProjects && JSON.stringify(withinProjects);
  const filter = [project, user, phase, hours?.first, hours?.last, within].map((value) => value ?? null);
  const [found, looked] = await db.batch<Record<string, number>>([
    db.prepare(LIST_JOBS).bind(before, limit + 1, ...filter),
    db.prepare(LOOKED).bind(before),
  ]);
  const numbers = found!.results.map(({ number }) => number!);
  if (numbers.length > limit) return { numbers: numbers.slice(0, limit), next: numbers[limit - 1]! };
  const { last, count } = looked!.results[0]!;
  return { numbers, next: count === LOOKED_AT ? last! : null };
}

/** What people say of one job: keys of `job_facts`; null takes back. */
export type JobFactsSaid = Readonly<Record<string, string | null>>;

const SAY = `
  INSERT INTO job_facts (job_number, key, value, recorded_at_ms, recorded_by) VALUES (?1, ?2, ?3, ?4, ?5)`;

const LAST_SAID = 'SELECT key, value, MAX(id) AS id FROM job_facts WHERE job_number = ?1 GROUP BY key';

/** Names of units that one job may have. */
export const MAX_UNITS_PER_JOB = 16;
/** Whatever people and programs say of one job, each word once: every answer that names the job reads them. */
export const MAX_FACTS_PER_JOB = 2_000;

const COUNT_SAID = `SELECT COUNT(*) AS count FROM job_facts WHERE job_number = ?1 AND key NOT LIKE 'agent.%'`;

/**
 * Records what people had not said before and logs it, in one transaction: six rows each, and none for a repetition.
 * @param isLogged false where the log of another database tells of it
 * @returns what of it is more than is kept of one job, and then records nothing; null: nothing
 */
export async function writeJobFacts(
  db: D1Database,
  job: JobNumber,
  said: JobFactsSaid,
  author: Author,
  nowMs: number,
  isLogged: boolean,
): Promise<'units' | 'facts' | null> {
  const [last, counted] = await db.batch<{ key: string; value: string | null; count: number }>([
    db.prepare(LAST_SAID).bind(job.number),
    db.prepare(COUNT_SAID).bind(job.number),
  ]);
  // Not what holds: an agent may say the same now and something else later.
  const before = new Map(last!.results.map(({ key, value }) => [key, value]));
  const units = [...new Map([...before, ...Object.entries(said)])].filter(
    ([key, value]) => key.startsWith(UNITS) && value !== null,
  );
  if (units.length > MAX_UNITS_PER_JOB) return 'units';
  const shown = (key: string, value: string | null) =>
    key.startsWith(UNITS) && value !== null ? Number(value) : value;
  const statements = Object.entries(said).flatMap(([key, value]) => {
    const from = before.get(key) ?? null;
    if (from === value) return [];
    const change = {
      subject: `job:${job.id}`,
      what: key,
      from: shown(key, from),
      to: shown(key, value),
      effectiveFromMs: null,
      effectiveToMs: null,
    };
    const say = db.prepare(SAY).bind(job.number, key, value, nowMs, author.who);
    return [isLogged ? [say, recordChange(db, { recordedAtMs: nowMs, ...author, ...change })] : [say]];
  });
  if (statements.length === 0) return null;
  if (counted!.results[0]!.count + statements.length > MAX_FACTS_PER_JOB) return 'facts';
  await db.batch(statements.flat());
  return null;
}
