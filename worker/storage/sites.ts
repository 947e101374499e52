import { asc, eq, gt } from 'drizzle-orm';
import { sites } from '../schema/schema.ts';
import type { Database } from './database.ts';
import { insertSettings, type RecordedSetting } from './settings.ts';

export interface StoredSite {
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
}

export async function findSite(db: Database, id: string): Promise<StoredSite | null> {
  return (await db.select().from(sites).where(eq(sites.id, id)).get()) ?? null;
}

/** By id, `after` it where given. */
export async function listSites(db: Database, limit: number, after = ''): Promise<StoredSite[]> {
  return db.select().from(sites).where(gt(sites.id, after)).orderBy(asc(sites.id)).limit(limit).all();
}

/** False where the id is taken: then nothing was stored. */
export async function insertSite(
  db: Database,
  site: StoredSite,
  values: readonly RecordedSetting[],
  why: string | null,
): Promise<boolean> {
  try {
    await db.batch([db.insert(sites).values(site), ...insertSettings(db, values, why)]);
    return true;
  } catch (error) {
    if (await findSite(db, site.id)) return false;
    throw error;
  }
}

/** Renames where a name is given, and adds values. */
export async function updateSite(
  db: Database,
  id: string,
  name: string | undefined,
  values: readonly RecordedSetting[],
  why: string | null,
): Promise<void> {
  const rename = name === undefined ? [] : [db.update(sites).set({ name }).where(eq(sites.id, id))];
  const [first, ...rest] = [...rename, ...insertSettings(db, values, why)];
  if (first !== undefined) await db.batch([first, ...rest]);
}
