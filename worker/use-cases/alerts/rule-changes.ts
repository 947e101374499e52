/** Rules that begin, go on or end: told from what is stored of their evaluation. */
import { beginBudget, periodOf } from '../../../shared/alerts/budget.ts';
import { budgetGrams, type RuleState, WHOLE_SCOPE } from '../../../shared/alerts/fold.ts';
import { IDLE } from '../../../shared/alerts/machine.ts';
import { type AlertRule, type BudgetRule, evaluationKey } from '../../../shared/alerts/rule.ts';
import { isOfJobs } from '../../../shared/alerts/scope.ts';
import type { HardwareHistory } from '../../../shared/embodied/own-figures.ts';
import type { Places } from '../../../shared/settings/place.ts';
import { HOUR_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import type { StoredRule } from '../../storage/alert-rules.ts';
import type { StoredState } from '../../storage/alert-states.ts';
import type { FleetNode } from '../../storage/fleet.ts';
import type { RecordedSetting } from '../../storage/settings.ts';
import type { Shards } from '../../storage/shards.ts';
import { zonesInUse } from '../grid-zones-in-use.ts';
import { type LiveRule, zoneWindows } from './fold-windows.ts';
import { gatherPast } from './gather.ts';
import { loadGridContext } from './grid-context.ts';
import { storedScope } from './parse-scope.ts';
import { needsHardware } from './plan.ts';

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

/** What the past of a budget is summed from. */
export interface PastSources {
  readonly fleet: readonly FleetNode[];
  readonly places: Places;
  readonly catalog: HardwareHistory;
  readonly settings: readonly RecordedSetting[];
}

/** Evaluated from `sinceMs` on; a budget knows what its period has used before. */
export async function beginState(
  shards: Shards,
  { number, id, rule }: StoredRule,
  sinceMs: number,
  nowMs: number,
  sources: PastSources,
): Promise<StoredState> {
  const state = rule.kind === 'budget' ? await beginBudgetState(shards, rule, sinceMs, nowMs, sources) : {};
  return { ruleNumber: number, ruleId: id, rule, sinceMs, head: state, checkpoint: state, episodes: {} };
}

async function beginBudgetState(
  shards: Shards,
  rule: BudgetRule,
  sinceMs: number,
  nowMs: number,
  sources: PastSources,
): Promise<RuleState> {
  const used = sumsThePast(rule, sinceMs, sources.fleet.length)
    ? await usedGrams(shards, rule, periodOf(rule.period, sinceMs).startMs, sinceMs, nowMs, sources)
    : pastHours(rule, sinceMs) === 0
      ? 0
      : null;
  return { [WHOLE_SCOPE]: { machine: IDLE, budget: beginBudget(rule, sinceMs, used) } };
}

/** 15 queries for the ledger; where jobs are looked up as well, half of them for those. */
const MAX_NODE_HOURS = 30_000;
const MAX_NODE_HOURS_OF_JOBS = 10_000;

/** Of the period that `sinceMs` is in, before that. */
const pastHours = (rule: BudgetRule, sinceMs: number): number =>
  (sinceMs - periodOf(rule.period, sinceMs).startMs) / HOUR_MS;

/**
 * Whether what its period used before is summed, which is a step of its own. Where that is more than one step can sum, the
 * budget counts from now on.
 */
export function sumsThePast(rule: AlertRule, sinceMs: number, nodes: number): boolean {
  if (rule.kind !== 'budget') return false;
  const nodeHours = nodes * pastHours(rule, sinceMs);
  const most = isOfJobs(storedScope(rule.filter)) ? MAX_NODE_HOURS_OF_JOBS : MAX_NODE_HOURS;
  return nodeHours > 0 && nodeHours <= most;
}

async function usedGrams(
  shards: Shards,
  rule: BudgetRule,
  fromMs: number,
  toMs: number,
  nowMs: number,
  { fleet, places, catalog, settings }: PastSources,
): Promise<number> {
  const scope = storedScope(rule.filter);
  const past = { fromMs, toMs, scopes: [scope], withHardware: needsHardware(rule) };
  const windows = await gatherPast(shards, past, fleet, places, catalog);
  const gridZones = zonesInUse(settings, nowMs, nowMs - fromMs);
  const grid = await loadGridContext(shards.main, gridZones, past, new Map(), settings);
  return windows.reduce((grams, facts, index) => {
    const zones = zoneWindows(fromMs + index * WINDOW_MS, facts, scope.text, grid);
    return grams + budgetGrams(rule, [...zones.values()]);
  }, 0);
}
