/** The operator's order of trust for one zone, basis and signal; without one the resolver's own holds (resolve.ts). */
import type { Scope } from './intensity.ts';

/** What may stand in for a live value, in the order in which it is tried. */
export const FALLBACKS = ['carryForward', 'hourOfDayMean', 'annual'] as const;
export type Fallback = (typeof FALLBACKS)[number];

export interface TrustOrder {
  /** Most trusted first, and no others are used; null: every provider, by the resolver's own order. */
  readonly providers: readonly string[] | null;
  readonly fallbacks: readonly Fallback[];
  /** What it keeps to; null: scope.ts tells it hour by hour. */
  readonly scope: Scope | null;
  /** What was noted when the providers of the zone changed; null: nothing. */
  readonly notedScope: Scope | null;
}

export const DEFAULT_TRUST: TrustOrder = {
  providers: null,
  fallbacks: FALLBACKS,
  scope: null,
  notedScope: null,
};

/** The order that holds for the window that starts at an instant; one and the same object for one and the same order. */
export type TrustAt = (windowStartMs: number) => TrustOrder;

/** Live values of one scope alone, whatever is charged: for what compares an hour with others. */
export function liveInScope(trustAt: TrustAt, scope: Scope): TrustAt {
  const made = new Map<TrustOrder, TrustOrder>();
  return (windowStartMs) => {
    const order = trustAt(windowStartMs);
    let own = made.get(order);
    if (own === undefined) {
      const keepsTo = order.scope === null || order.scope === scope ? order : DEFAULT_TRUST;
      own = { ...keepsTo, scope, fallbacks: [] };
      made.set(order, own);
    }
    return own;
  };
}
