/** Rules as operators wrote them. */
import type { AlertRule } from '../../shared/alerts/rule.ts';
import { jsonChunks } from './json-chunks.ts';

export interface StoredRule {
  readonly number: number;
  readonly id: string;
  readonly rule: AlertRule;
  readonly createdAtMs: number;
  readonly changedAtMs: number;
  /** Token id. */
  readonly changedBy: string;
}

interface RuleRow extends Omit<StoredRule, 'rule'> {
  readonly rule: string;
}

const COLUMNS =
  'number, id, rule, created_at_ms AS createdAtMs, changed_at_ms AS changedAtMs, changed_by AS changedBy';

const toRule = (row: RuleRow): StoredRule => ({ ...row, rule: JSON.parse(row.rule) });

/** Every rule, in the order in which they were made: at most a thousand. */
export async function readRules(db: D1Database): Promise<StoredRule[]> {
  const { results } = await db.prepare(`SELECT ${COLUMNS} FROM alert_rules ORDER BY number`).all<RuleRow>();
  return results.map(toRule);
}

export async function listRules(db: D1Database, limit: number, after: string): Promise<StoredRule[]> {
  const { results } = await db
    .prepare(`SELECT ${COLUMNS} FROM alert_rules WHERE name > ?1 ORDER BY name LIMIT ?2`)
    .bind(after, limit)
    .all<RuleRow>();
  return results.map(toRule);
}

export async function findRule(db: D1Database, id: string): Promise<StoredRule | null> {
  const row = await db.prepare(`SELECT ${COLUMNS} FROM alert_rules WHERE id = ?1`).bind(id).first<RuleRow>();
  return row === null ? null : toRule(row);
}

export interface RuleWrite {
  readonly id: string;
  readonly rule: AlertRule;
}

const INSERT = `
  INSERT INTO alert_rules (id, name, rule, created_at_ms, changed_at_ms, changed_by)
  SELECT value ->> 0, value ->> 1, value ->> 2, ?2, ?2, ?3 FROM json_each(?1)`;
const UPDATE = `
  UPDATE alert_rules SET name = change.value ->> 1, rule = change.value ->> 2, changed_at_ms = ?2, changed_by = ?3
  FROM json_each(?1) AS change WHERE alert_rules.id = change.value ->> 0`;
const DELETE = 'DELETE FROM alert_rules WHERE id IN (SELECT value FROM json_each(?1))';

/** All of it or nothing. @throws where a new name is taken */
export async function writeRules(
  db: D1Database,
  change: {
    readonly created: readonly RuleWrite[];
    readonly changed: readonly RuleWrite[];
    readonly removedIds: readonly string[];
  },
  by: { readonly nowMs: number; readonly tokenId: string },
): Promise<void> {
  const rows = (writes: readonly RuleWrite[]) =>
    jsonChunks(writes.map(({ id, rule }) => JSON.stringify([id, rule.name, JSON.stringify(rule)])));
  const statements = [
    ...(change.removedIds.length === 0 ? [] : [db.prepare(DELETE).bind(JSON.stringify(change.removedIds))]),
    ...rows(change.changed).map((chunk) => db.prepare(UPDATE).bind(chunk, by.nowMs, by.tokenId)),
    ...rows(change.created).map((chunk) => db.prepare(INSERT).bind(chunk, by.nowMs, by.tokenId)),
  ];
  if (statements.length > 0) await db.batch(statements);
}
