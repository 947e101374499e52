/** What may be asked, and the range, the terms and the instants that a question comes to. */
import { ALL_KNOWN } from '../../shared/audit/as-known.ts';
import type { GroupKey } from '../../shared/emissions/join.ts';
import type { Step } from '../../shared/emissions/time-steps.ts';
import type { Basis, Scope, Signal } from '../../shared/grid/intensity.ts';
import { DAY_MS } from '../../shared/time/window.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { rangeProblem } from '../http/time-range.ts';
import { emissionsFilter, type Term } from './emissions-filter.ts';

export interface EmissionsQuery {
  /** Only this node; null: the fleet. */
  readonly nodeId: string | null;
  /** Default: start of the UTC day that `toMs` ends in. */
  readonly fromMs?: number | undefined;
  /** Default: now. */
  readonly toMs?: number | undefined;
  readonly step: Step;
  readonly groupBy?: GroupKey | undefined;
  /** Of the groups so many, those with the most grams; default: all. */
  readonly top?: number | undefined;
  readonly filter?: string | undefined;
  readonly basis: Basis;
  readonly signal: Signal;
  /** Only what is charged with values of this scope; default: whatever zones are of. */
  readonly scope?: Scope | undefined;
  readonly accounting?: Accounting | undefined;
  /** Only what jobs of this project had. */
  readonly project?: string | undefined;
  /** Only what jobs of these projects had: all that the caller may see. Null: no bounds. */
  readonly withinProjects?: readonly string[] | null | undefined;
  /** Only what these jobs had. */
  readonly jobNumbers?: readonly number[] | undefined;
  /** GPUs below it count as low, 0..1; default `DEFAULT_LOW_UTILIZATION_RATIO`. */
  readonly lowUtilizationRatio?: number | undefined;
  /** Whether embodied emissions are wanted part by part too. */
  readonly withParts?: boolean | undefined;
  /** Answers as it was known then, not after `nowMs`; default: with all that is known. */
  readonly asOfMs?: number | undefined;
  /**
   * Whether the answer must lack nothing, as one with `asOfMs` does: hours that changed since then, or since they were summed, are
   * joined from the ledger; and sums answer as soon as they can, not only where the join would take too long.
   */
  readonly sumsAsKnown?: boolean | undefined;
  /** Whether parts of hours at the ends are joined node by node, whatever the fleet: what is compared with such a figure. */
  readonly exactEnds?: boolean | undefined;
}

/** `market`: supply contracts cover what they can, the rest is at the residual mix or, without one, as under `location`. */
export const ACCOUNTINGS = ['location', 'market'] as const;
export type Accounting = (typeof ACCOUNTINGS)[number];

export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
  /** The instant that the answer speaks from. */
  readonly nowMs: number;
  /** What was recorded later is left out; unlike `nowMs` it has no end where nobody asked for the past. */
  readonly knownAtMs: number;
  /** `toMs`, but not beyond now. */
  readonly joinToMs: number;
}

export interface Asked {
  readonly range: Range;
  readonly terms: readonly Term[];
}

/** Problem: `invalid_parameter`. */
export function askedOf(query: EmissionsQuery, nowMs: number): Result<Asked> {
  const { asOfMs = nowMs, accounting, signal } = query;
  if (accounting === 'market' && signal === 'marginal')
    return fail(
      'invalid_parameter',
      'accounting=market shares out what is used on average; ask for signal=average.',
      'accounting',
    );
  if (asOfMs > nowMs) return fail('invalid_parameter', 'asOf must not be in the future.', 'asOf');
  const toMs = query.toMs ?? asOfMs;
  const fromMs = query.fromMs ?? Math.floor((toMs - 1) / DAY_MS) * DAY_MS;
  const backwards = rangeProblem(fromMs, toMs);
  if (backwards !== null) return { ok: false, problem: backwards };
  const terms = emissionsFilter(query.filter, query.project);
  if (!terms.ok) return terms;
  const joinToMs = Math.min(toMs, asOfMs);
  const range = { fromMs, toMs, joinToMs, nowMs: asOfMs, knownAtMs: query.asOfMs ?? ALL_KNOWN };
  return ok({ range, terms: terms.value });
}
