/** Writing an hour that is believed to be known, without reading it: its version, and its token, are proved by the write. */
import { noteJobs } from './job-nodes.ts';
import { type RegisteredJob, selectRegisteredJobs } from './jobs.ts';
import { type HourWrite, hourToJson, writeHoursWhere } from './ledger-writes.ts';

/** Versions come again in a database that was restored to a minute before: with other times. */
const WRITE = writeHoursWhere(
  `(SELECT received_at_ms FROM node_hours WHERE key = value ->> 'key') = ?4
   AND (?3 IS NULL OR EXISTS (SELECT 1 FROM tokens WHERE id = ?3 AND revoked_at_ms IS NULL))`,
);

/**
 * Writes an hour that is still open and was not read, in one round trip: if its version still stands, and the token still
 * holds where one is given.
 * @param believedReceivedAtMs when its newest change arrived, as it is known
 * @returns the jobs as they are registered by then; null where the hour was not written
 */
export async function writeKnownHour(
  db: D1Database,
  write: HourWrite,
  believedReceivedAtMs: number,
  jobIds: readonly string[],
  nowMs: number,
  tokenId: string | null,
): Promise<ReadonlyMap<string, RegisteredJob> | null> {
  const [written, jobs] = await db.batch<unknown>([
    db.prepare(WRITE).bind(`[${hourToJson(write)}]`, nowMs, tokenId, believedReceivedAtMs),
    ...(jobIds.length === 0 ? [] : [selectRegisteredJobs(db, jobIds)]),
    ...noteJobs(db, [write]),
  ]);
  if (written!.results.length === 0) return null;
  const registered = (jobIds.length === 0 ? [] : jobs!.results) as RegisteredJob[];
  return new Map(registered.map((job) => [job.id, job]));
}
