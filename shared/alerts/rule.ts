/**
 * Rules as operators write them, every default filled in. Units are in the names; ratios and percentiles are 0..1.
 * What each means: docs/alerts.md.
 */
import type { Scope } from '../grid/intensity.ts';
import type { AlertSeverity } from './notification.ts';

interface RuleTiming {
  /** How long the condition must hold without a break before it fires. */
  readonly forMinutes: number;
  /** How long it must have been over before the episode ends; also the least that one lasts. */
  readonly holdMinutes: number;
  /** No new episode begins to fire so soon after the end of the last. */
  readonly cooldownMinutes: number;
  /** Says again that it still fires; null: once. */
  readonly renotifyMinutes: number | null;
}

interface RuleCommon extends RuleTiming {
  /** Unique; the handle of `wattshed rules apply`. */
  readonly name: string;
  /** As in queries: `site:berlin,label.team:nlp`; empty: the whole fleet. */
  readonly filter: string;
  readonly severity: AlertSeverity;
  readonly enabled: boolean;
  readonly channelIds: readonly string[];
}

/** When an hour counts as dirty: above an absolute value, or above what the zone itself usually has. */
export interface DirtyThreshold {
  /** Null: by percentile. */
  readonly aboveGramsPerKwh: number | null;
  /** Of the zone's own last 30 days: on above the first, off at or below the second. */
  readonly onPercentile: number;
  readonly offPercentile: number;
  /** Nor is an hour dirty below so many times the median: silences flat grids. */
  readonly minimumMedianRatio: number;
}

export interface DirtyHoursRule extends RuleCommon, DirtyThreshold {
  readonly kind: 'dirtyHours';
  /** Only while the scope draws more. */
  readonly abovePowerWatts: number;
}

export interface DirtyHoursAheadRule extends RuleCommon, DirtyThreshold {
  readonly kind: 'dirtyHoursAhead';
  readonly withinHours: number;
  /** Load is expected where the scope draws more than this now. */
  readonly abovePowerWatts: number;
}

export const BUDGET_PERIODS = ['day', 'week', 'month'] as const;
export type BudgetPeriod = (typeof BUDGET_PERIODS)[number];

export const BUDGET_EMISSIONS = ['operational', 'embodied', 'total'] as const;

/** Fires while the last hours used the budget so many times faster than it would last the period. */
export interface BurnRate {
  readonly hours: number;
  readonly aboveRatio: number;
}

export interface BudgetRule extends RuleCommon {
  readonly kind: 'budget';
  readonly emissions: (typeof BUDGET_EMISSIONS)[number];
  /** Only operational grams at intensities of this scope; absent: each zone's by its own. */
  readonly scope?: Scope | undefined;
  readonly budgetGrams: number;
  readonly period: BudgetPeriod;
  readonly fastBurn: BurnRate | null;
  readonly slowBurn: BurnRate | null;
}

export interface WasteRule extends RuleCommon {
  readonly kind: 'waste';
  readonly aboveIdlePowerWatts: number;
}

export const HEALTH_CHECKS = [
  'nodeSilent',
  'coverage',
  'sensorLost',
  'counterDisagreement',
  'gridDataStale',
  'spoolGrowing',
  'twoAgents',
] as const;
export type HealthCheck = (typeof HEALTH_CHECKS)[number];

export interface HealthRule extends RuleCommon {
  readonly kind: 'health';
  readonly check: HealthCheck;
  /**
   * `nodeSilent`: minutes without a report; `coverage`: least ratio; `counterDisagreement`: ratio between counter and
   * power; `gridDataStale`: minutes; `spoolGrowing`: reports that wait; no meaning for the others.
   */
  readonly limit: number;
}

export type AlertRule = DirtyHoursRule | DirtyHoursAheadRule | BudgetRule | WasteRule | HealthRule;

export const DEFAULT_LIMITS: Readonly<Record<HealthCheck, number>> = {
  nodeSilent: 30,
  coverage: 0.9,
  sensorLost: 0,
  counterDisagreement: 0.1,
  gridDataStale: 180,
  spoolGrowing: 120,
  twoAgents: 0,
};

/** What the ledger and the grid series say: told again whenever they are restated. The others are told once. */
export function isReplayable(rule: AlertRule): boolean {
  if (rule.kind === 'dirtyHoursAhead') return false;
  return rule.kind !== 'health' || rule.check === 'coverage' || rule.check === 'counterDisagreement';
}

/** Equal for rules that evaluate alike: a change of anything else does not begin them anew. */
export function evaluationKey(rule: AlertRule): string {
  const {
    name: _,
    severity: __,
    enabled: ___,
    channelIds: ____,
    renotifyMinutes: _____,
    ...evaluated
  } = rule;
  return JSON.stringify(Object.entries(evaluated).sort(([a], [b]) => (a < b ? -1 : 1)));
}
