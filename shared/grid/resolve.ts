/**
 * Which intensity a window is charged with: the order of trust within one zone, basis and signal, and within the scope that
 * the zone has in that hour (scope.ts).
 *
 *   1. a live value that covers the window: the user's own series first, then the better kind, then the finer step;
 *   2. the last known value, carried forward for at most 2 h beyond its end (`estimated`);
 *   3. the mean of this hour of the day over the last 7 days, from at least 4 complete hours (`estimated`);
 *   4. the yearly average (`annual`), which is one of consumption;
 *   5. nothing: null, and the window's energy is excluded, never converted from another basis or scope.
 *
 * An operator's own order (trust.ts) names the providers that count, the most trusted first, and the fallbacks allowed:
 * then rule 1 takes the first of them that has a value.
 *
 * Only what precedes a window stands in for it, so an answer depends on the values alone and not on when it is asked.
 * The bounds 2 h and 7 days come from how a value ages (docs/grid.md).
 */
import { DAY_MS, HOUR_MS, hourStart, WINDOW_MS, WINDOWS_PER_HOUR } from '../time/window.ts';
import { epochMs, type GramsPerKwh, gramsPerKwh } from '../units.ts';
import { type Basis, INTENSITY_KINDS, type IntensityPoint, type Scope, type Signal } from './intensity.ts';
import { SERIES_REACH_MS, SeriesEnds, scopeOfHour, scopeOfPoint, USER_PROVIDER } from './scope.ts';
import { DEFAULT_TRUST, type Fallback, type TrustAt, type TrustOrder } from './trust.ts';
import { annualIntensity, annualPoint } from './zones.ts';

export const CARRY_FORWARD_MS = 2 * HOUR_MS;
const PROFILE_DAYS = 7;
const PROFILE_MINIMUM_DAYS = 4;

/** How far before the first window the points must reach for the scope of its hour, which may have begun before, and for rules 2 and 3. */
export const LOOKBACK_MS = Math.max(PROFILE_DAYS * DAY_MS, SERIES_REACH_MS) + HOUR_MS;

/** The intensity of the window that starts at `windowStartMs` (aligned to 5 minutes), or null where none is known. */
export type IntensityResolver = (windowStartMs: number) => IntensityPoint | null;

export interface IntensityQuery {
  readonly gridZone: string;
  readonly basis: Basis;
  readonly signal: Signal;
}

/**
 * Builds the resolver of one zone, basis and signal from its points of every provider, in any order, reaching back
 * `LOOKBACK_MS` before the first window that will be asked for. Zero is a value. The order of trust of a window decides
 * over all that precedes it, whichever order held then; one of another scope holds from the next full hour.
 */
export function intensityResolver(
  query: IntensityQuery,
  points: readonly IntensityPoint[],
  trustAt: TrustAt = () => DEFAULT_TRUST,
): IntensityResolver {
  const scopeAt = scopeResolver(points, trustAt);
  const resolvers: Record<Scope, Map<TrustOrder, IntensityResolver>> = {
    consumption: new Map(),
    production: new Map(),
  };
  return (windowStartMs) => {
    const scope = scopeAt(windowStartMs);
    const own = trustAt(windowStartMs);
    const trust = (own.scope ?? scope) === scope ? own : trustAt(hourStart(windowStartMs));
    let resolve = resolvers[scope].get(trust);
    if (!resolve) {
      resolve = resolverOfOrder(query, points, trust, scope);
      resolvers[scope].set(trust, resolve);
    }
    return resolve(windowStartMs);
  };
}

/** Values of another scope are none. */
export function withinScope(resolve: IntensityResolver, scope: Scope): IntensityResolver {
  return (windowStartMs) => {
    const point = resolve(windowStartMs);
    return point !== null && scopeOfPoint(point) === scope ? point : null;
  };
}

/** The scope of the zone in the hour of a window, from the same points. */
export function scopeResolver(
  points: readonly IntensityPoint[],
  trustAt: TrustAt = () => DEFAULT_TRUST,
): (instantMs: number) => Scope {
  const ends = new SeriesEnds(points);
  const known = new Map<number, Scope>();
  return (instantMs) => {
    const hourMs = hourStart(instantMs);
    let scope = known.get(hourMs);
    if (scope === undefined) {
      scope = scopeOfHour(trustAt(hourMs), ends.at(hourMs), hourMs);
      known.set(hourMs, scope);
    }
    return scope;
  };
}

