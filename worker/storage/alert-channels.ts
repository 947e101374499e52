import { eq } from 'drizzle-orm';
import { alertChannels } from '../schema/channels.ts';
import type { Database } from './database.ts';

export type StoredChannel = typeof alertChannels.$inferSelect;

/** All of them: their number is bounded where they are made. */
export async function listChannels(db: Database): Promise<StoredChannel[]> {
  return db.select().from(alertChannels).orderBy(alertChannels.id).all();
}

export async function findChannel(db: Database, id: string): Promise<StoredChannel | null> {
  return (await db.select().from(alertChannels).where(eq(alertChannels.id, id)).get()) ?? null;
}

/** False: there is one of this id. */
export async function insertChannel(db: Database, channel: StoredChannel): Promise<boolean> {
  const added = await db
    .insert(alertChannels)
    .values(channel)
    .onConflictDoNothing()
    .returning({ id: alertChannels.id });
  return added.length > 0;
}

export async function updateChannel(
  db: Database,
  id: string,
  values: Pick<StoredChannel, 'config' | 'enabled' | 'disabledReason' | 'changedAtMs' | 'changedBy'>,
): Promise<void> {
  await db.update(alertChannels).set(values).where(eq(alertChannels.id, id));
}

/** By the server itself: the receiver said that it is gone. */
export async function disableChannel(
  db: D1Database,
  id: string,
  disabledReason: string,
  nowMs: number,
): Promise<void> {
  await db
    .prepare('UPDATE alert_channels SET enabled = 0, disabled_reason = ?2, changed_at_ms = ?3 WHERE id = ?1')
    .bind(id, disabledReason, nowMs)
    .run();
}

/** With its deliveries, those that wait included. */
export async function deleteChannel(db: D1Database, id: string): Promise<void> {
  await db.batch([
    db.prepare('DELETE FROM alert_deliveries WHERE channel_id = ?').bind(id),
    db.prepare('DELETE FROM alert_channels WHERE id = ?').bind(id),
  ]);
}

/** Names of the rules that tell this channel. */
export async function rulesOfChannel(db: D1Database, id: string): Promise<string[]> {
  const { results } = await db
    .prepare(
      `SELECT name FROM alert_rules WHERE EXISTS (
         SELECT 1 FROM json_each(rule, '$.channelIds') WHERE value = ?) ORDER BY name LIMIT 5`,
    )
    .bind(id)
    .all<{ name: string }>();
  return results.map(({ name }) => name);
}
