/** Alert channels, and the outbox that their notifications wait in. */
import { sql } from 'drizzle-orm';
import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';

export const alertChannels = sqliteTable('alert_channels', {
  /** Chosen by the operator; rules name it. */
  id: text('id').primaryKey(),
  /** As in worker/channels/list.ts. */
  type: text('type').notNull(),
  /** JSON of the channel's own settings, secrets included: they are needed to send. No answer shows it. */
  config: text('config').notNull(),
  enabled: integer('enabled', { mode: 'boolean' }).notNull(),
  /** Set where the server switched it off. */
  disabledReason: text('disabled_reason'),
  createdAtMs: integer('created_at_ms').notNull(),
  changedAtMs: integer('changed_at_ms').notNull(),
  /** Token id. */
  changedBy: text('changed_by').notNull(),
});

/** One row per notification and channel, for ever the same one: that is what makes a second enqueueing change nothing. */
export const alertDeliveries = sqliteTable(
  'alert_deliveries',
  {
    number: integer('number').primaryKey(),
    notificationId: text('notification_id').notNull(),
    channelId: text('channel_id').notNull(),
    episodeId: text('episode_id').notNull(),
    /** JSON of `AlertNotification`; the same in every attempt. */
    notification: text('notification').notNull(),
    state: text('state', { enum: ['pending', 'delivered', 'dead'] }).notNull(),
    /** Begun; also tells a run that was overtaken from the one that holds the delivery now. */
    attempts: integer('attempts').notNull(),
    /** While an attempt runs, the end of its lease. */
    nextAttemptAtMs: integer('next_attempt_at_ms').notNull(),
    /** HTTP status of the last answer; null: none came. */
    lastStatus: integer('last_status'),
    /** What came of the last attempt, in our words: never text of the receiver. */
    lastOutcome: text('last_outcome'),
    enqueuedAtMs: integer('enqueued_at_ms').notNull(),
    lastAttemptAtMs: integer('last_attempt_at_ms'),
    /** Delivered, or given up. */
    finishedAtMs: integer('finished_at_ms'),
  },
  (table) => [
    uniqueIndex('alert_deliveries_once').on(table.notificationId, table.channelId),
    index('alert_deliveries_pending')
      .on(table.channelId, table.episodeId, table.number)
      .where(sql`state = 'pending'`),
    index('alert_deliveries_due').on(table.channelId, table.nextAttemptAtMs).where(sql`state = 'pending'`),
    index('alert_deliveries_channel').on(table.channelId, table.state, table.number),
    index('alert_deliveries_finished').on(table.finishedAtMs).where(sql`finished_at_ms IS NOT NULL`),
  ],
);
