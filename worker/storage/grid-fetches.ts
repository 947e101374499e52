import { gridFetches } from '../schema/schema.ts';
import { openDatabase } from './database.ts';

/** How one provider stands for one zone. */
export type StoredFetch = typeof gridFetches.$inferSelect;

/** Every provider and zone that was ever asked: tens of rows. */
export async function readFetches(db: D1Database): Promise<StoredFetch[]> {
  return openDatabase(db).select().from(gridFetches).all();
}

const WRITE = `
  INSERT INTO grid_fetches (provider, grid_zone, last_ok_at_ms, last_error_at_ms, last_error, consecutive_failures, next_due_at_ms)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
    FROM json_each(?1) WHERE true
  ON CONFLICT (provider, grid_zone) DO UPDATE
     SET last_ok_at_ms = excluded.last_ok_at_ms, last_error_at_ms = excluded.last_error_at_ms,
         last_error = excluded.last_error, consecutive_failures = excluded.consecutive_failures,
         next_due_at_ms = excluded.next_due_at_ms`;

/** Replaces the state of each provider and zone named, in one statement. */
export async function writeFetches(db: D1Database, rows: readonly StoredFetch[]): Promise<void> {
  const states = rows.map((row) => [
    row.provider,
    row.gridZone,
    row.lastOkAtMs,
    row.lastErrorAtMs,
    row.lastError,
    row.consecutiveFailures,
    row.nextDueAtMs,
  ]);
  await db.prepare(WRITE).bind(JSON.stringify(states)).run();
}
