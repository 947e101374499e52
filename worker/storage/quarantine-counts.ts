/** How much waits for a person. */
import type { Shards } from './shards.ts';

const COUNT_UNRESOLVED =
  'SELECT code, COUNT(*) AS reports FROM quarantine WHERE resolution IS NULL GROUP BY code ORDER BY code';

export interface QuarantineCount {
  readonly code: string;
  readonly reports: number;
}

/** By code, one for each database that has any. */
export function countUnresolved(shards: Shards): Promise<QuarantineCount[]> {
  return shards.rows(async (db) => (await db.prepare(COUNT_UNRESOLVED).all<QuarantineCount>()).results);
}
