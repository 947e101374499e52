/** Where jobs ran, and what people say of them. The jobs themselves are in `schema.ts`. */
import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/**
 * Which hours of which nodes hold a share of a job, so that a job's hours are found without reading the fleet's. `key` is
 * `job number * 2^20 + node number`, both as counted within the shard: one row written when a job appears on a node, four more in
 * its first day and then about one a day, since the last hour is noted ahead (`worker/storage/job-nodes.ts`).
 */
export const jobNodes = sqliteTable('job_nodes', {
  key: integer('key').primaryKey(),
  /** Whole hours since 1970; hours between may hold nothing, and the last may be ahead of what there is. */
  firstHour: integer('first_hour').notNull(),
  lastHour: integer('last_hour').notNull(),
});

/** What was said of a job after its first report, by people and by agents. Rows are only added; of one key the last holds. */
export const jobFacts = sqliteTable(
  'job_facts',
  {
    id: integer('id').primaryKey(),
    jobNumber: integer('job_number').notNull(),
    /** `project`, `user`, `phase`, or `units.<name>` for a count of what the job made; `agent.project` and so on by agents. */
    key: text('key').notNull(),
    /** Null takes back what was said before. */
    value: text('value'),
    recordedAtMs: integer('recorded_at_ms').notNull(),
    /** Token id, or `node:<id>`. */
    recordedBy: text('recorded_by').notNull(),
  },
  (table) => [index('job_facts_job').on(table.jobNumber)],
);
