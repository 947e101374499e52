/** Hours of the ledger that changed after they were over: ingest marks them, the evaluation of alerts takes them up. */
import { LEAST_FINAL_MS } from '../../shared/pace/silence.ts';
import { HOUR_MS } from '../../shared/time/window.ts';

const MARK =
  'INSERT INTO alert_late_hours (hour) SELECT value FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING';

/** Statements to run in one batch with the write; none while every hour is still open. */
export function markLateHours(
  db: D1Database,
  hourStartsMs: readonly number[],
  receivedAtMs: number,
): D1PreparedStatement[] {
  const late = hourStartsMs.filter((startMs) => startMs + HOUR_MS + LEAST_FINAL_MS <= receivedAtMs);
  if (late.length === 0) return [];
  return [db.prepare(MARK).bind(JSON.stringify(late.map((startMs) => startMs / HOUR_MS)))];
}

/** Far more than are kept open; the rest waits for the next step. */
const MOST = 200;

export async function readLateHours(db: D1Database): Promise<number[]> {
  const { results } = await db
    .prepare('SELECT hour FROM alert_late_hours ORDER BY hour LIMIT ?1')
    .bind(MOST)
    .all<{ hour: number }>();
  return results.map(({ hour }) => hour);
}

export function takeLateHours(db: D1Database, hours: readonly number[]): D1PreparedStatement {
  return db
    .prepare('DELETE FROM alert_late_hours WHERE hour IN (SELECT value FROM json_each(?1))')
    .bind(JSON.stringify(hours));
}
