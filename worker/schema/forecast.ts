/** Forecasts as they were issued: a later look must not flatter them, so none is ever overwritten. */
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** One row per issue. `key` = series id (`grid_series`) * 2^24 + the 5-minute step that its slot begins with (an hour, or six). */
export const gridForecasts = sqliteTable('grid_forecasts', {
  key: integer('key').primaryKey(),
  /** By the provider's word, else when it came; of our own, when it was made. */
  issuedAtMs: integer('issued_at_ms').notNull(),
  fetchedAtMs: integer('fetched_at_ms').notNull(),
  /** How it was made; null where the provider says nothing. */
  method: text('method'),
  startMs: integer('start_ms').notNull(),
  stepMs: integer('step_ms').notNull(),
  /** JSON, a step after the other: `[gramsPerKwh, low, high]`, `[gramsPerKwh]` without a band, null without a value. */
  steps: text('steps').notNull(),
});
