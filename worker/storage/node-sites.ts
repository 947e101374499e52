/** Where nodes stand: a dated setting of each, logged with what stood there before. */
import { type Author, CHANGE_COLUMNS } from './changes.ts';
import { markMoves } from './rollup-marks.ts';

export interface Move {
  readonly site: string;
  readonly effectiveFromMs: number;
}

/** The log first: it looks up what held until then. What it touches ends where the next move begins. */
const LOG_MOVE = `
  INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?4, ?5, 'node:' || id, 'site',
    (SELECT json_quote(value) FROM settings WHERE subject = 'node:' || number AND key = 'site' AND effective_from_ms <= ?3
      ORDER BY effective_from_ms DESC, id DESC LIMIT 1),
    json_quote(?2), ?3,
    (SELECT MIN(effective_from_ms) FROM settings WHERE subject = 'node:' || number AND key = 'site' AND effective_from_ms > ?3),
    ?6
  FROM nodes WHERE number IN (SELECT value FROM json_each(?1))`;
const MOVE = `
  INSERT INTO settings (subject, key, value, effective_from_ms, recorded_at_ms, recorded_by)
  SELECT 'node:' || number, 'site', ?2, ?3, ?4, ?5
  FROM nodes WHERE number IN (SELECT value FROM json_each(?1)) ORDER BY number`;

/** Statements for a batch. */
export function moveNodes(
  db: D1Database,
  nodeNumbers: readonly number[],
  { site, effectiveFromMs }: Move,
  { who, why }: Author,
  nowMs: number,
): D1PreparedStatement[] {
  const numbers = JSON.stringify(nodeNumbers);
  return [
    db.prepare(LOG_MOVE).bind(numbers, site, effectiveFromMs, nowMs, who, why),
    db.prepare(MOVE).bind(numbers, site, effectiveFromMs, nowMs, who),
    ...markMoves(db, nodeNumbers, effectiveFromMs, nowMs),
  ];
}
