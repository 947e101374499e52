/** Rules that begin, go on or end: told from what is stored of their evaluation. */
import { beginBudget, periodOf } from '../../../shared/alerts/budget.ts';
import { type RuleState, WHOLE_SCOPE } from '../../../shared/alerts/fold.ts';
import { IDLE } from '../../../shared/alerts/machine.ts';
import { type AlertRule, type BudgetRule, evaluationKey } from '../../../shared/alerts/rule.ts';
import type { StoredRule } from '../../storage/alert-rules.ts';
import type { StoredState } from '../../storage/alert-states.ts';
import { emissions } from '../emissions.ts';
import type { LiveRule } from './fold-windows.ts';
import { storedScope } from './parse-scope.ts';

export interface RuleChanges {
  /** Evaluated as before; names, channels and the like are those of now. */
  readonly live: readonly LiveRule[];
  /** No rule evaluates so any more. */
  readonly ended: readonly StoredState[];
  /** Not evaluated yet. */
  readonly begun: readonly StoredRule[];
}

export function ruleChanges(rules: readonly StoredRule[], states: readonly StoredState[]): RuleChanges {
  const ruleOf = new Map(rules.map((rule) => [rule.number, rule]));
  const live: LiveRule[] = [];
  const ended: StoredState[] = [];
  for (const state of states) {
    const rule = ruleOf.get(state.ruleNumber);
    // The number of a rule that was deleted may be another's now.
    const same = rule?.id === state.ruleId && evaluationKey(rule.rule) === evaluationKey(state.rule);
    if (rule === undefined || !same) {
      ended.push(state);
      continue;
    }
    live.push({ state: { ...state, rule: rule.rule }, scope: storedScope(rule.rule.filter) });
    ruleOf.delete(state.ruleNumber);
  }
  return { live, ended, begun: [...ruleOf.values()] };
}

/** Evaluated from `sinceMs` on; a budget knows what its period has used before. */
export async function beginState(
  db: D1Database,
  { number, id, rule }: StoredRule,
  sinceMs: number,
  nowMs: number,
): Promise<StoredState> {
  const state = rule.kind === 'budget' ? await beginBudgetState(db, rule, sinceMs, nowMs) : {};
  return { ruleNumber: number, ruleId: id, rule, sinceMs, head: state, checkpoint: state, episodes: {} };
}

async function beginBudgetState(
  db: D1Database,
  rule: BudgetRule,
  sinceMs: number,
  nowMs: number,
): Promise<RuleState> {
  const { startMs } = periodOf(rule.period, sinceMs);
  const used = startMs < sinceMs ? await usedGrams(db, rule, startMs, sinceMs, nowMs) : 0;
  return { [WHOLE_SCOPE]: { machine: IDLE, budget: beginBudget(rule, sinceMs, used) } };
}

/** Null where that is more than one answer can hold: then the budget counts from now on, and says so. */
async function usedGrams(
  db: D1Database,
  rule: BudgetRule,
  fromMs: number,
  toMs: number,
  nowMs: number,
): Promise<number | null> {
  const query = {
    nodeId: null,
    fromMs,
    toMs,
    step: 'none',
    filter: rule.filter,
    basis: 'lifecycle',
    signal: 'average',
  } as const;
  const found = await emissions(db, query, nowMs);
  if (!found.ok) return null;
  const { operationalGrams, embodiedGrams, totalGrams } = found.value.totals;
  return { operational: operationalGrams, embodied: embodiedGrams, total: totalGrams }[rule.emissions];
}

/** A sum of a month's hours is a step of its own. */
export const sumsThePast = (rule: AlertRule): boolean => rule.kind === 'budget';
