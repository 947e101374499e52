/** Alert rules as operators keep them: one by one, or the whole set from a file under version control. */
import type { AlertRule } from '../../../shared/alerts/rule.ts';
import { fail, ok, type Result } from '../../http/problem.ts';
import { listChannels } from '../../storage/alert-channels.ts';
import { findRule, readRules, type StoredRule, writeRules } from '../../storage/alert-rules.ts';
import { openDatabase } from '../../storage/database.ts';
import { newAlertId } from './new-id.ts';

export const MAX_ALERT_RULES = 1_000;

export interface RuleAuthor {
  readonly nowMs: number;
  readonly tokenId: string;
}

/** Problem: `not_found`. */
export async function getRule(db: D1Database, id: string): Promise<Result<StoredRule>> {
  const found = await findRule(db, id);
  return found === null ? noRule(id) : ok(found);
}

/** Problems: `invalid_body` where a channel does not exist, `already_exists`, `in_use`. */
export async function createRule(
  db: D1Database,
  rule: AlertRule,
  author: RuleAuthor,
): Promise<Result<StoredRule>> {
  const problem = await channelProblem(db, [rule], () => '');
  if (problem !== null) return problem;
  const rules = await readRules(db);
  if (rules.some(({ rule: { name } }) => name === rule.name)) return nameTaken(rule.name);
  if (rules.length >= MAX_ALERT_RULES)
    return fail(
      'in_use',
      `There are ${MAX_ALERT_RULES} rules, which is as many as there may be; delete one.`,
    );
  const id = newAlertId('rule');
  return writeOne(db, id, { created: [{ id, rule }], changed: [], removedIds: [] }, author);
}

/** `rule`: as it is to be, whole. Problems as of `createRule`, and `not_found`. */
export async function changeRule(
  db: D1Database,
  id: string,
  rule: AlertRule,
  author: RuleAuthor,
): Promise<Result<StoredRule>> {
  const problem = await channelProblem(db, [rule], () => '');
  if (problem !== null) return problem;
  return writeOne(db, id, { created: [], changed: [{ id, rule }], removedIds: [] }, author);
}

/** Problem: `not_found`. */
export async function removeRule(db: D1Database, id: string, author: RuleAuthor): Promise<Result<null>> {
  if ((await findRule(db, id)) === null) return noRule(id);
  await writeRules(db, { created: [], changed: [], removedIds: [id] }, author);
  return ok(null);
}

/** Names of rules, each in one of the lists. */
export interface RulePlan {
  readonly created: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  readonly unchanged: readonly string[];
}

/**
 * Makes the set of rules what it is to be: rules are the same by their names. Problem: `invalid_body`.
 * @param dryRun only tells what would change
 */
export async function applyRules(
  db: D1Database,
  wanted: readonly AlertRule[],
  { dryRun, ...author }: RuleAuthor & { readonly dryRun: boolean },
): Promise<Result<RulePlan>> {
  const problem = await channelProblem(db, wanted, (index) => `/alertRules/${index}`);
  if (problem !== null) return problem;
  const stored = new Map((await readRules(db)).map((each) => [each.rule.name, each]));
  const created = wanted.filter(({ name }) => !stored.has(name));
  const kept = wanted.filter(({ name }) => stored.has(name));
  const changed = kept.filter((rule) => !equal(rule, stored.get(rule.name)!.rule));
  const removed = [...stored.values()].filter(({ rule }) => !wanted.some(({ name }) => name === rule.name));
  if (!dryRun) {
    const change = {
      created: created.map((rule) => ({ id: newAlertId('rule'), rule })),
      changed: changed.map((rule) => ({ id: stored.get(rule.name)!.id, rule })),
      removedIds: removed.map(({ id }) => id),
    };
    if (!(await wrote(db, change, author)))
      return fail('already_exists', 'Somebody else changed the rules meanwhile; send the set again.');
  }
  const names = (rules: readonly AlertRule[]) => rules.map(({ name }) => name);
  return ok({
    created: names(created),
    changed: names(changed),
    removed: removed.map(({ rule }) => rule.name),
    unchanged: names(kept.filter((rule) => !changed.includes(rule))),
  });
}

const equal = (a: AlertRule, b: AlertRule) => JSON.stringify(a) === JSON.stringify(b);

async function writeOne(
  db: D1Database,
  id: string,
  change: Parameters<typeof writeRules>[1],
  author: RuleAuthor,
): Promise<Result<StoredRule>> {
  const rule = [...change.created, ...change.changed][0]!.rule;
  return (await wrote(db, change, author)) ? getRule(db, id) : nameTaken(rule.name);
}

/** False where a name is taken. */
async function wrote(
  db: D1Database,
  change: Parameters<typeof writeRules>[1],
  author: RuleAuthor,
): Promise<boolean> {
  try {
    await writeRules(db, change, author);
    return true;
  } catch (error) {
    if (String(error).includes('alert_rules.name')) return false;
    throw error;
  }
}

async function channelProblem(
  db: D1Database,
  rules: readonly AlertRule[],
  pointerOf: (index: number) => string,
): Promise<ReturnType<typeof fail> | null> {
  if (rules.every(({ channelIds }) => channelIds.length === 0)) return null;
  const known = new Set((await listChannels(openDatabase(db))).map(({ id }) => id));
  for (const [index, { channelIds }] of rules.entries()) {
    const unknown = channelIds.findIndex((id) => !known.has(id));
    if (unknown < 0) continue;
    const pointer = `${pointerOf(index)}/channelIds/${unknown}`;
    const fix = 'create it with POST /v1/alert-channels, or leave it out';
    return fail('invalid_body', `${pointer}: there is no channel "${channelIds[unknown]}"; ${fix}.`, pointer);
  }
  return null;
}

const noRule = (id: string) => fail('not_found', `There is no alert rule "${id}".`);
const nameTaken = (name: string) =>
  fail(
    'already_exists',
    `A rule named "${name}" exists; change it with PATCH, or choose another name.`,
    '/name',
  );
