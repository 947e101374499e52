/**
 * Labels stand in the row of the node; what they were is kept among the settings, and a change of them logged: filters ask
 * for labels, so they move figures of all time.
 */
import { LABELS } from '../../shared/settings/node-as-known.ts';
import { type Author, CHANGE_COLUMNS } from './changes.ts';

export interface LabelChange {
  readonly nodeNumbers: readonly number[];
  /** `over`: these win, null removes; `under`: those that the node has win. */
  readonly merge: 'over' | 'under';
  readonly labels: Readonly<Record<string, string | null>>;
  /** Only where this token exists; null: always. */
  readonly tokenId: string | null;
}

/** Names keep their order, so that what is the same reads the same. */
const NEXT = { over: 'json_patch(labels, ?2)', under: 'json_patch(labels, json_patch(?2, labels))' };
const columns = 'subject, key, value, effective_from_ms, recorded_at_ms, recorded_by';

/** Statements for a batch, the last of which changes the row. Nothing is recorded where the labels stay what they are. */
export function changeLabels(
  db: D1Database,
  { nodeNumbers, merge, labels, tokenId }: LabelChange,
  { who, why }: Author,
  nowMs: number,
): D1PreparedStatement[] {
  const next = NEXT[merge];
  const ofNode = `
    FROM nodes WHERE number IN (SELECT value FROM json_each(?1)) AND ${next} <> labels
     AND (?6 IS NULL OR EXISTS (SELECT 1 FROM tokens WHERE id = ?6))`;
  const known = `(SELECT 1 FROM settings WHERE subject = 'node:' || nodes.number AND key = '${LABELS}')`;
  return [
    // What they were since the node enrolled, before they first change.
    `INSERT INTO settings (${columns})
     SELECT 'node:' || number, '${LABELS}', labels, enrolled_at_ms, enrolled_at_ms, ?4 ${ofNode} AND NOT EXISTS ${known}`,
    `INSERT INTO settings (${columns})
     SELECT 'node:' || number, '${LABELS}', ${next}, ?3, ?3, ?4 ${ofNode}`,
    `INSERT INTO changes (${CHANGE_COLUMNS})
     SELECT ?3, ?4, 'node:' || id, '${LABELS}', labels, ${next}, NULL, NULL, ?5 ${ofNode}`,
    `UPDATE nodes SET labels = ${next} WHERE number IN (SELECT number ${ofNode})`,
  ].map((sql) =>
    db.prepare(sql).bind(JSON.stringify(nodeNumbers), JSON.stringify(labels), nowMs, who, why, tokenId),
  );
}
