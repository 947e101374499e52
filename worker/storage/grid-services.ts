import { eq, sql } from 'drizzle-orm';
import { gridServices } from '../schema/grid-services.ts';
import { openDatabase } from './database.ts';

/** How a service stands as a whole. */
export type StoredService = typeof gridServices.$inferSelect;

/** Every service that has ever failed: a few rows. */
export async function readServices(db: D1Database): Promise<StoredService[]> {
  return openDatabase(db).select().from(gridServices).all();
}

/**
 * Puts a state in the place of the one that it follows from, and of no other, so that two runs at once count once. False:
 * another run was first.
 */
export async function replaceService(
  db: D1Database,
  before: Pick<StoredService, 'consecutiveFailures' | 'retryAtMs'>,
  after: StoredService,
): Promise<boolean> {
  const { meta } = await openDatabase(db)
    .insert(gridServices)
    .values(after)
    .onConflictDoUpdate({
      target: gridServices.service,
      set: {
        consecutiveFailures: sql`excluded.consecutive_failures`,
        retryAtMs: sql`excluded.retry_at_ms`,
        lastErrorAtMs: sql`excluded.last_error_at_ms`,
        lastError: sql`excluded.last_error`,
      },
      setWhere: sql`${eq(gridServices.consecutiveFailures, before.consecutiveFailures)} AND ${gridServices.retryAtMs} IS ${before.retryAtMs}`,
    })
    .run();
  return meta.changes > 0;
}
