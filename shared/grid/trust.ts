/** The operator's order of trust for one zone, basis and signal; without one the resolver's own holds (resolve.ts). */

/** What may stand in for a live value, in the order in which it is tried. */
export const FALLBACKS = ['carryForward', 'hourOfDayMean', 'annual'] as const;
export type Fallback = (typeof FALLBACKS)[number];

export interface TrustOrder {
  /** Most trusted first, and no others are used; null: every provider, by the resolver's own order. */
  readonly providers: readonly string[] | null;
  readonly fallbacks: readonly Fallback[];
}

export const DEFAULT_TRUST: TrustOrder = { providers: null, fallbacks: FALLBACKS };

/** The order that holds for the window that starts at an instant; one and the same object for one and the same order. */
export type TrustAt = (windowStartMs: number) => TrustOrder;
