import { asc, eq, inArray } from 'drizzle-orm';
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

/** Settings of at most 100 subjects, in the order in which they were recorded. */
export async function readSettingsOfMany(
  db: Database,
  subjects: readonly string[],
): Promise<RecordedSetting[]> {
  if (subjects.length === 0) return [];
  return db
    .select(columns)
    .from(settings)
    .where(inArray(settings.subject, [...subjects]))
    .orderBy(asc(settings.id))
    .all();
}

/** Statements that record settings, to be run in a batch with what they belong to. */
export function insertSettings(db: Database, rows: readonly RecordedSetting[]) {
  return rows.map((row) => db.insert(settings).values(row));
}
