import { asc, eq, sql } from 'drizzle-orm';
import type { SettingRow } from '../../shared/settings/effective.ts';
import { settings } from '../schema/schema.ts';
import type { Database } from './database.ts';

export interface RecordedSetting extends SettingRow {
  /** Token id of who set it. */
  readonly recordedBy: string;
}

const columns = {
  subject: settings.subject,
  key: settings.key,
  value: settings.value,
  effectiveFromMs: settings.effectiveFromMs,
  recordedAtMs: settings.recordedAtMs,
  recordedBy: settings.recordedBy,
};

/** Every setting of every subject, in the order in which they were recorded. */
export async function readSettings(db: Database): Promise<RecordedSetting[]> {
  return db.select(columns).from(settings).orderBy(asc(settings.id)).all();
}

/** Settings of one subject, in the order in which they were recorded. */
export async function readSettingsOf(db: Database, subject: string): Promise<RecordedSetting[]> {
  return db
    .select(columns)
    .from(settings)
    .where(eq(settings.subject, subject))
    .orderBy(asc(settings.id))
    .all();
}

/** Settings of several subjects, in the order in which they were recorded. One bound value: D1 allows 100. */
export async function readSettingsOfMany(
  db: Database,
  subjects: readonly string[],
): Promise<RecordedSetting[]> {
  return db
    .select(columns)
    .from(settings)
    .where(sql`${settings.subject} IN (SELECT value FROM json_each(${JSON.stringify(subjects)}))`)
    .orderBy(asc(settings.id))
    .all();
}

/** Statements that record settings, to be run in a batch with what they belong to. */
export function insertSettings(db: Database, rows: readonly RecordedSetting[]) {
  return rows.map((row) => db.insert(settings).values(row));
}
