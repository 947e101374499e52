/**
 * Silences and maintenance windows: evaluation goes on and episodes are kept, only nothing is sent while one holds. An
 * episode that still fires when the last one ends is told then.
 */
import { DAY_MS } from '../time/window.ts';
import type { ScopeTerm } from './scope.ts';

export interface Silence {
  readonly id: string;
  /** Rules it holds for; empty: all. */
  readonly ruleNames: readonly string[];
  /** Every term must be a term of the rule's scope, or the grid zone that fires; none: everything. */
  readonly terms: readonly ScopeTerm[];
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  /** A maintenance window may come again each day or week, at the same UTC time. */
  readonly repeats: 'never' | 'daily' | 'weekly';
}

export interface SilenceTarget {
  readonly ruleName: string;
  readonly terms: readonly ScopeTerm[];
  /** Grid zone, or the whole scope. */
  readonly instance: string;
}

const PERIOD_MS = { daily: DAY_MS, weekly: 7 * DAY_MS } as const;

/** One that comes again is over by then. */
export const longestMs = (repeats: Silence['repeats']): number =>
  repeats === 'never' ? Number.POSITIVE_INFINITY : PERIOD_MS[repeats];

/** Whether it holds at an instant. */
export function holdsAt({ startsAtMs, endsAtMs, repeats }: Silence, instantMs: number): boolean {
  if (instantMs < startsAtMs) return false;
  const sinceMs = instantMs - startsAtMs;
  return (repeats === 'never' ? sinceMs : sinceMs % PERIOD_MS[repeats]) < endsAtMs - startsAtMs;
}

export function isSilenced(silences: readonly Silence[], target: SilenceTarget, instantMs: number): boolean {
  return silences.some(
    (silence) =>
      holdsAt(silence, instantMs) &&
      (silence.ruleNames.length === 0 || silence.ruleNames.includes(target.ruleName)) &&
      silence.terms.every((term) => isMeant(term, target)),
  );
}

function isMeant(term: ScopeTerm, { terms, instance }: SilenceTarget): boolean {
  if (term.key === 'gridZone' && term.value === instance) return true;
  return terms.some(
    ({ key, label, value }) => key === term.key && label === term.label && value === term.value,
  );
}
