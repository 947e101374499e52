/** The facts of every scope, one row per window, for as long as a window may still be restated. */
import type { WindowFacts } from '../../shared/alerts/facts.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import { jsonChunks } from './json-chunks.ts';

export interface StoredWindow {
  readonly startMs: number;
  readonly facts: WindowFacts;
}

const READ = 'SELECT key, facts FROM alert_windows WHERE key >= ?1 AND key < ?2 ORDER BY key';

/** Windows of `[fromMs, toMs)`, in order; those that were not summed are missing. */
export async function readWindows(db: D1Database, fromMs: number, toMs: number): Promise<StoredWindow[]> {
  const { results } = await db
    .prepare(READ)
    .bind(fromMs / WINDOW_MS, toMs / WINDOW_MS)
    .all<{ key: number; facts: string }>();
  return results.map(({ key, facts }) => ({ startMs: key * WINDOW_MS, facts: JSON.parse(facts) }));
}

/** What is the same already costs no row. */
const WRITE = `
  INSERT INTO alert_windows (key, facts)
  SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE true
  ON CONFLICT (key) DO UPDATE SET facts = excluded.facts WHERE facts IS NOT excluded.facts`;

export function writeWindows(db: D1Database, windows: readonly StoredWindow[]): D1PreparedStatement[] {
  const rows = windows.map(({ startMs, facts }) =>
    JSON.stringify([startMs / WINDOW_MS, JSON.stringify(facts)]),
  );
  return jsonChunks(rows).map((chunk) => db.prepare(WRITE).bind(chunk));
}

const REMOVE = 'DELETE FROM alert_windows WHERE key < ?1';

export function removeWindowsBefore(db: D1Database, instantMs: number): D1PreparedStatement {
  return db.prepare(REMOVE).bind(instantMs / WINDOW_MS);
}
