/** The registry of jobs: the small numbers that the ledger uses for them. */
import type { JobReport } from '../../shared/wire/ingest.ts';

/** What an agent says later of a job's project, user or phase replaces what was said before; silence replaces nothing. */
const REGISTER_JOB = `
  INSERT INTO jobs (id, project, user, phase, first_seen_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)
  ON CONFLICT (id) DO UPDATE SET project = COALESCE(excluded.project, project), user = COALESCE(excluded.user, user), phase = COALESCE(excluded.phase, phase)
  WHERE COALESCE(excluded.project, project) IS NOT project OR COALESCE(excluded.user, user) IS NOT user OR COALESCE(excluded.phase, phase) IS NOT phase`;

const NUMBERS_OF_JOBS = 'SELECT number, id FROM jobs WHERE id IN (SELECT value FROM json_each(?1))';

/** @returns each job's number by its id */
export async function registerJobs(
  db: D1Database,
  jobs: readonly JobReport[],
  nowMs: number,
): Promise<Map<string, number>> {
  const byId = new Map(jobs.map((job) => [job.id, job]));
  if (byId.size === 0) return new Map();
  const statement = db.prepare(REGISTER_JOB);
  const statements = [...byId.values()].map((job) =>
    statement.bind(job.id, job.project ?? null, job.user ?? null, job.phase ?? null, nowMs),
  );
  const answers = await db.batch<{ number: number; id: string }>([
    ...statements,
    db.prepare(NUMBERS_OF_JOBS).bind(JSON.stringify([...byId.keys()])),
  ]);
  return new Map(answers.at(-1)!.results.map(({ number, id }) => [id, number]));
}
