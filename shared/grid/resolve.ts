/**
 * Which intensity a window is charged with: the order of trust within one zone, basis and signal.
 *
 *   1. a live value that covers the window: the user's own series first, then the better kind, then the finer step;
 *   2. the last known value, carried forward for at most 2 h beyond its end (`estimated`);
 *   3. the mean of this hour of the day over the last 7 days, from at least 4 complete hours (`estimated`);
 *   4. the same three among values of production, where consumption has none of them;
 *   5. the yearly average (`annual`);
 *   6. nothing: null, and the window's energy is excluded, never converted from another basis.
 *
 * An operator's own order (trust.ts) names the providers that count, the most trusted first, and the fallbacks allowed:
 * then rule 1 takes the first of them that has a value, of whatever scope, before rules 2, 3 and 5.
 *
 * Values of production and consumption are never carried on or averaged together. A user's own series is held to be what
 * the user wants charged, whatever its scope.
 * Only what precedes a window stands in for it, so an answer depends on the values alone and not on when it is asked.
 * The bounds 2 h and 7 days come from how a value ages (docs/grid.md).
 */
import { DAY_MS, HOUR_MS, hourStart, WINDOW_MS, WINDOWS_PER_HOUR } from '../time/window.ts';
import { epochMs, type GramsPerKwh, gramsPerKwh } from '../units.ts';
import { type Basis, INTENSITY_KINDS, type IntensityPoint, type Signal } from './intensity.ts';
import { DEFAULT_TRUST, type Fallback, type TrustAt, type TrustOrder } from './trust.ts';
import { annualIntensity, annualPoint } from './zones.ts';

/** Provider name of the series that a user brings. */
export const USER_PROVIDER = 'user';

export const CARRY_FORWARD_MS = 2 * HOUR_MS;
const PROFILE_DAYS = 7;
const PROFILE_MINIMUM_DAYS = 4;

/** How far before the first window the points must reach for rules 2 and 3 to have what they need. */
export const LOOKBACK_MS = PROFILE_DAYS * DAY_MS;

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
 * over all that precedes it, whichever order held then.
 */
export function intensityResolver(
  query: IntensityQuery,
  points: readonly IntensityPoint[],
  trustAt: TrustAt = () => DEFAULT_TRUST,
): IntensityResolver {
  const resolvers = new Map<TrustOrder, IntensityResolver>();
  return (windowStartMs) => {
    const trust = trustAt(windowStartMs);
    let resolve = resolvers.get(trust);
    if (!resolve) {
      resolve = resolverOfOrder(query, points, trust);
      resolvers.set(trust, resolve);
    }
    return resolve(windowStartMs);
  };
}

function resolverOfOrder(
  { gridZone, basis, signal }: IntensityQuery,
  points: readonly IntensityPoint[],
  trust: TrustOrder,
): IntensityResolver {
  const rules = trust.providers === null ? defaultRules(points) : orderedRules(points, trust.providers);
  const allowed = rules.filter(({ fallback }) => fallback === null || trust.fallbacks.includes(fallback));
  return (windowStartMs) => {
    for (const { value } of allowed) {
      const known = value(windowStartMs);
      if (known) return known;
    }
    const annual = trust.fallbacks.includes('annual')
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

/** Consumption first, by all of its rules, then production by the same. */
function defaultRules(points: readonly IntensityPoint[]): Rule[] {
  const ofProduction = ({ provider, scope }: IntensityPoint) =>
    scope === 'production' && provider !== USER_PROVIDER;
  return [points.filter((point) => !ofProduction(point)), points.filter(ofProduction)].flatMap((ofScope) =>
    rulesWithinScope(liveByWindow(ofScope, compareTrust)),
  );
}

/** Live values of both scopes in the operator's order, then each fallback, first of the scope named first. */
function orderedRules(points: readonly IntensityPoint[], providers: readonly string[]): Rule[] {
  const rank = ({ provider }: IntensityPoint) => providers.indexOf(provider);
  const compare: Compare = (a, b) => rank(a) - rank(b) || compareTrust(a, b);
  const listed = points.filter((point) => rank(point) >= 0).sort(compare);
  const scopes = [...new Set(listed.map(({ scope }) => scope ?? 'consumption'))];
  const byScope = scopes.flatMap((wanted) =>
    rulesWithinScope(
      liveByWindow(
        listed.filter(({ scope }) => (scope ?? 'consumption') === wanted),
        compare,
      ),
    ),
  );
  const live = liveByWindow(listed, compare);
  return [
    { fallback: null, value: (windowStartMs) => live.get(windowStartMs) ?? null },
    ...byScope.filter(({ fallback }) => fallback === 'carryForward'),
    ...byScope.filter(({ fallback }) => fallback === 'hourOfDayMean'),
  ];
}

/** Rules 1 to 3. */
function rulesWithinScope(live: ReadonlyMap<number, IntensityPoint>): Rule[] {
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

/** Negative if `a` is trusted more: the user's, the better kind, the finer step; then by scope, name and start, so that order is total. */
function compareTrust(a: IntensityPoint, b: IntensityPoint): number {
  return (
    Number(b.provider === USER_PROVIDER) - Number(a.provider === USER_PROVIDER) ||
    INTENSITY_KINDS.indexOf(a.kind) - INTENSITY_KINDS.indexOf(b.kind) ||
    a.endMs - a.startMs - (b.endMs - b.startMs) ||
    Number(a.scope === 'production') - Number(b.scope === 'production') ||
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
