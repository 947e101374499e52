/**
 * Embodied emissions by calendar time: a part's total accrues evenly over its lifetime from its in-service date, whether
 * it is used or not, and stops when it leaves service. With SCI's names: `M = TE x TiR / EL` (the whole part, RR = ToR).
 *
 * A lifetime that changes holds from its date: what has accrued stays, the rest is spread over what is left of the new
 * lifetime, so the shares of a whole life are still 1.
 */
import { type TimeSpan, within } from '../emissions/presence.ts';
import { WINDOW_MS } from '../time/window.ts';

/** 365 days: 8,760 hours. */
export const YEAR_MS = 8_760 * 3_600_000;
export const DEFAULT_LIFETIME_YEARS = 4;

export interface Service {
  readonly inServiceMs: number;
  /** Null while it is in service. */
  readonly outOfServiceMs: number | null;
  /** Since when it ages, where it came from another node: only what is left of it accrues here. Default: `inServiceMs`. */
  readonly agesFromMs?: number | null;
  /** `[leftMs, returnedMs]` of each time that it was away and came back, in order: it ages meanwhile, elsewhere. */
  readonly absences?: readonly (readonly [number, number])[] | undefined;
}

/** The spans in service here, in order; none is empty. */
export function spansInService({ inServiceMs, outOfServiceMs, absences = [] }: Service): TimeSpan[] {
  // Nearly every part.
  if (absences.length === 0) {
    const toMs = outOfServiceMs ?? Number.POSITIVE_INFINITY;
    return inServiceMs < toMs ? [{ fromMs: inServiceMs, toMs }] : [];
  }
  const edges = [inServiceMs, ...absences.flat(), outOfServiceMs ?? Number.POSITIVE_INFINITY];
  return edges
    .flatMap((fromMs, i) => (i % 2 === 0 ? [{ fromMs, toMs: edges[i + 1]! }] : []))
    .filter((span) => span.fromMs < span.toMs);
}

/** Since when a part ages: lifetimes count from there. */
export const beganMs = ({ inServiceMs, agesFromMs }: Service): number =>
  Math.min(inServiceMs, agesFromMs ?? inServiceMs);

export interface Lifetime {
  /** Holds from here on. */
  readonly fromMs: number;
  readonly years: number;
}

/** A stretch `[startMs, endMs)` over which `share` of the part's total accrues evenly. */
export interface Accrual {
  readonly startMs: number;
  readonly endMs: number;
  readonly share: number;
}

/** @param lifetimes by `fromMs`; the first holds from the beginning. Empty: the default. */
export function accrualsOf(service: Service, lifetimes: readonly Lifetime[]): Accrual[] {
  const inServiceMs = beganMs(service);
  const first = lifetimes.findLast((lifetime) => lifetime.fromMs <= inServiceMs) ?? lifetimes[0];
  const accruals: Accrual[] = [];
  let startMs = inServiceMs;
  let endMs = inServiceMs + (first?.years ?? DEFAULT_LIFETIME_YEARS) * YEAR_MS;
  let rest = 1;
  for (const { fromMs, years } of lifetimes) {
    if (fromMs <= startMs || fromMs >= endMs) continue;
    const share = (rest * (fromMs - startMs)) / (endMs - startMs);
    accruals.push({ startMs, endMs: fromMs, share });
    rest -= share;
    startMs = fromMs;
    // A new lifetime that is over already leaves one window to accrue the rest in.
    endMs = Math.max(inServiceMs + years * YEAR_MS, fromMs + WINDOW_MS);
  }
  accruals.push({ startMs, endMs, share: rest });
  const spans = spansInService(service);
  return accruals.flatMap((accrual) =>
    within(spans, accrual.startMs, accrual.endMs).map(({ fromMs, toMs }) =>
      fromMs === accrual.startMs && toMs === accrual.endMs
        ? accrual
        : { startMs: fromMs, endMs: toMs, share: accruedShare([accrual], fromMs, toMs) },
    ),
  );
}

/** 0..1: the share of a part's total that accrues in `[fromMs, toMs)`; additive over any partition of time. */
export function accruedShare(accruals: readonly Accrual[], fromMs: number, toMs: number): number {
  let share = 0;
  for (const accrual of accruals) {
    const overlap = Math.min(toMs, accrual.endMs) - Math.max(fromMs, accrual.startMs);
    if (overlap > 0) share += (accrual.share * overlap) / (accrual.endMs - accrual.startMs);
  }
  return share;
}

/** What making something emitted, with bounds. */
export interface EmbodiedGrams {
  readonly grams: number;
  readonly gramsLow: number;
  readonly gramsHigh: number;
}

/** What holds from a date on; the first from the beginning. */
export interface Since<T> {
  readonly fromMs: number;
  readonly value: T;
}

/** Spans in which one value holds, in order and without gaps; the first and the last have no end outwards. */
export function spansOf<T>(values: readonly Since<T>[]): (TimeSpan & { readonly value: T })[] {
  return values.map(({ fromMs, value }, i) => ({
    fromMs: i === 0 ? Number.NEGATIVE_INFINITY : fromMs,
    toMs: values[i + 1]?.fromMs ?? Number.POSITIVE_INFINITY,
    value,
  }));
}

/** What accrues in `[fromMs, toMs)` of a total that is another from a date on: each share of the total that holds then. */
export function accruedAmount(
  accruals: readonly Accrual[],
  fromMs: number,
  toMs: number,
  totals: readonly Since<number>[],
): number {
  return spansOf(totals).reduce(
    (sum, span) =>
      sum + span.value * accruedShare(accruals, Math.max(fromMs, span.fromMs), Math.min(toMs, span.toMs)),
    0,
  );
}
