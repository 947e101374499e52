/** How far archiving and dropping are. */
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** One row per task of `worker/use-cases/retention/`. */
export const retentionTasks = sqliteTable('retention_tasks', {
  /** `windows`, `series`, `hours` or `late`. */
  task: text('task').primaryKey(),
  /** Grows with each step: of two runs at once one moves on. */
  version: integer('version').notNull(),
  /** Whole days since 1970: the day at work, all before it are done. Of `late` not used. */
  day: integer('day').notNull(),
  /** The nodes below this number are done for that day; of `late` the last row of `ledger_revisions` that is done. */
  position: integer('position').notNull(),
  /** Node-hours archived (`windows`, `late`), whose series left (`series`), deleted (`hours`). */
  hours: integer('hours').notNull(),
  /** Files written to the archive, a file that was written anew counted again, and their bytes. */
  files: integer('files').notNull(),
  bytes: integer('bytes').notNull(),
});
