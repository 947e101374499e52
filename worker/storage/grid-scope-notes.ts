/** Scopes that were noted of zones: settings like others, that two runs at once record once. */
import { CHANGE_COLUMNS } from './changes.ts';
import type { RecordedSetting } from './settings.ts';

const IS_NEW = `NOT EXISTS (
  SELECT 1 FROM settings WHERE subject = ?1 AND key = ?2 AND value = ?3 AND effective_from_ms = ?4)`;

const LOG = `
  INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?5, ?6, ?1, ?2,
         (SELECT json_quote(value) FROM settings WHERE subject = ?1 AND key = ?2 AND effective_from_ms <= ?4
           ORDER BY effective_from_ms DESC, id DESC LIMIT 1),
         json_quote(?3), ?4,
         (SELECT MIN(effective_from_ms) FROM settings WHERE subject = ?1 AND key = ?2 AND effective_from_ms > ?4), ?7
   WHERE ${IS_NEW}`;

const RECORD = `
  INSERT INTO settings (subject, key, value, effective_from_ms, recorded_at_ms, recorded_by)
  SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE ${IS_NEW}`;

/** With the changes that they are, in one transaction: the log first, since it looks up what held until then. */
export async function recordNotes(
  db: D1Database,
  notes: readonly (RecordedSetting & { readonly why: string })[],
): Promise<void> {
  const statements = notes.flatMap(
    ({ subject, key, value, effectiveFromMs, recordedAtMs, recordedBy, why }) => {
      const row = [subject, key, value, effectiveFromMs, recordedAtMs, recordedBy];
      return [db.prepare(LOG).bind(...row, why), db.prepare(RECORD).bind(...row)];
    },
  );
  if (statements.length > 0) await db.batch(statements);
}
