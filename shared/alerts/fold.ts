/**
 * Folds windows, in order, into the episodes of one rule. One state per instance: a grid zone of the scope, or for a
 * budget the scope as a whole (`all`). The same windows give the same episodes, in however many pieces they come.
 */
import {
  addToBudget,
  type BudgetReading,
  type BudgetState,
  beginBudget,
  budgetSignal,
  readBudget,
} from './budget.ts';
import { gramsOf, type ZoneWindow, zoneSignal } from './condition.ts';
import { FACT } from './facts.ts';
import { type Amounts, IDLE, type MachineState, openSpan, type Signal, type Span, step } from './machine.ts';
import type { AlertRule, BudgetRule } from './rule.ts';

/** The one instance of a budget. */
export const WHOLE_SCOPE = 'all';

export interface InstanceState {
  readonly machine: MachineState;
  readonly budget: BudgetState | null;
}

/** By instance. */
export type RuleState = Readonly<Record<string, InstanceState>>;

/** What is known of a window beside the ledger, of rules that cannot be told again. */
export interface ObservedWindow {
  readonly startMs: number;
  readonly signal: Signal;
  readonly amounts: Amounts;
}

const NEW: InstanceState = { machine: IDLE, budget: null };

export class RuleFold {
  readonly #rule: AlertRule;
  readonly #states: Map<string, InstanceState>;
  readonly #resolved = new Map<string, Span[]>();

  constructor(rule: AlertRule, before: RuleState) {
    this.#rule = rule;
    this.#states = new Map(Object.entries(before));
  }

  get state(): RuleState {
    return Object.fromEntries(this.#states);
  }

  /** Episodes that ended in the windows folded here, and the open ones, by instance. */
  get spans(): ReadonlyMap<string, readonly Span[]> {
    const spans = new Map<string, Span[]>();
    for (const [instance, { machine }] of this.#states) {
      const open = openSpan(machine);
      const all = [...(this.#resolved.get(instance) ?? []), ...(open === null ? [] : [open])];
      if (all.length > 0) spans.set(instance, all);
    }
    return spans;
  }

  /** One window of every zone of the scope; a zone that is left out counts as unknown. */
  addZones(windowStartMs: number, zones: ReadonlyMap<string, ZoneWindow>): void {
    const rule = this.#rule;
    if (rule.kind === 'budget') {
      this.#addBudget(rule, windowStartMs, zones);
      return;
    }
    const missing = { startMs: windowStartMs, facts: null, gramsPerKwh: null, scope: null, usual: null };
    for (const zone of new Set([...this.#states.keys(), ...zones.keys()])) {
      const window = zones.get(zone) ?? missing;
      this.#step(zone, windowStartMs, zoneSignal(rule, window), amountsOf([window]));
    }
  }

  /** One window of a rule that cannot be told again. */
  addObserved(instance: string, { startMs, signal, amounts }: ObservedWindow): void {
    this.#step(instance, startMs, signal, amounts);
  }

  budgetReading(windowStartMs: number): BudgetReading | null {
    const budget = this.#states.get(WHOLE_SCOPE)?.budget ?? null;
    return budget === null || this.#rule.kind !== 'budget'
      ? null
      : readBudget(this.#rule, budget, windowStartMs);
  }

  #addBudget(rule: BudgetRule, windowStartMs: number, zones: ReadonlyMap<string, ZoneWindow>): void {
    const windows = [...zones.values()];
    const amounts = amountsOf(countedBy(rule, windows));
    const before = this.#states.get(WHOLE_SCOPE) ?? NEW;
    const budget = addToBudget(
      rule,
      before.budget ?? beginBudget(rule, windowStartMs, null),
      windowStartMs,
      budgetGrams(rule, windows, amounts),
    );
    this.#states.set(WHOLE_SCOPE, { ...before, budget });
    const signal = budgetSignal(rule, readBudget(rule, budget, windowStartMs));
    this.#step(WHOLE_SCOPE, windowStartMs, signal, amounts);
  }

  #step(instance: string, windowStartMs: number, signal: Signal, amounts: Amounts): void {
    const before = this.#states.get(instance) ?? NEW;
    const { state, resolved } = step(before.machine, windowStartMs, signal, amounts, this.#rule);
    this.#states.set(instance, state === before.machine ? before : { ...before, machine: state });
    if (resolved === null) return;
    const list = this.#resolved.get(instance);
    if (list) list.push(resolved);
    else this.#resolved.set(instance, [resolved]);
  }
}

/** Energy and operational grams of zones together; what no intensity is known for adds energy and no grams. */
export function amountsOf(windows: readonly ZoneWindow[]): Amounts {
  let energyMillijoules = 0;
  let grams = 0;
  for (const window of windows) {
    energyMillijoules += window.facts?.[FACT.energyMillijoules] ?? 0;
    grams += gramsOf(window) ?? 0;
  }
  return { energyMillijoules, grams };
}

/** Zones of another scope than the budget's have energy and no grams of it. */
const countedBy = ({ scope }: BudgetRule, windows: readonly ZoneWindow[]): readonly ZoneWindow[] =>
  scope === undefined
    ? windows
    : windows.map((window) => (window.scope === scope ? window : { ...window, gramsPerKwh: null }));

/** What one window of all zones of the scope takes of the budget. */
export function budgetGrams(
  rule: BudgetRule,
  windows: readonly ZoneWindow[],
  amounts: Amounts = amountsOf(countedBy(rule, windows)),
): number {
  const { emissions } = rule;
  const embodied = windows.reduce((sum, { facts }) => sum + (facts?.[FACT.embodiedGrams] ?? 0), 0);
  if (emissions === 'embodied') return embodied;
  return amounts.grams + (emissions === 'total' ? embodied : 0);
}
