/**
 * The outbox of alert notifications. The evaluation enqueues in the batch that moves its own state, so that neither is
 * without the other; the delivery job claims what is due, and writes what came of it.
 */
import type { AlertNotification } from '../../shared/alerts/notification.ts';
import { jsonChunks } from './json-chunks.ts';

const ENQUEUE = `
INSERT INTO alert_deliveries (notification_id, channel_id, episode_id, notification, state, attempts, next_attempt_at_ms, enqueued_at_ms)
SELECT n.value ->> 'id', c.value, n.value ->> 'episodeId', n.value, 'pending', 0, ?2, ?2
FROM json_each(?1) n, json_each(n.value, '$.channelIds') c
WHERE true
ON CONFLICT (notification_id, channel_id) DO NOTHING`;

/**
 * Statements for the caller's own batch: one delivery per notification and channel, due at once. What was enqueued
 * before stays as it is, whatever became of it.
 */
export function enqueueNotifications(
  db: D1Database,
  notifications: readonly AlertNotification[],
  nowMs: number,
): D1PreparedStatement[] {
  return jsonChunks(notifications.map((notification) => JSON.stringify(notification))).map((chunk) =>
    db.prepare(ENQUEUE).bind(chunk, nowMs),
  );
}

export interface ClaimedDelivery {
  readonly number: number;
  readonly channelId: string;
  readonly notification: AlertNotification;
  /** This one included. */
  readonly attempts: number;
}

export interface Claim {
  readonly nowMs: number;
  /** Until then nobody else takes them; afterwards they count as never answered. */
  readonly leaseUntilMs: number;
  readonly perChannel: number;
  readonly total: number;
}

/** A later notification of an episode waits for the earlier one: an incident must not open after it was resolved. */
const CLAIM = `
WITH due AS (
  SELECT d.number, d.next_attempt_at_ms,
    ROW_NUMBER() OVER (PARTITION BY d.channel_id ORDER BY d.next_attempt_at_ms, d.number) AS place
  FROM alert_channels c CROSS JOIN alert_deliveries d
  WHERE c.enabled = 1 AND d.channel_id = c.id AND d.state = 'pending' AND d.next_attempt_at_ms <= ?1
    AND NOT EXISTS (
      SELECT 1 FROM alert_deliveries earlier
      WHERE earlier.channel_id = d.channel_id AND earlier.episode_id = d.episode_id
        AND earlier.state = 'pending' AND earlier.number < d.number))
UPDATE alert_deliveries SET attempts = attempts + 1, next_attempt_at_ms = ?2, last_attempt_at_ms = ?1
WHERE number IN (SELECT number FROM due WHERE place <= ?3 ORDER BY next_attempt_at_ms, number LIMIT ?4)
RETURNING number, channel_id AS channelId, notification, attempts`;

/** Takes what is due in one statement, so that two runs never hold the same delivery; oldest first within a channel. */
export async function claimDeliveries(
  db: D1Database,
  { nowMs, leaseUntilMs, perChannel, total }: Claim,
): Promise<ClaimedDelivery[]> {
  const { results } = await db
    .prepare(CLAIM)
    .bind(nowMs, leaseUntilMs, perChannel, total)
    .all<Omit<ClaimedDelivery, 'notification'> & { notification: string }>();
  return results
    .map((row) => ({ ...row, notification: JSON.parse(row.notification) as AlertNotification }))
    .sort((a, b) => a.number - b.number);
}

/** What came of one attempt. */
export interface AttemptResult {
  readonly number: number;
  /** As claimed: tells whether the run was overtaken meanwhile. */
  readonly attempts: number;
  readonly state: 'pending' | 'delivered' | 'dead';
  /** What they are from now on: an attempt that was not begun is given back. */
  readonly attemptsAfter: number;
  readonly nextAttemptAtMs: number;
  readonly status: number | null;
  readonly outcome: string;
  readonly finishedAtMs: number | null;
}

/** That it was delivered is true whoever holds it by now; a failure counts only for the run that still holds it. */
const FINISH = `
UPDATE alert_deliveries SET
  state = r.value ->> 'state', attempts = r.value ->> 'attemptsAfter', next_attempt_at_ms = r.value ->> 'nextAttemptAtMs',
  last_status = r.value ->> 'status', last_outcome = r.value ->> 'outcome', finished_at_ms = r.value ->> 'finishedAtMs'
FROM json_each(?1) r
WHERE alert_deliveries.number = r.value ->> 'number' AND alert_deliveries.state = 'pending'
  AND (alert_deliveries.attempts = r.value ->> 'attempts' OR r.value ->> 'state' = 'delivered')`;

export async function finishAttempts(db: D1Database, results: readonly AttemptResult[]): Promise<void> {
  for (const chunk of jsonChunks(results.map((result) => JSON.stringify(result)))) {
    await db.prepare(FINISH).bind(chunk).run();
  }
}

const BURY = `
UPDATE alert_deliveries SET state = 'dead', last_outcome = 'the channel is switched off', finished_at_ms = ?1
WHERE state = 'pending' AND channel_id NOT IN (SELECT id FROM alert_channels WHERE enabled = 1)`;

/** What waits for a channel that is switched off or gone becomes a dead letter, visible and not sent weeks later. */
export async function buryUndeliverable(db: D1Database, nowMs: number): Promise<void> {
  await db.prepare(BURY).bind(nowMs).run();
}

const PRUNE = `
DELETE FROM alert_deliveries WHERE number IN (
  SELECT number FROM alert_deliveries WHERE finished_at_ms IS NOT NULL AND finished_at_ms < ?1 LIMIT 200)`;

export async function pruneDeliveries(db: D1Database, finishedBeforeMs: number): Promise<void> {
  await db.prepare(PRUNE).bind(finishedBeforeMs).run();
}
