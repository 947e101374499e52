/**
 * The scope of a zone: whether consumption or production is charged there. It holds for whole hours, and within one every
 * rule of the order of trust keeps to it (resolve.ts, docs/decisions/0013-scope.md).
 */
import { DAY_MS, HOUR_MS } from '../time/window.ts';
import type { IntensityPoint, Scope } from './intensity.ts';
import type { TrustOrder } from './trust.ts';

/** Provider name of the series that a user brings. */
export const USER_PROVIDER = 'user';

/** A provider's series that has been silent for longer says nothing of its zone any more. */
export const SERIES_REACH_MS = 7 * DAY_MS;
/** The user's word holds where it is given, and for the hour after, which the last value is carried through. */
const USER_REACH_MS = HOUR_MS;

export const scopeOfPoint = ({ scope }: Pick<IntensityPoint, 'scope'>): Scope => scope ?? 'consumption';

export const otherScope = (scope: Scope): Scope => (scope === 'consumption' ? 'production' : 'consumption');

/** Of one series: its newest value among those that begin by an hour. */
export interface SeriesEnd {
  readonly provider: string;
  readonly scope: Scope;
  readonly endMs: number;
}

/**
 * The scope of an hour, the first of these that says anything:
 *
 *   1. the operator's order, where it keeps to one;
 *   2. where it names providers all the same: that of the first with a value within its reach;
 *   3. values of consumption that the user brought for the hour;
 *   4. what was noted of the zone when its providers changed;
 *   5. a provider's values of consumption within 7 days;
 *   6. values of production within the reach of their series;
 *   7. consumption, which yearly averages are of.
 *
 * @param ends of every series of the zone, basis and signal that has a value which begins by the hour
 */
export function scopeOfHour(
  { providers, scope, notedScope }: TrustOrder,
  ends: readonly SeriesEnd[],
  hourStartMs: number,
): Scope {
  if (scope !== null) return scope;
  const reaching = ends.filter(
    ({ provider, endMs }) =>
      endMs > hourStartMs - (provider === USER_PROVIDER ? USER_REACH_MS : SERIES_REACH_MS),
  );
  const rank = (end: SeriesEnd) => providers!.indexOf(end.provider);
  if (providers !== null) {
    const [first] = reaching
      .filter((end) => rank(end) >= 0)
      .sort(
        (a, b) => rank(a) - rank(b) || Number(a.scope === 'production') - Number(b.scope === 'production'),
      );
    return first?.scope ?? 'consumption';
  }
  const has = (wanted: Scope, ofUser: boolean) =>
    reaching.some((end) => end.scope === wanted && (end.provider === USER_PROVIDER) === ofUser);
  if (has('consumption', true)) return 'consumption';
  if (notedScope !== null) return notedScope;
  if (has('consumption', false)) return 'consumption';
  return has('production', false) || has('production', true) ? 'production' : 'consumption';
}

/** Of one series, in order: where values begin, and how far those reach that have begun by then. */
interface SeriesReach extends Omit<SeriesEnd, 'endMs'> {
  readonly startsMs: number[];
  readonly endsMs: number[];
}

/** What `scopeOfHour` asks of stored values, hour by hour. */
export class SeriesEnds {
  readonly #series: readonly SeriesReach[];

  constructor(points: readonly IntensityPoint[]) {
    const series = new Map<string, SeriesReach>();
    for (const point of points.toSorted((a, b) => a.startMs - b.startMs)) {
      const scope = scopeOfPoint(point);
      const key = `${point.provider} ${scope}`;
      let own = series.get(key);
      if (own === undefined) {
        own = { provider: point.provider, scope, startsMs: [], endsMs: [] };
        series.set(key, own);
      }
      own.startsMs.push(point.startMs);
      own.endsMs.push(Math.max(point.endMs, own.endsMs.at(-1) ?? 0));
    }
    this.#series = [...series.values()];
  }

  at(hourStartMs: number): SeriesEnd[] {
    return this.#series.flatMap(({ provider, scope, startsMs, endsMs }) => {
      const begun = countUntil(startsMs, hourStartMs);
      return begun === 0 ? [] : [{ provider, scope, endMs: endsMs[begun - 1]! }];
    });
  }
}

/** How many of the ascending numbers are at most `limit`. */
function countUntil(ascending: readonly number[], limit: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
