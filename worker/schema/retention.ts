/** Days that have settled, and how far archiving and dropping are. */
import { blob, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** One row per task of `worker/use-cases/retention/`. */
export const retentionTasks = sqliteTable('retention_tasks', {
  /** `windows`, `series`, `checks`, `days`, `sums`, `files`, `hours`, `dayFiles` or `late`. */
  task: text('task').primaryKey(),
  /** Grows with each step: of two runs at once one moves on. */
  version: integer('version').notNull(),
  /** Whole days since 1970: the day at work, all before it are done. Of `late` not used. */
  day: integer('day').notNull(),
  /** The nodes below this number, as counted within the shard, are done for that day; of `late` the last row of `ledger_revisions` that is done. */
  position: integer('position').notNull(),
  /** Node-hours archived (`windows`, `late`), whose series left (`series`), cut to their figures (`checks`), moved to the bucket (`days`), deleted (`hours`). */
  hours: integer('hours').notNull(),
  /** Files written to the archive, a file that was written anew counted again, and their bytes; deleted from it (`files`, `dayFiles`). */
  files: integer('files').notNull(),
  bytes: integer('bytes').notNull(),
});

/**
 * A node's hours of a day in one row, in place of their rows in `node_hours` once their series have left: a third of the bytes,
 * one row to read and one to delete in the end. `key` = node number * 2^15 + whole days since 1970 (2^15 days last until 2059).
 * An hour that has a row in `node_hours` as well counts as it is there.
 */
export const nodeDays = sqliteTable('node_days', {
  key: integer('key').primaryKey(),
  /** When the newest change of its hours arrived. */
  receivedAtMs: integer('received_at_ms').notNull(),
  /** Another with each write: rows of hours go only with the write that holds them. */
  mark: integer('mark').notNull(),
  /** `shared/ledger/day-codec.ts`. */
  hours: blob('hours', { mode: 'buffer' }).notNull(),
});

/**
 * Days of 64 nodes whose numbers follow each other that have moved from `node_days` to a file in the bucket. `key` = block * 2^15 +
 * whole days since 1970, blocks as of the rollups. An hour that has a row in `node_hours`, or is in a row of `node_days`, counts as it is there.
 */
export const dayFiles = sqliteTable('day_files', {
  key: integer('key').primaryKey(),
  /** Another with each write, and part of the file's name: a file is never written again. */
  mark: integer('mark').notNull(),
  /** Node-hours that it holds. */
  hours: integer('hours').notNull(),
  /** `shared/ledger/day-file.ts`: which nodes it holds, and where. */
  places: blob('places', { mode: 'buffer' }).notNull(),
});
