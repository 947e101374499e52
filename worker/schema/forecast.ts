/** Forecasts as they were issued: a later look must not flatter them, so none is ever overwritten; and what our own have learned. */
import { integer, real, sqliteTable, text } from 'drizzle-orm/sqlite-core';

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

/**
 * What our own forecaster has learned of one series for one hour of the day. `key` = series id * 8 + quarter of the day
 * (0 to 3) * 2 + generation modulo 2: the next generation learns beside the one that is in use.
 */
export const gridForecastStates = sqliteTable('grid_forecast_states', {
  key: integer('key').primaryKey(),
  /** Whole spans of 28 days since 1970: each begins anew from the hours as they are stored then. */
  generation: integer('generation').notNull(),
  /** Which model learned it. */
  model: text('model').notNull(),
  /** Counts the steps; one that finds another number than it read changes nothing. */
  version: integer('version').notNull(),
  /** Hours since 1970: of the first value of the history; to the end of the last day that is learned. */
  sinceHour: integer('since_hour').notNull(),
  learnedUntilHour: integer('learned_until_hour').notNull(),
  unitGramsPerKwh: real('unit_grams_per_kwh').notNull(),
  /** Base64 of little-endian doubles, some 0.7 MB; a BLOB would come back as an array of numbers, which takes 100 times as long. */
  state: text('state').notNull(),
});
