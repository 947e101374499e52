/** How each service that providers ask stands as a whole: a limit that it told, or that it is down, holds for all zones. */
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** One row per service that has ever failed; written only when it stands otherwise than before. */
export const gridServices = sqliteTable('grid_services', {
  service: text('service').primaryKey(),
  /** In a row, whatever it was asked for; 0 while it answers. */
  consecutiveFailures: integer('consecutive_failures').notNull(),
  /** Nothing is asked of it before, and then one thing first; null: whatever is due. */
  retryAtMs: integer('retry_at_ms'),
  lastErrorAtMs: integer('last_error_at_ms'),
  lastError: text('last_error'),
});
