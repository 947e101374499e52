/** Alerts: rules and silences as operators write them, and what the evaluation keeps. */
import { sql } from 'drizzle-orm';
import { index, integer, primaryKey, real, sqliteTable, text } from 'drizzle-orm/sqlite-core';

export const alertRules = sqliteTable('alert_rules', {
  number: integer('number').primaryKey(),
  id: text('id').notNull().unique(),
  name: text('name').notNull().unique(),
  /** `AlertRule` of shared/alerts/rule.ts. */
  rule: text('rule').notNull(),
  createdAtMs: integer('created_at_ms').notNull(),
  changedAtMs: integer('changed_at_ms').notNull(),
  /** Token id. */
  changedBy: text('changed_by').notNull(),
});

export const alertSilences = sqliteTable('alert_silences', {
  id: text('id').primaryKey(),
  comment: text('comment').notNull(),
  ruleNames: text('rule_names', { mode: 'json' }).$type<readonly string[]>().notNull(),
  /** As in queries; empty: everything. */
  filter: text('filter').notNull(),
  startsAtMs: integer('starts_at_ms').notNull(),
  endsAtMs: integer('ends_at_ms').notNull(),
  repeats: text('repeats', { enum: ['never', 'daily', 'weekly'] }).notNull(),
  createdAtMs: integer('created_at_ms').notNull(),
  createdBy: text('created_by').notNull(),
});

/** One row: how far the evaluation is. Every step writes it under the version that it read. */
export const alertCursor = sqliteTable('alert_cursor', {
  id: integer('id').primaryKey(),
  version: integer('version').notNull(),
  /** `Cursor` of worker/storage/alert-cursor.ts. */
  cursor: text('cursor').notNull(),
});

/** What every scope used in one window, for as long as it may still be restated; key = whole windows since 1970. */
export const alertWindows = sqliteTable('alert_windows', {
  key: integer('key').primaryKey(),
  /** `WindowFacts` of shared/alerts/facts.ts. */
  facts: text('facts').notNull(),
});

/** Sums of an hour that takes several steps, for the nodes so far. */
export const alertSums = sqliteTable('alert_sums', {
  /** Of the hour that is being summed, 0..11. */
  window: integer('window').primaryKey(),
  /** `WindowFacts` of shared/alerts/facts.ts. */
  facts: text('facts').notNull(),
});

/** One row per rule: where its instances stand, and the episodes that may still be corrected. */
export const alertStates = sqliteTable('alert_states', {
  ruleNumber: integer('rule_number').primaryKey(),
  state: text('state').notNull(),
});

export const alertEpisodes = sqliteTable(
  'alert_episodes',
  {
    number: integer('number').primaryKey(),
    id: text('id').notNull().unique(),
    ruleId: text('rule_id').notNull(),
    ruleName: text('rule_name').notNull(),
    severity: text('severity').notNull(),
    kind: text('kind').notNull(),
    scope: text('scope').notNull(),
    /** Grid zone, or `all`. */
    instance: text('instance').notNull(),
    startMs: integer('start_ms').notNull(),
    firedAtMs: integer('fired_at_ms').notNull(),
    endMs: integer('end_ms'),
    resolvedAtMs: integer('resolved_at_ms'),
    energyMillijoules: integer('energy_millijoules').notNull(),
    grams: real('grams').notNull(),
    withdrawn: integer('withdrawn', { mode: 'boolean' }).notNull(),
    /** Kept back by a silence, now or when it ended. */
    silenced: integer('silenced', { mode: 'boolean' }).notNull(),
    notified: integer('notified', { mode: 'boolean' }).notNull(),
    /** As last told. */
    summary: text('summary').notNull(),
    text: text('text').notNull(),
    fields: text('fields').notNull(),
    /** JSON array of `Correction`, oldest first. */
    corrections: text('corrections').notNull(),
  },
  (table) => [
    index('alert_episodes_rule').on(table.ruleId),
    index('alert_episodes_open').on(table.number).where(sql`resolved_at_ms IS NULL`),
  ],
);

/** What a zone usually had in the 30 days before a UTC day (`Usual` of shared/alerts/usual.ts). */
export const alertZoneDays = sqliteTable(
  'alert_zone_days',
  {
    gridZone: text('grid_zone').notNull(),
    /** Whole days since 1970. */
    day: integer('day').notNull(),
    usual: text('usual').notNull(),
    computedAtMs: integer('computed_at_ms').notNull(),
  },
  (table) => [primaryKey({ columns: [table.gridZone, table.day] })],
);

/** Hours of the ledger that changed after they had been evaluated; ingest marks them, the evaluation takes them. */
export const alertLateHours = sqliteTable('alert_late_hours', {
  /** Whole hours since 1970. */
  hour: integer('hour').primaryKey(),
});
