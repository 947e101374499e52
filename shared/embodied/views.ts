/**
 * What has accrued of a part, under one of three methods. Each answers another question; they are never mixed in one sum.
 */
import { type TimeSpan, within } from '../emissions/presence.ts';
import {
  accrualsOf,
  accruedAmount,
  beganMs,
  type Lifetime,
  type Service,
  type Since,
  YEAR_MS,
} from './amortization.ts';

/**
 * `straightLine`: by calendar time over the lifetime, in use or not; sums to the total (the method of every sum).
 * `activeHours`: active hours over lifetime x expected utilization, as in the study of BLOOM; sums to the total only where
 * the part is as busy as expected. `immediate`: all when it is bought (GHG Protocol, scope 3, category 2).
 */
export const EMBODIED_METHODS = ['straightLine', 'activeHours', 'immediate'] as const;
export type EmbodiedMethod = (typeof EMBODIED_METHODS)[number];

/** As in the study of BLOOM. */
export const DEFAULT_EXPECTED_UTILIZATION_RATIO = 0.85;

/** Of one total, in its unit. Of `straightLine` all but `accrued`, which is of the range, sum to `whole`. */
export interface PartAmounts {
  /** Over its whole life. */
  readonly whole: number;
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
  /** Went with it to another node, or would have accrued here while it was away. */
  readonly carriedAway: number | null;
}

export interface ViewedPart extends Service {
  readonly movedTo: number | null;
}

/** Of what making it emitted: one total, or another from a date on. */
export type Totals = readonly Since<number>[];

const latest = (totals: Totals): number => totals.at(-1)!.value;

const heldAt = (totals: Totals, atMs: number): number =>
  (totals.findLast(({ fromMs }) => fromMs <= atMs) ?? totals[0]!).value;

const wholeLife = (part: Service, lifetimes: readonly Lifetime[]) =>
  accrualsOf({ inServiceMs: beganMs(part), outOfServiceMs: null }, lifetimes);

/** Whether its lifetime was over before `toMs`, or before it left. */
export function isFullyAmortized(part: Service, lifetimes: readonly Lifetime[], toMs: number): boolean {
  return wholeLife(part, lifetimes).at(-1)!.endMs <= Math.min(toMs, part.outOfServiceMs ?? toMs);
}

/** @param inFleet spans in which the part's node was in its fleet; nothing accrues beside them */
export function straightLineAmounts(
  part: ViewedPart,
  totals: Totals,
  lifetimes: readonly Lifetime[],
  inFleet: readonly TimeSpan[],
  { fromMs, toMs }: TimeSpan,
): PartAmounts {
  const agesFromMs = beganMs(part);
  const here = accrualsOf(part, lifetimes);
  const all = wholeLife(part, lifetimes);
  const aging = (startMs: number, endMs: number) => accruedAmount(all, startMs, endMs, totals);
  const booked = (startMs: number, endMs: number) =>
    within(inFleet, startMs, endMs).reduce(
      (sum, span) => sum + accruedAmount(here, span.fromMs, span.toMs, totals),
      0,
    );
  const whole =
    totals.length === 1 ? latest(totals) : aging(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  const bookedFromMs = Math.max(part.inServiceMs, inFleet[0]?.fromMs ?? toMs);
  const brought = aging(agesFromMs, bookedFromMs);
  const accruedSoFar = booked(part.inServiceMs, toMs);
  const aged = accruedAmount(here, bookedFromMs, toMs, totals);
  const away = (part.absences ?? []).reduce(
    (sum, [leftMs, returnedMs]) =>
      sum + aging(Math.max(leftMs, bookedFromMs), Math.max(bookedFromMs, Math.min(returnedMs, toMs))),
    0,
  );
  const left = Math.max(0, whole - brought - aged - away);
  const over = part.outOfServiceMs !== null && part.outOfServiceMs <= toMs;
  const goesOn = !over && inFleet.some((span) => span.toMs >= toMs);
  const moved = over && part.movedTo !== null;
  return {
    whole,
    accrued: booked(Math.max(fromMs, part.inServiceMs), toMs),
    accruedSoFar,
    brought,
    remaining: goesOn ? left : 0,
    writtenOff: aged - accruedSoFar + (goesOn || moved ? 0 : left),
    carriedAway: away + (moved ? left : 0),
  };
}

/** BLOOM: `total x active hours / (lifetime x 8,760 h x expected utilization)`, of the total that holds last. */
export function activeHoursAmounts(
  totals: Totals,
  activeMilliseconds: number,
  lifetimeYears: number,
  expectedUtilizationRatio: number,
): PartAmounts {
  const whole = latest(totals);
  const accrued = (whole * activeMilliseconds) / (lifetimeYears * YEAR_MS * expectedUtilizationRatio);
  return { ...UNTOLD, whole, accrued, accruedSoFar: accrued };
}

/** Of the total that held when it was bought. A part that came from another node was bought there. */
export function immediateAmounts(part: ViewedPart, totals: Totals, { fromMs, toMs }: TimeSpan): PartAmounts {
  const whole = heldAt(totals, part.inServiceMs);
  const bought = (part.agesFromMs ?? null) === null;
  const since = (startMs: number) =>
    bought && part.inServiceMs >= startMs && part.inServiceMs < toMs ? whole : 0;
  const accruedSoFar = since(0);
  return {
    ...UNTOLD,
    whole,
    accrued: since(fromMs),
    accruedSoFar,
    remaining: bought ? whole - accruedSoFar : 0,
  };
}

const UNTOLD = { brought: null, remaining: null, writtenOff: null, carriedAway: null } as const;
