/** Hours of the fleet, summed by cron so that an answer need not read them node by node (docs/decisions/0008-rollups.md). */
import { blob, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';

/** What is summed apart: nodes at one site with one GPU model. */
export const rollupGroups = sqliteTable(
  'rollup_groups',
  {
    number: integer('number').primaryKey(),
    /** Empty: none. */
    siteId: text('site_id').notNull(),
    gpuModel: text('gpu_model').notNull(),
  },
  (table) => [uniqueIndex('rollup_groups_key').on(table.siteId, table.gpuModel)],
);

/** `key` = whole hours since 1970 * 2^14 + block: the sums of 64 nodes whose numbers follow each other, by group. */
export const rollupBlocks = sqliteTable('rollup_blocks', {
  key: integer('key').primaryKey(),
  sums: blob('sums', { mode: 'buffer' }).notNull(),
});

/** `key` = group * 2^15 + whole days since 1970: the hours of that day, sums of all blocks. */
export const rollupDays = sqliteTable('rollup_days', {
  key: integer('key').primaryKey(),
  sums: blob('sums', { mode: 'buffer' }).notNull(),
});

/**
 * `key` = day * 2^15 + block: hours that are to be summed (again). After the blocks of a day: the sums of all blocks.
 * Of hours that are over in due time there is one row for all blocks, the last of the day. `key` = -1 - day: the sums by label.
 */
export const rollupMarks = sqliteTable('rollup_marks', {
  key: integer('key').primaryKey(),
  /** Bit n: hour n of the day. */
  hours: integer('hours').notNull(),
  /** Another with each mark: what was read before it is not written after it. */
  nonce: text('nonce').notNull(),
  /** Hour of the day that is summed in part, where a run may take less than a block; null: none is, and the others say nothing. */
  partHour: integer('part_hour'),
  /** Nodes at places of the block before it are in; of all blocks, those before it. */
  partNodes: integer('part_nodes'),
  /** Their sums, as in `rollup_blocks`. */
  partSums: blob('part_sums', { mode: 'buffer' }),
});

/** One row: how far the rollups are. */
export const rollupState = sqliteTable('rollup_state', {
  id: integer('id').primaryKey(),
  /** Grows with each step: of two runs at once one moves on. */
  version: integer('version').notNull(),
  /** Whole hours since 1970: those before it are summed, or marked. */
  doneHour: integer('done_hour').notNull(),
  /** Those before it have been marked when they were over; what changes in them later is marked by whoever changes it. */
  markedHour: integer('marked_hour').notNull(),
  /** Of a fleet too large to be read as it is now: until when the hours from `doneHour` on are summed. Null: they are not. */
  openToMs: integer('open_to_ms'),
  /** The same, once all that is marked is summed. */
  nextOpenToMs: integer('next_open_to_ms'),
  /** What the hours were summed with: version of the sums and digest of the hardware catalog. Null before the first turn. */
  madeWith: text('made_with'),
  /** Of a shard beside shard 0: the last change of shard 0's log whose hours are marked here. */
  followedChangeId: integer('followed_change_id').notNull().default(0),
  /** Version of the sums by label; null where none are kept: then nodes are read instead. */
  labelsVersion: integer('labels_version'),
  /** Whether they hold all days. */
  areLabelsReady: integer('labels_ready').notNull().default(0),
  /** By number of another shard, up to which of its jobs and of their facts is followed here, as JSON. */
  followedJobs: text('followed_jobs').notNull().default('{}'),
});

/**
 * `key` = (day * 2^14 + block) * 2^8 + part: what owners of these 64 nodes had on that day, node by node. A reader of days
 * takes `sums`, whose pages come first; one that cuts days, or sums an hour of it again, takes `hours`. The last blocks of a day
 * are not of nodes, but what labels of jobs had over all of them (docs/decisions/0014-labels.md).
 */
export const rollupNodeDays = sqliteTable('rollup_node_days', {
  key: integer('key').primaryKey(),
  sums: blob('sums', { mode: 'buffer' }).notNull(),
  hours: blob('hours', { mode: 'buffer' }).notNull(),
  /** Set where `hours` is empty: it lies in the bucket, under a name that this is part of. */
  mark: integer('mark'),
});

/** Objects of the bucket that rows of `rollup_node_days` named until others took their place; the oldest first, one row for each. */
export const replacedSums = sqliteTable('replaced_sums', {
  id: integer('id').primaryKey(),
  /** Of the row that named it, and the mark that it had. */
  key: integer('key').notNull(),
  mark: integer('mark').notNull(),
  replacedAtMs: integer('replaced_at_ms').notNull(),
});
