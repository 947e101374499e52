/** How much waits for a person. */
import type { Shards } from './shards.ts';

const COUNT_UNRESOLVED =
  'SELECT code, COUNT(*) AS reports FROM quarantine WHERE resolution IS NULL GROUP BY code ORDER BY code';

export interface QuarantineCount {
  readonly code: string;
  readonly reports: number;
}

interface UnresolvedCounts {
  readonly counts: readonly QuarantineCount[];
  /** Of the database: D1 tells it with every answer, so no query is made for it. */
  readonly databaseBytes: number;
}

/** By code, of each database in order of the shards. */
export function countUnresolved(shards: Shards): Promise<UnresolvedCounts[]> {
  return shards.each(async (db) => {
    const { results, meta } = await db.prepare(COUNT_UNRESOLVED).all<QuarantineCount>();
    return { counts: results, databaseBytes: meta.size_after };
  });
}
