import { and, asc, eq, gt, isNull } from 'drizzle-orm';
import { enrolmentKeys } from '../schema/schema.ts';
import type { Database } from './database.ts';

export type StoredEnrolmentKey = typeof enrolmentKeys.$inferSelect;

/** SQL, to be asked of shard 0: the key `?1` may enrol one more host at `?2`. */
export const KEY_IS_GOOD = `EXISTS (SELECT 1 FROM enrolment_keys WHERE id = ?1 AND revoked_at_ms IS NULL
  AND (expires_at_ms IS NULL OR expires_at_ms > ?2) AND (max_uses IS NULL OR uses < max_uses))`;

export async function findEnrolmentKey(db: Database, id: string): Promise<StoredEnrolmentKey | null> {
  return (await db.select().from(enrolmentKeys).where(eq(enrolmentKeys.id, id)).get()) ?? null;
}

/** By id, `after` it where given. */
export async function listEnrolmentKeys(
  db: Database,
  limit: number,
  after = '',
): Promise<StoredEnrolmentKey[]> {
  return db
    .select()
    .from(enrolmentKeys)
    .where(gt(enrolmentKeys.id, after))
    .orderBy(asc(enrolmentKeys.id))
    .limit(limit)
    .all();
}

export async function insertEnrolmentKey(db: Database, key: StoredEnrolmentKey): Promise<void> {
  await db.insert(enrolmentKeys).values(key);
}

/** Keeps the first date where it was revoked before. */
export async function revokeEnrolmentKey(db: Database, id: string, nowMs: number): Promise<void> {
  await db
    .update(enrolmentKeys)
    .set({ revokedAtMs: nowMs })
    .where(and(eq(enrolmentKeys.id, id), isNull(enrolmentKeys.revokedAtMs)));
}
