import { asc, eq, gt, ne, or } from 'drizzle-orm';
import { alertSilences } from '../schema/alerts.ts';
import { openDatabase } from './database.ts';

export type StoredSilence = typeof alertSilences.$inferSelect;

/** Those that hold or may hold again after an instant: tens of rows. */
export async function readSilences(db: D1Database, afterMs: number): Promise<StoredSilence[]> {
  return openDatabase(db)
    .select()
    .from(alertSilences)
    .where(or(gt(alertSilences.endsAtMs, afterMs), ne(alertSilences.repeats, 'never')))
    .all();
}

/** By id, `after` it where given. */
export async function listSilences(db: D1Database, limit: number, after: string): Promise<StoredSilence[]> {
  return openDatabase(db)
    .select()
    .from(alertSilences)
    .where(gt(alertSilences.id, after))
    .orderBy(asc(alertSilences.id))
    .limit(limit)
    .all();
}

export async function findSilence(db: D1Database, id: string): Promise<StoredSilence | null> {
  return (await openDatabase(db).select().from(alertSilences).where(eq(alertSilences.id, id)).get()) ?? null;
}

export async function insertSilence(db: D1Database, silence: StoredSilence): Promise<void> {
  await openDatabase(db).insert(alertSilences).values(silence);
}

export type SilenceChange = Partial<
  Pick<StoredSilence, 'comment' | 'ruleNames' | 'filter' | 'startsAtMs' | 'endsAtMs' | 'repeats'>
>;

export async function updateSilence(db: D1Database, id: string, change: SilenceChange): Promise<void> {
  await openDatabase(db).update(alertSilences).set(change).where(eq(alertSilences.id, id));
}

/** False where there is none. */
export async function deleteSilence(db: D1Database, id: string): Promise<boolean> {
  const rows = await openDatabase(db)
    .delete(alertSilences)
    .where(eq(alertSilences.id, id))
    .returning({ id: alertSilences.id });
  return rows.length > 0;
}
