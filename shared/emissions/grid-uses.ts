/** Which intensities energy was charged with: of each zone, provider, scope and kind how much, and when the values came. */
import type { IntensityKind, IntensityPoint, Scope } from '../grid/intensity.ts';
import { scopeOfPoint } from '../grid/scope.ts';

export interface GridUse {
  readonly gridZone: string;
  readonly scope: Scope;
  readonly provider: string;
  readonly kind: IntensityKind;
  /** What was charged with it, and the grams that it came to. */
  readonly facilityEnergyKwh: number;
  readonly operationalGrams: number;
  /** When the first and the last of its values were fetched. */
  readonly earliestFetchedAtMs: number;
  readonly latestFetchedAtMs: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class GridUses {
  readonly #byKey = new Map<string, Mutable<GridUse>>();
  /** One value holds for many windows. */
  #last: {
    readonly gridZone: string;
    readonly point: IntensityPoint;
    readonly use: Mutable<GridUse>;
  } | null = null;

  add(gridZone: string, point: IntensityPoint, facilityEnergyKwh: number, operationalGrams: number): void {
    let use = this.#last?.use;
    if (use === undefined || this.#last!.point !== point || this.#last!.gridZone !== gridZone) {
      const { provider, kind, fetchedAtMs } = point;
      use = this.#useOf({ gridZone, scope: scopeOfPoint(point), provider, kind, fetchedAtMs });
      this.#last = { gridZone, point, use };
    }
    use.facilityEnergyKwh += facilityEnergyKwh;
    use.operationalGrams += operationalGrams;
  }

  addAll(others: GridUses): void {
    for (const other of others.#byKey.values()) {
      const use = this.#useOf({ ...other, fetchedAtMs: other.earliestFetchedAtMs });
      use.latestFetchedAtMs = Math.max(use.latestFetchedAtMs, other.latestFetchedAtMs);
      use.facilityEnergyKwh += other.facilityEnergyKwh;
      use.operationalGrams += other.operationalGrams;
    }
  }

  [Symbol.iterator](): Iterator<GridUse> {
    return this.#byKey.values();
  }

  /** By zone, scope, provider and kind. */
  list(): readonly GridUse[] {
    return [...this.#byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, use]) => ({ ...use }));
  }

  #useOf({
    gridZone,
    scope,
    provider,
    kind,
    fetchedAtMs,
  }: Pick<GridUse, 'gridZone' | 'scope' | 'provider' | 'kind'> & {
    readonly fetchedAtMs: number;
  }): Mutable<GridUse> {
    const key = `${gridZone} ${scope} ${provider} ${kind}`;
    let use = this.#byKey.get(key);
    if (use === undefined) {
      use = {
        gridZone,
        scope,
        provider,
        kind,
        facilityEnergyKwh: 0,
        operationalGrams: 0,
        earliestFetchedAtMs: fetchedAtMs,
        latestFetchedAtMs: fetchedAtMs,
      };
      this.#byKey.set(key, use);
    }
    use.earliestFetchedAtMs = Math.min(use.earliestFetchedAtMs, fetchedAtMs);
    use.latestFetchedAtMs = Math.max(use.latestFetchedAtMs, fetchedAtMs);
    return use;
  }
}