function resolverOfOrder(
  { gridZone, basis, signal }: IntensityQuery,
  points: readonly IntensityPoint[],
  { providers, fallbacks }: TrustOrder,
  scope: Scope,
): IntensityResolver {
  const rank = ({ provider }: IntensityPoint) => providers!.indexOf(provider);
  const counting = points.filter(
    (point) => scopeOfPoint(point) === scope && (providers === null || rank(point) >= 0),
  );
  const compare: Compare =
    providers === null ? compareTrust : (a, b) => rank(a) - rank(b) || compareTrust(a, b);
  const rules = rulesOf(liveByWindow(counting, compare));
  const allowed = rules.filter(({ fallback }) => fallback === null || fallbacks.includes(fallback));
  return (windowStartMs) => {
    for (const { value } of allowed) {
      const known = value(windowStartMs);
      if (known) return known;
    }
    const annual =
      scope === 'consumption' && fallbacks.includes('annual')
        ? annualIntensity(gridZone, basis, signal, windowStartMs)
        : null;
    return annual && annualPoint(annual, epochMs(windowStartMs), epochMs(windowStartMs + WINDOW_MS));
  };
}

/** One rule and what it is, for an operator who forbids it; null: a live value. */
interface Rule {
  readonly fallback: Fallback | null;
  readonly value: IntensityResolver;
}

/** Rules 1 to 3. */
function rulesOf(live: ReadonlyMap<number, IntensityPoint>): Rule[] {
  const profiles = new Map<number, IntensityPoint | null>();

  const carried = (windowStartMs: number): IntensityPoint | null => {
    for (let age = WINDOW_MS; age <= CARRY_FORWARD_MS; age += WINDOW_MS) {
      const point = live.get(windowStartMs - age);
      if (point) return derived(windowStartMs, point, `carried forward since ${isoMinute(point.endMs)}`);
    }
    return null;
  };

  const profile = (windowStartMs: number): IntensityPoint | null => {
    const hourMs = hourStart(windowStartMs);
    if (!profiles.has(hourMs)) profiles.set(hourMs, hourOfDayMean(live, hourMs));
    const mean = profiles.get(hourMs);
    return mean ? derived(windowStartMs, mean, mean.method) : null;
  };

  return [
    { fallback: null, value: (windowStartMs) => live.get(windowStartMs) ?? null },
    { fallback: 'carryForward', value: carried },
    { fallback: 'hourOfDayMean', value: profile },
  ];
}

type Compare = (a: IntensityPoint, b: IntensityPoint) => number;

/** The most trusted point of every window that some point covers whole. */
function liveByWindow(points: readonly IntensityPoint[], compare: Compare): Map<number, IntensityPoint> {
  const live = new Map<number, IntensityPoint>();
  for (const point of points) {
    const first = Math.ceil(point.startMs / WINDOW_MS) * WINDOW_MS;
    for (let start = first; start + WINDOW_MS <= point.endMs; start += WINDOW_MS) {
      const rival = live.get(start);
      if (!rival || compare(point, rival) < 0) live.set(start, point);
    }
  }
  return live;
}

/** Negative if `a` is trusted more: the user's, the better kind, the finer step; then by name and start, so that order is total. */
function compareTrust(a: IntensityPoint, b: IntensityPoint): number {
  return (
    Number(b.provider === USER_PROVIDER) - Number(a.provider === USER_PROVIDER) ||
    INTENSITY_KINDS.indexOf(a.kind) - INTENSITY_KINDS.indexOf(b.kind) ||
    a.endMs - a.startMs - (b.endMs - b.startMs) ||
    (a.provider < b.provider ? -1 : Number(a.provider > b.provider)) ||
    b.startMs - a.startMs
  );
}

/** Mean of the same hour on the days before; a day counts only with all its twelve windows, or ramps would skew it. */
function hourOfDayMean(live: ReadonlyMap<number, IntensityPoint>, hourMs: number): IntensityPoint | null {
  const means: number[] = [];
  let newest: IntensityPoint | undefined;
  for (let day = 1; day <= PROFILE_DAYS; day++) {
    const windows = Array.from({ length: WINDOWS_PER_HOUR }, (_, index) =>
      live.get(hourMs - day * DAY_MS + index * WINDOW_MS),
    );
    const known = windows.filter((point) => point !== undefined);
    if (known.length < WINDOWS_PER_HOUR) continue;
    means.push(mean(known.map((point) => point.gramsPerKwh)));
    newest ??= known[0];
  }
  if (!newest || means.length < PROFILE_MINIMUM_DAYS) return null;
  const method = `mean of this hour over ${means.length} of the last ${PROFILE_DAYS} days`;
  return derived(hourMs, { ...newest, gramsPerKwh: mean(means) }, method);
}

/** A value that we derived for one window: always `estimated`, with the rule in `method`. */
function derived(windowStartMs: number, from: IntensityPoint, method: string | null): IntensityPoint {
  return {
    ...from,
    startMs: epochMs(windowStartMs),
    endMs: epochMs(windowStartMs + WINDOW_MS),
    kind: 'estimated',
    method,
  };
}

function mean(values: readonly number[]): GramsPerKwh {
  return gramsPerKwh(values.reduce((sum, value) => sum + value, 0) / values.length);
}

function isoMinute(instantMs: number): string {
  return `${new Date(instantMs).toISOString().slice(0, 16)}Z`;
}
