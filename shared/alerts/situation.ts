/** What a message is made from. */
import type { BudgetReading } from './budget.ts';
import { NO_ZONE } from './facts.ts';
import { WHOLE_SCOPE } from './fold.ts';
import type { AlertFields } from './notification.ts';
import type { Waiting } from './outlook.ts';
import type { Episode } from './reconcile.ts';
import type { AlertRule } from './rule.ts';
import type { Transition } from './transitions.ts';
import type { Limits, Usual } from './usual.ts';

/** How things stand at the end of the newest window; null where it is not known or does not matter to the rule. */
export interface Situation {
  readonly powerWatts: number | null;
  readonly idlePowerWatts: number | null;
  /** PUE included. */
  readonly facilityKilowatts: number | null;
  readonly nodesReporting: number | null;
  readonly coverageRatio: number | null;
  readonly disagreementRatio: number | null;
  readonly gramsPerKwh: number | null;
  readonly gridKind: string | null;
  readonly usual: Usual | null;
  readonly limits: Limits | null;
  readonly waiting: Waiting | null;
  /** The cleanest other zone that the fleet stands in, where it is cleaner. */
  readonly elsewhere: { readonly gridZone: string; readonly gramsPerKwh: number } | null;
  /** Of rules that look ahead. */
  readonly ahead: { readonly startMs: number; readonly gramsPerKwh: number } | null;
  readonly budget: BudgetReading | null;
  /** Of health rules: what is concerned, one a line: `node-a: nvml failed`. */
  readonly concerned: readonly string[];
}

export interface Told {
  readonly rule: AlertRule;
  readonly ruleId: string;
  /** Filter text; empty: the whole fleet. */
  readonly scope: string;
  readonly instance: string;
  readonly episode: Episode;
  readonly transition: Transition;
  readonly situation: Situation;
}

export interface Words {
  readonly summary: string;
  readonly lines: readonly string[];
  readonly fields: AlertFields;
}

/** At the beginning of a sentence. */
export const scopeName = (scope: string) => (scope === '' ? 'The fleet' : scope);

/** Within one. */
export const scopeInside = (scope: string) => (scope === '' ? 'the fleet' : scope);

/** ` in DE`; empty for what is of a scope as a whole. */
export function inZone(instance: string): string {
  if (instance === WHOLE_SCOPE) return '';
  return instance === NO_ZONE ? ' without a grid zone' : ` in ${instance}`;
}

/** Where nothing was heard of a scope. */
export const NOTHING_KNOWN: Situation = {
  powerWatts: null,
  idlePowerWatts: null,
  facilityKilowatts: null,
  nodesReporting: null,
  coverageRatio: null,
  disagreementRatio: null,
  gramsPerKwh: null,
  gridKind: null,
  usual: null,
  limits: null,
  waiting: null,
  elsewhere: null,
  ahead: null,
  budget: null,
  concerned: [],
};
