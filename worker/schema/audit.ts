/** What is kept so that the past can be told as it was known: what stood before each change, and the log of changes. */
import { blob, index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/**
 * An hour of the ledger as it stood before a change that came after it had settled (docs/decisions/0004). Rare, so a
 * second index costs little; an hour that changes in the ordinary course writes none.
 */
export const ledgerRevisions = sqliteTable(
  'ledger_revisions',
  {
    id: integer('id').primaryKey(),
    /** Key of `node_hours`. */
    hourKey: integer('hour_key').notNull(),
    recordedAtMs: integer('recorded_at_ms').notNull(),
    /** Null: nothing had been reported. */
    oldLedger: blob('old_ledger', { mode: 'buffer' }),
  },
  (table) => [index('ledger_revisions_hour').on(table.hourKey)],
);

/** A hardware part as it stood before each change, so that `asOf` knows neither parts nor sizes that came later. */
export const partRevisions = sqliteTable(
  'part_revisions',
  {
    id: integer('id').primaryKey(),
    nodeNumber: integer('node_number').notNull(),
    partId: text('part_id').notNull(),
    recordedAtMs: integer('recorded_at_ms').notNull(),
    /** JSON of the columns of `parts`; null: there was no such part. */
    oldPart: text('old_part'),
  },
  (table) => [index('part_revisions_node').on(table.nodeNumber)],
);

/** The change log: whatever changes figures of the past, in the words of the API. Rows are only ever added. */
export const changes = sqliteTable(
  'changes',
  {
    id: integer('id').primaryKey(),
    recordedAtMs: integer('recorded_at_ms').notNull(),
    /** Id of a token or an enrolment key, `grid:<provider>`, `node:<id>` or `server`. */
    who: text('who').notNull(),
    /** `site:<id>`, `node:<id>`, `grid:<zone>` or `fleet`. */
    subject: text('subject').notNull(),
    /** What of it changed, such as `pueRatio`. */
    what: text('what').notNull(),
    /** JSON; null: nothing was known. */
    oldValue: text('old_value', { mode: 'json' }),
    newValue: text('new_value', { mode: 'json' }),
    /** The time whose figures it touches; null: without bound on that side. */
    effectiveFromMs: integer('effective_from_ms'),
    effectiveToMs: integer('effective_to_ms'),
    why: text('why'),
  },
  (table) => [
    index('changes_recorded').on(table.recordedAtMs),
    index('changes_subject').on(table.subject, table.recordedAtMs),
    index('changes_what').on(table.what, table.recordedAtMs),
  ],
);

/** Closed periods: a figure that does not move any more, with all that it was made from. */
export const periods = sqliteTable(
  'periods',
  {
    id: integer('id').primaryKey(),
    fromMs: integer('from_ms').notNull(),
    toMs: integer('to_ms').notNull(),
    /** Terms sorted, so that one question has one text; empty: the fleet. */
    filter: text('filter').notNull(),
    basis: text('basis', { enum: ['lifecycle', 'direct'] }).notNull(),
    signal: text('signal', { enum: ['average', 'marginal'] }).notNull(),
    accounting: text('accounting').notNull(),
    closedAtMs: integer('closed_at_ms').notNull(),
    /** Token id. */
    closedBy: text('closed_by').notNull(),
    why: text('why'),
    /** The change log as the figure knew it: what has a higher id came after. */
    lastChangeId: integer('last_change_id').notNull().default(0),
    /** JSON: the same of the logs of shards 1, 2 and so on. */
    lastChangeIdsElsewhere: text('last_change_ids_elsewhere', { mode: 'json' })
      .$type<readonly number[]>()
      .notNull()
      .default([]),
    /** JSON: totals of the emissions object. */
    figure: text('figure', { mode: 'json' }).notNull(),
    /** JSON: versions of the factors, and the settings in force. */
    versions: text('versions', { mode: 'json' }).notNull(),
    /** JSON: what had come to earlier closed periods since the closing before this one. */
    adjustments: text('adjustments', { mode: 'json' }).notNull(),
  },
  (table) => [index('periods_filter').on(table.filter, table.fromMs)],
);
