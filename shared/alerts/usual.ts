/**
 * What a grid zone usually has: the quantiles of its own last 30 days, fixed for a UTC day at its beginning. Only what
 * was live counts; a value that stood in for a missing one says nothing of the zone.
 */
import type { Scope } from '../grid/intensity.ts';
import { DAY_MS, WINDOW_MS } from '../time/window.ts';
import type { DirtyThreshold } from './rule.ts';

export const USUAL_DAYS = 30;

export interface Usual {
  /** Index = percentile 0..100, nearest rank, gCO2eq/kWh; rises. */
  readonly quantilesGramsPerKwh: readonly number[];
  /** How many days of values it stands on: at most 30; a young zone uses what it has. */
  readonly days: number;
  /** Of all of them: an hour of the other scope is not held against them. */
  readonly scope: Scope;
}

/** @param values gCO2eq/kWh of the windows that were live, any order; null where there are none */
export function usualOf(values: readonly number[], scope: Scope): Usual | null {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const quantilesGramsPerKwh = Array.from(
    { length: 101 },
    (_, percent) => sorted[Math.max(0, Math.ceil((percent * sorted.length) / 100) - 1)]!,
  );
  const days = Math.min(USUAL_DAYS, (values.length * WINDOW_MS) / DAY_MS);
  return { quantilesGramsPerKwh, days, scope };
}

export const medianOf = ({ quantilesGramsPerKwh }: Usual): number => quantilesGramsPerKwh[50]!;

export interface Limits {
  /** Dirty above it. */
  readonly onGramsPerKwh: number;
  /** Over at or below it. */
  readonly offGramsPerKwh: number;
}

/** A given value ends 5 % below itself: an hour that trembles around it makes one episode. */
const ABSOLUTE_OFF_RATIO = 0.95;

/** Null where the zone has no values of its own and no absolute one was given. */
export function limitsOf(threshold: DirtyThreshold, usual: Usual | null): Limits | null {
  const { aboveGramsPerKwh, onPercentile, offPercentile, minimumMedianRatio } = threshold;
  if (aboveGramsPerKwh !== null)
    return { onGramsPerKwh: aboveGramsPerKwh, offGramsPerKwh: aboveGramsPerKwh * ABSOLUTE_OFF_RATIO };
  if (usual === null) return null;
  const at = (percentile: number) => usual.quantilesGramsPerKwh[Math.round(percentile * 100)]!;
  return {
    onGramsPerKwh: Math.max(at(onPercentile), medianOf(usual) * minimumMedianRatio),
    offGramsPerKwh: at(offPercentile),
  };
}
