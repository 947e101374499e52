/** Sums of an hour that takes several steps: what the nodes so far add up to, one row for each of its windows. */
import type { WindowFacts } from '../../shared/alerts/facts.ts';
import { jsonChunks } from './json-chunks.ts';

/** By window of the hour; none where no hour is begun. */
export async function readSums(db: D1Database): Promise<WindowFacts[]> {
  const { results } = await db
    .prepare('SELECT facts FROM alert_sums ORDER BY window')
    .all<{ facts: string }>();
  return results.map(({ facts }) => JSON.parse(facts));
}

const WRITE = `
  INSERT INTO alert_sums (window, facts) SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE true
  ON CONFLICT (window) DO UPDATE SET facts = excluded.facts`;

export function writeSums(db: D1Database, windows: readonly WindowFacts[]): D1PreparedStatement[] {
  const rows = windows.map((facts, window) => JSON.stringify([window, JSON.stringify(facts)]));
  return jsonChunks(rows).map((chunk) => db.prepare(WRITE).bind(chunk));
}

export function removeSums(db: D1Database): D1PreparedStatement {
  return db.prepare('DELETE FROM alert_sums');
}
