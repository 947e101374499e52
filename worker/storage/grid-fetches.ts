import { sql } from 'drizzle-orm';
import { gridFetches } from '../schema/schema.ts';
import { openDatabase } from './database.ts';

/** How one provider stands for one zone. */
export type StoredFetch = typeof gridFetches.$inferSelect;

/** Every provider and zone that was ever asked: tens of rows. */
export async function readFetches(db: D1Database): Promise<StoredFetch[]> {
  return openDatabase(db).select().from(gridFetches).all();
}

/** Replaces the state of each provider and zone named. */
export async function writeFetches(db: D1Database, rows: readonly StoredFetch[]): Promise<void> {
  const database = openDatabase(db);
  const [first, ...rest] = rows.map((row) =>
    database
      .insert(gridFetches)
      .values(row)
      .onConflictDoUpdate({
        target: [gridFetches.provider, gridFetches.gridZone],
        set: {
          lastOkAtMs: sql`excluded.last_ok_at_ms`,
          lastErrorAtMs: sql`excluded.last_error_at_ms`,
          lastError: sql`excluded.last_error`,
          consecutiveFailures: sql`excluded.consecutive_failures`,
          nextDueAtMs: sql`excluded.next_due_at_ms`,
        },
      }),
  );
  if (first) await database.batch([first, ...rest]);
}
