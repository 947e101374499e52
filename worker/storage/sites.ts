import { asc, eq, gt } from 'drizzle-orm';
import { contractKey } from '../../shared/settings/supply-contracts.ts';
import { sites } from '../schema/schema.ts';
import { uncountSettings } from './alert-cursor.ts';
import { type Author, CHANGE_COLUMNS } from './changes.ts';
import type { Database } from './database.ts';
import { insertSettings, type RecordedSetting } from './settings.ts';
import type { Shards } from './shards.ts';

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

/** What holds on to a site: nodes that ever stood there and contracts that it ever had make figures of the past. */
export interface SiteUse {
  readonly nodes: number;
  readonly contracts: number;
  readonly enrolmentKeys: number;
}

const NODES_OF = `(SELECT COUNT(DISTINCT subject) FROM settings WHERE key = 'site' AND value = ?1)`;
const CONTRACTS_OF = `(SELECT COUNT(DISTINCT key) FROM settings WHERE subject = 'site:' || ?1 AND key LIKE '${contractKey('')}%')`;
const KEYS_OF = '(SELECT COUNT(*) FROM enrolment_keys WHERE site_id = ?1 AND revoked_at_ms IS NULL)';
const IS_UNUSED = `${NODES_OF} + ${CONTRACTS_OF} + ${KEYS_OF} = 0`;

/** Over all databases. */
export async function readSiteUse(shards: Shards, id: string): Promise<SiteUse> {
  const uses = await shards.each(async (db) => {
    const row = await db
      .prepare(`SELECT ${NODES_OF} AS nodes, ${CONTRACTS_OF} AS contracts, ${KEYS_OF} AS enrolmentKeys`)
      .bind(id)
      .first<SiteUse>();
    return row!;
  });
  const sum = (key: keyof SiteUse) => uses.reduce((all, use) => all + use[key], 0);
  return { nodes: sum('nodes'), contracts: sum('contracts'), enrolmentKeys: sum('enrolmentKeys') };
}

const LOG_DELETION = `
  INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?2, ?3, 'site:' || id, 'site', json_object('name', name), NULL, NULL, NULL, ?4
    FROM sites WHERE id = ?1 AND ${IS_UNUSED}`;

const UNUSED_SETTINGS = `subject = 'site:' || ?1 AND ${IS_UNUSED}`;

/** With its settings, of which no figure is made; what they were stays in the log. @returns false where shard 0 knows it in use, or not at all */
export async function deleteSite(
  db: D1Database,
  id: string,
  { who, why }: Author,
  nowMs: number,
): Promise<boolean> {
  const answers = await db.batch([
    db.prepare(LOG_DELETION).bind(id, nowMs, who, why),
    db.prepare(uncountSettings(UNUSED_SETTINGS)).bind(id),
    db.prepare(`DELETE FROM settings WHERE ${UNUSED_SETTINGS}`).bind(id),
    db.prepare(`DELETE FROM sites WHERE id = ?1 AND ${IS_UNUSED}`).bind(id),
  ]);
  return answers.at(-1)!.meta.changes === 1;
}
