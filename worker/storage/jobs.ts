/** The registry of jobs: the small numbers that the ledger uses for them. */

export interface JobEntry {
  readonly number: number;
  readonly id: string;
  readonly project: string | null;
  readonly user: string | null;
  readonly phase: string | null;
}

const READ_JOBS = `
  SELECT number, id, project, user, phase FROM jobs WHERE number IN (SELECT value FROM json_each(?1)) ORDER BY number`;

export async function readJobs(db: D1Database, numbers: readonly number[]): Promise<JobEntry[]> {
  const { results } = await db.prepare(READ_JOBS).bind(JSON.stringify(numbers)).all<JobEntry>();
  return results;
}
