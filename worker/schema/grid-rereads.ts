/** Days of intensity that are read again when they have reached an age, since providers revise for months. */
import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** One row per provider, zone and age, however long it goes on: how far the reading has come. */
export const gridRereads = sqliteTable(
  'grid_rereads',
  {
    provider: text('provider').notNull(),
    gridZone: text('grid_zone').notNull(),
    ageDays: integer('age_days').notNull(),
    /** Whole UTC days since 1970: the next to be read again, due once it is `ageDays` old. */
    nextDay: integer('next_day').notNull(),
    /** After a failure: not before then. */
    notBeforeMs: integer('not_before_ms').notNull(),
  },
  (table) => [primaryKey({ columns: [table.provider, table.gridZone, table.ageDays] })],
);
