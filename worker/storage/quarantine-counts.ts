/** How much waits for a person. */

const COUNT_UNRESOLVED =
  'SELECT code, COUNT(*) AS reports FROM quarantine WHERE resolution IS NULL GROUP BY code ORDER BY code';

export interface QuarantineCount {
  readonly code: string;
  readonly reports: number;
}

export async function countUnresolved(db: D1Database): Promise<QuarantineCount[]> {
  return (await db.prepare(COUNT_UNRESOLVED).all<QuarantineCount>()).results;
}
