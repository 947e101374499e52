/**
 * What has accrued of a part, under one of three methods. Each answers another question; they are never mixed in one sum.
 */
import { type TimeSpan, within } from '../emissions/presence.ts';
import { accrualsOf, accruedShare, beganMs, type Lifetime, type Service, YEAR_MS } from './amortization.ts';

/**
 * `straightLine`: by calendar time over the lifetime, in use or not; sums to the total (the method of every sum).
 * `activeHours`: active hours over lifetime x expected utilization, as in the study of BLOOM; sums to the total only where
 * the part is as busy as expected. `immediate`: all when it is bought (GHG Protocol, scope 3, category 2).
 */
export const EMBODIED_METHODS = ['straightLine', 'activeHours', 'immediate'] as const;
export type EmbodiedMethod = (typeof EMBODIED_METHODS)[number];

/** As in the study of BLOOM. */
export const DEFAULT_EXPECTED_UTILIZATION_RATIO = 0.85;

/** Shares of a part's total, 0..1. Of `straightLine` all but `accrued`, which is of the range, sum to 1. */
export interface PartShares {
  /** In the range asked for. */
  readonly accrued: number;
  /** Until the end of the range, in this node. */
  readonly accruedSoFar: number;
  /** Had accrued before it came to this node, or before the node came to the fleet. Null here and below: the method does not tell. */
  readonly brought: number | null;
  /** Still to accrue in this node. */
  readonly remaining: number | null;
  /** Never to accrue: it left service early, or the node was out of its fleet meanwhile. */
  readonly writtenOff: number | null;
  /** Went with it to another node. */
  readonly carriedAway: number | null;
  readonly fullyAmortized: boolean;
}

export interface ViewedPart extends Service {
  readonly movedTo: number | null;
}

/** @param inFleet spans in which the part's node was in its fleet; nothing accrues beside them */
export function straightLineShares(
  part: ViewedPart,
  lifetimes: readonly Lifetime[],
  inFleet: readonly TimeSpan[],
  { fromMs, toMs }: TimeSpan,
): PartShares {
  const agesFromMs = beganMs(part);
  const here = accrualsOf(part, lifetimes);
  const whole = accrualsOf({ inServiceMs: agesFromMs, outOfServiceMs: null }, lifetimes);
  const booked = (startMs: number, endMs: number) =>
    within(inFleet, startMs, endMs).reduce(
      (sum, span) => sum + accruedShare(here, span.fromMs, span.toMs),
      0,
    );
  const bookedFromMs = Math.max(part.inServiceMs, inFleet[0]?.fromMs ?? toMs);
  const brought = accruedShare(whole, agesFromMs, bookedFromMs);
  const accruedSoFar = booked(part.inServiceMs, toMs);
  const aged = accruedShare(here, bookedFromMs, toMs);
  const left = Math.max(0, 1 - brought - aged);
  const over = part.outOfServiceMs !== null && part.outOfServiceMs <= toMs;
  const goesOn = !over && inFleet.some((span) => span.toMs >= toMs);
  const moved = over && part.movedTo !== null;
  return {
    accrued: booked(Math.max(fromMs, part.inServiceMs), toMs),
    accruedSoFar,
    brought,
    remaining: goesOn ? left : 0,
    writtenOff: aged - accruedSoFar + (goesOn || moved ? 0 : left),
    carriedAway: moved ? left : 0,
    fullyAmortized: whole.at(-1)!.endMs <= Math.min(toMs, part.outOfServiceMs ?? toMs),
  };
}

/** BLOOM: `active hours / (lifetime x 8,760 h x expected utilization)`. */
export function activeHoursShares(
  activeMilliseconds: number,
  lifetimeYears: number,
  expectedUtilizationRatio: number,
): PartShares {
  const share = activeMilliseconds / (lifetimeYears * YEAR_MS * expectedUtilizationRatio);
  return { ...UNTOLD, accrued: share, accruedSoFar: share };
}

/** A part that came from another node was bought there. */
export function immediateShares(part: ViewedPart, { fromMs, toMs }: TimeSpan): PartShares {
  const bought = (part.agesFromMs ?? null) === null;
  const share = (startMs: number) =>
    bought && part.inServiceMs >= startMs && part.inServiceMs < toMs ? 1 : 0;
  const accruedSoFar = share(0);
  return { ...UNTOLD, accrued: share(fromMs), accruedSoFar, remaining: bought ? 1 - accruedSoFar : 0 };
}

const UNTOLD = {
  brought: null,
  remaining: null,
  writtenOff: null,
  carriedAway: null,
  fullyAmortized: false,
} as const;
