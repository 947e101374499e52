/** The registry of jobs: the small numbers that the ledger uses for them. */
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
