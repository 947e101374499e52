/** The registry of jobs: the small numbers that the ledger uses for them. */
import type { JobFacts } from '../../shared/emissions/owners.ts';
import type { JobReport } from '../../shared/wire/ingest.ts';
import { jsonChunks } from './json-chunks.ts';

/** What an agent says later of a job's project, user or phase replaces what was said before; silence replaces nothing. */
const REGISTER_JOBS = `
  INSERT INTO jobs (id, project, user, phase, first_seen_at_ms)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, ?2 FROM json_each(?1) WHERE true
  ON CONFLICT (id) DO UPDATE SET project = COALESCE(excluded.project, project), user = COALESCE(excluded.user, user), phase = COALESCE(excluded.phase, phase)
  WHERE COALESCE(excluded.project, project) IS NOT project OR COALESCE(excluded.user, user) IS NOT user OR COALESCE(excluded.phase, phase) IS NOT phase`;

const NUMBERS_OF_JOBS = 'SELECT number, id FROM jobs WHERE id IN (SELECT value FROM json_each(?1))';

export interface JobNumber {
  readonly number: number;
  readonly id: string;
}

/** Statements for one batch: the first adds the jobs that are new, the last selects the `JobNumber` of each. */
export function registerJobs(
  db: D1Database,
  jobs: readonly JobReport[],
  nowMs: number,
): D1PreparedStatement[] {
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const rows = [...byId.values()].map(({ id, project, user, phase }) => [id, project, user, phase]);
  return [
    ...jsonChunks(rows.map((row) => JSON.stringify(row))).map((chunk) =>
      db.prepare(REGISTER_JOBS).bind(chunk, nowMs),
    ),
    db.prepare(NUMBERS_OF_JOBS).bind(JSON.stringify([...byId.keys()])),
  ];
}

/** A job with all that is said of it. */
export interface StoredJob extends JobFacts {
  readonly firstSeenAtMs: number;
  /** What it made, by the name of the unit. */
  readonly units: Readonly<Record<string, number>>;
}

const COLUMNS = 'number, id, project, user, phase, first_seen_at_ms AS firstSeenAtMs';
const READ_JOBS = `SELECT ${COLUMNS} FROM jobs WHERE number IN (SELECT value FROM json_each(?1)) ORDER BY number DESC`;
const READ_FACTS = `
  SELECT job_number AS jobNumber, key, value FROM job_facts
  WHERE job_number IN (SELECT value FROM json_each(?1)) AND recorded_at_ms <= ?2 ORDER BY id`;

type JobRow = Omit<StoredJob, 'units'>;
interface FactRow {
  readonly jobNumber: number;
  readonly key: string;
  readonly value: string | null;
}

/** Newest first, with what people had said of them by `knownAtMs`. */
export async function readJobs(
  db: D1Database,
  numbers: readonly number[],
  knownAtMs: number,
): Promise<StoredJob[]> {
  if (numbers.length === 0) return [];
  const list = JSON.stringify(numbers);
  const [jobs, facts] = await db.batch<unknown>([
    db.prepare(READ_JOBS).bind(list),
    db.prepare(READ_FACTS).bind(list, Math.min(knownAtMs, Number.MAX_SAFE_INTEGER)),
  ]);
  const factsOf = new Map<number, FactRow[]>();
  for (const fact of facts!.results as FactRow[])
    factsOf.set(fact.jobNumber, [...(factsOf.get(fact.jobNumber) ?? []), fact]);
  return (jobs!.results as JobRow[]).map((job) => withFacts(job, factsOf.get(job.number) ?? []));
}

const UNITS = 'units.';

/** The last word on each key holds; null gives it back to the agents. */
function withFacts(job: JobRow, facts: readonly FactRow[]): StoredJob {
  const said = new Map(facts.map(({ key, value }) => [key, value]));
  const units: Record<string, number> = {};
  for (const [key, value] of said)
    if (key.startsWith(UNITS) && value !== null) units[key.slice(UNITS.length)] = Number(value);
  return {
    ...job,
    project: said.get('project') ?? job.project,
    user: said.get('user') ?? job.user,
    phase: said.get('phase') ?? job.phase,
    units,
  };
}
