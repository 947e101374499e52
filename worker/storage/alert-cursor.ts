/**
 * How far the evaluation of alerts is. Each step commits in one batch that begins with a guard: where another run was
 * faster the batch fails whole, so that missed, doubled and overlapping runs leave the same behind.
 */

/** An hour whose nodes are being summed, some thousand a step; the sums are in `alert_sums`. */
export interface Pass {
  readonly hourStartMs: number;
  /** End of the last window that is summed. */
  readonly toMs: number;
  /** The nodes up to this number are in the sums. */
  readonly afterNode: number;
  /** Scopes that are summed: of the rules as they stood when it began. */
  readonly scopes: readonly string[];
  readonly withHardware: boolean;
}

export interface Cursor {
  /** End of the last window that was folded. */
  readonly headMs: number;
  /** Windows before it are told for good; the states of rules are kept for here as well. */
  readonly checkpointMs: number;
  /** Of the intensities that were taken into account; null before the first. */
  readonly gridPrint: string | null;
  /** How many settings were taken into account: they are only ever added, but for those of a site that is deleted. */
  readonly settingsSeen: number;
  /** The same of shards 1, 2 and so on. */
  readonly settingsSeenElsewhere: readonly number[];
  /** Hours since 1970 that changed after they had been summed; also that of the pass, if it changed since it began. */
  readonly lateHours: readonly number[];
  /** The intensities of windows that were folded are others now. */
  readonly refold: boolean;
  readonly pass: Pass | null;
}

export interface StoredCursor {
  readonly version: number;
  /** Null before the first step. */
  readonly cursor: Cursor | null;
}

const READ = 'SELECT version, cursor FROM alert_cursor WHERE id = 1';

export async function readCursor(db: D1Database): Promise<StoredCursor> {
  const row = await db.prepare(READ).first<{ version: number; cursor: string }>();
  return row === null
    ? { version: 0, cursor: null }
    : { version: row.version, cursor: { settingsSeenElsewhere: [], ...JSON.parse(row.cursor) } };
}

/** Breaks the primary key, and with it the batch, unless the row stands as it was read (or is not there at version 0). */
const GUARD = `
  INSERT INTO alert_cursor (id, version, cursor)
  SELECT 1, 0, '' WHERE ?1 = 0 OR NOT EXISTS (SELECT 1 FROM alert_cursor WHERE id = 1 AND version = ?1)`;
const WRITE = 'UPDATE alert_cursor SET version = ?1 + 1, cursor = ?2 WHERE id = 1';

/**
 * Commits a step: the new cursor and all else that it says, or nothing.
 * @returns false where another run has moved the cursor since it was read
 */
export async function commitStep(
  db: D1Database,
  readVersion: number,
  cursor: Cursor,
  statements: readonly D1PreparedStatement[],
): Promise<boolean> {
  try {
    await db.batch([
      db.prepare(GUARD).bind(readVersion),
      db.prepare(WRITE).bind(readVersion, JSON.stringify(cursor)),
      ...statements,
    ]);
    return true;
  } catch (error) {
    if (String(error).includes('alert_cursor.id')) return false;
    throw error;
  }
}

/**
 * For a batch that deletes the settings that meet the condition, before it does: so many fewer have been taken into account,
 * and what is added next is news all the same. A step that is under way begins anew.
 */
export const uncountSettings = (condition: string) => `
  UPDATE alert_cursor SET version = version + 1, cursor = json_set(cursor, '$.settingsSeen',
    MAX(0, cursor ->> 'settingsSeen' - (SELECT COUNT(*) FROM settings WHERE ${condition})))
  WHERE id = 1 AND EXISTS (SELECT 1 FROM settings WHERE ${condition})`;
