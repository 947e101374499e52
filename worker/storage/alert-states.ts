/** Where the instances of each rule stand. */
import type { RuleState } from '../../shared/alerts/fold.ts';
import type { Episode } from '../../shared/alerts/reconcile.ts';
import type { AlertRule } from '../../shared/alerts/rule.ts';
import { jsonChunks } from './json-chunks.ts';

export interface StoredState {
  readonly ruleNumber: number;
  readonly ruleId: string;
  /** As it was evaluated: what ends when the rule is changed or removed is told by it. */
  readonly rule: AlertRule;
  /** Windows from here on are its own. */
  readonly sinceMs: number;
  readonly head: RuleState;
  readonly checkpoint: RuleState;
  /** By instance: those that may still be corrected. */
  readonly episodes: Readonly<Record<string, readonly Episode[]>>;
}

export async function readStates(db: D1Database): Promise<StoredState[]> {
  const { results } = await db
    .prepare('SELECT rule_number AS ruleNumber, state FROM alert_states ORDER BY rule_number')
    .all<{ ruleNumber: number; state: string }>();
  return results.map(({ ruleNumber, state }) => ({ ...JSON.parse(state), ruleNumber }));
}

const WRITE = `
  INSERT INTO alert_states (rule_number, state)
  SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE true
  ON CONFLICT (rule_number) DO UPDATE SET state = excluded.state WHERE state IS NOT excluded.state`;

export function writeStates(db: D1Database, states: readonly StoredState[]): D1PreparedStatement[] {
  const rows = states.map(({ ruleNumber, ...state }) => JSON.stringify([ruleNumber, JSON.stringify(state)]));
  return jsonChunks(rows).map((chunk) => db.prepare(WRITE).bind(chunk));
}

export function removeStates(db: D1Database, ruleNumbers: readonly number[]): D1PreparedStatement[] {
  if (ruleNumbers.length === 0) return [];
  return [
    db
      .prepare('DELETE FROM alert_states WHERE rule_number IN (SELECT value FROM json_each(?1))')
      .bind(JSON.stringify(ruleNumbers)),
  ];
}
