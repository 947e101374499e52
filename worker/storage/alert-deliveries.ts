/** Deliveries as an operator looks at them; what moves them is in alert-outbox.ts. */
import { and, desc, eq, lt, sql } from 'drizzle-orm';
import { alertDeliveries } from '../schema/channels.ts';
import type { Database } from './database.ts';

export const DELIVERY_STATES = ['pending', 'delivered', 'dead'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];
export type StoredDelivery = Omit<typeof alertDeliveries.$inferSelect, 'notification'> & {
  readonly summary: string;
};

/** Newest first, those before `before` where given. */
export async function listDeliveries(
  db: Database,
  channelId: string,
  state: DeliveryState,
  limit: number,
  before: number,
): Promise<StoredDelivery[]> {
  return db
    .select({
      number: alertDeliveries.number,
      notificationId: alertDeliveries.notificationId,
      channelId: alertDeliveries.channelId,
      episodeId: alertDeliveries.episodeId,
      summary: sql<string>`notification ->> 'summary'`,
      state: alertDeliveries.state,
      attempts: alertDeliveries.attempts,
      nextAttemptAtMs: alertDeliveries.nextAttemptAtMs,
      lastStatus: alertDeliveries.lastStatus,
      lastOutcome: alertDeliveries.lastOutcome,
      enqueuedAtMs: alertDeliveries.enqueuedAtMs,
      lastAttemptAtMs: alertDeliveries.lastAttemptAtMs,
      finishedAtMs: alertDeliveries.finishedAtMs,
    })
    .from(alertDeliveries)
    .where(
      and(
        eq(alertDeliveries.channelId, channelId),
        eq(alertDeliveries.state, state),
        lt(alertDeliveries.number, before),
      ),
    )
    .orderBy(desc(alertDeliveries.number))
    .limit(limit)
    .all();
}

/**
 * A dead letter waits again, with all its attempts before it. False: there is no such dead letter, or a later one of its
 * episode arrived: a firing after its end would open an incident that nothing closes.
 */
export async function reviveDelivery(
  db: Database,
  channelId: string,
  number: number,
  nowMs: number,
): Promise<boolean> {
  const revived = await db
    .update(alertDeliveries)
    .set({ state: 'pending', attempts: 0, nextAttemptAtMs: nowMs, finishedAtMs: null })
    .where(
      and(
        eq(alertDeliveries.number, number),
        eq(alertDeliveries.channelId, channelId),
        eq(alertDeliveries.state, 'dead'),
        sql`NOT EXISTS (SELECT 1 FROM alert_deliveries AS later WHERE later.channel_id = ${channelId}
          AND later.state = 'delivered' AND later.number > ${number}
          AND later.episode_id = alert_deliveries.episode_id)`,
      ),
    )
    .returning({ number: alertDeliveries.number });
  return revived.length > 0;
}

export interface DeliveryCounts {
  readonly channelId: string;
  readonly state: DeliveryState;
  readonly count: number;
}

/** Of each channel, how many wait and how many were given up. */
export async function countOpenDeliveries(db: D1Database): Promise<DeliveryCounts[]> {
  const { results } = await db
    .prepare(
      `SELECT c.id AS channelId, s.value AS state,
         (SELECT COUNT(*) FROM alert_deliveries d WHERE d.channel_id = c.id AND d.state = s.value) AS count
       FROM alert_channels c, json_each('["pending","dead"]') s`,
    )
    .all<DeliveryCounts>();
  return results;
}
