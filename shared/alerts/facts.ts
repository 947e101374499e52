/**
 * What the rules need to know of one window: sums over the nodes (or jobs) of one scope in one grid zone. Kept for the
 * windows that may still be restated, as arrays: they are read in bulk.
 */

/** Place of each figure in the array. */
export const FACT = {
  energyMillijoules: 0,
  idleMillijoules: 1,
  /** Energy x PUE. */
  facilityKwh: 2,
  embodiedGrams: 3,
  expectedMilliseconds: 4,
  coveredMilliseconds: 5,
  nodesReporting: 6,
  /** The largest difference between counter and power of a device, 0..1 of the counter. */
  disagreementRatio: 7,
} as const;

export type Facts = readonly number[];

/** By scope text, then grid zone (`none` where the site has none). */
export type WindowFacts = Readonly<Record<string, Readonly<Record<string, Facts>>>>;

/** Sums of one window while nodes are added. */
export class FactSums {
  readonly #scopes = new Map<string, Map<string, number[]>>();

  /** Takes up what an earlier step had summed. */
  constructor(before: WindowFacts = {}) {
    for (const [scope, zones] of Object.entries(before)) {
      this.#scopes.set(scope, new Map(Object.entries(zones).map(([zone, facts]) => [zone, [...facts]])));
    }
  }

  add(scope: string, gridZone: string, facts: Facts): void {
    let zones = this.#scopes.get(scope);
    if (!zones) {
      zones = new Map();
      this.#scopes.set(scope, zones);
    }
    const sums = zones.get(gridZone);
    if (!sums) {
      zones.set(gridZone, [...facts]);
      return;
    }
    for (let i = 0; i < sums.length; i++) {
      sums[i] = i === FACT.disagreementRatio ? Math.max(sums[i]!, facts[i]!) : sums[i]! + facts[i]!;
    }
  }

  /** In the order of their names, so that the same nodes give the same text whatever order they came in. */
  toFacts(): WindowFacts {
    return byName(this.#scopes, (zones) => byName(zones, (facts) => facts));
  }
}

function byName<T, U>(entries: ReadonlyMap<string, T>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(
    [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, map(value)]),
  );
}

/** Where a site has no grid zone. */
export const NO_ZONE = 'none';
