/** Forecasts as answers show them: the newest issue, or the one that was newest at an earlier instant. */
import { type Basis, SCOPES, type Scope, type Signal } from '../../shared/grid/intensity.ts';
import { annualIntensity, findZone } from '../../shared/grid/zones.ts';
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import { ok, type Result } from '../http/problem.ts';
import { readFetches } from '../storage/grid-fetches.ts';
import {
  type ForecastStep,
  type KeptForecast,
  readForecasts,
  readSeriesReach,
} from '../storage/grid-forecasts.ts';
import { OWN_PROVIDER, ownStateName } from './grid-forecast-own.ts';
import { zoneScopes } from './grid-scopes.ts';
import { unknownZone } from './grid-unknown-zone.ts';
import { gridZonesInUse } from './grid-zones-in-use.ts';

/** What a provider said counts before what we say as long as it is no older. */
const FRESH_MS = 6 * HOUR_MS;

const DUE = 'a forecast is due; ask again in some minutes';
const NOT_IN_USE = 'no site is in this zone, and only zones in use have forecasts: create a site there';

export interface ForecastQuery {
  readonly gridZone: string;
  readonly basis: Basis;
  readonly signal: Signal;
  /** As it stood then; a forecast that came later is not seen. */
  readonly beforeMs: number;
  /** Only issues of this provider. */
  readonly provider?: string | undefined;
}

export interface ForecastAnswer {
  readonly forecast: KeptForecast | null;
  /** Why there is none. */
  readonly reason: string | null;
}

/** Problem: `unknown_grid_zone`. */
export async function gridForecast(db: D1Database, query: ForecastQuery): Promise<Result<ForecastAnswer>> {
  if (findZone(query.gridZone) === null) return unknownZone(query.gridZone);
  const { gridZone, provider, beforeMs, ...series } = query;
  const [kept, scopes] = await Promise.all([
    readForecasts(db, query, beforeMs),
    zoneScopes(db, { ...series, gridZones: [gridZone] }, beforeMs),
  ]);
  const scope = scopes.get(gridZone)!;
  // Who names a provider means its forecast, of whatever scope.
  const [forecast] =
    provider === undefined
      ? bestFirst(kept, beforeMs, scope)
      : SCOPES.flatMap((one) => bestFirst(kept, beforeMs, one)).filter((one) => one.provider === provider);
  if (forecast !== undefined) return ok({ forecast, reason: null });
  return ok({ forecast: null, reason: await whyNone(db, query) });
}

/**
 * Those of one scope, without what says nothing any more: what a provider said in the last hours before ours, then the
 * newest.
 */
export function bestFirst(
  forecasts: readonly KeptForecast[],
  beforeMs: number,
  scope: Scope,
): KeptForecast[] {
  const rank = ({ provider, fetchedAtMs }: KeptForecast) =>
    provider !== OWN_PROVIDER && beforeMs - fetchedAtMs <= FRESH_MS ? 0 : 1;
  return forecasts
    .filter((one) => one.scope === scope && endOf(one.steps) > beforeMs)
    .sort((a, b) => rank(a) - rank(b) || b.fetchedAtMs - a.fetchedAtMs);
}

export const endOf = (steps: readonly Pick<ForecastStep, 'endMs'>[]) =>
  steps.at(-1)?.endMs ?? Number.NEGATIVE_INFINITY;

/** In the words of whoever could not make it. */
export async function whyNone(
  db: D1Database,
  { gridZone, basis, signal, beforeMs }: ForecastQuery,
): Promise<string> {
  const state = (await readFetches(db)).find(
    (row) => row.provider === ownStateName(basis, signal) && row.gridZone === gridZone,
  );
  if (state?.lastError && state.consecutiveFailures === 0) return state.lastError;
  if (state) return DUE;
  if (await hasValues(db, { gridZone, basis, signal, beforeMs }))
    return (await gridZonesInUse(db, beforeMs)).includes(gridZone) ? DUE : NOT_IN_USE;
  return annualIntensity(gridZone, basis, signal, beforeMs) === null
    ? 'no series on this basis and signal is stored'
    : 'no series on this basis and signal is stored: the yearly average alone tells no hour from another';
}

async function hasValues(
  db: D1Database,
  { gridZone, basis, signal, beforeMs }: ForecastQuery,
): Promise<boolean> {
  const series = await readSeriesReach(db, [gridZone], { fromMs: beforeMs - DAY_MS, toMs: beforeMs });
  return series.some(
    (one) =>
      one.basis === basis && one.signal === signal && one.provider !== OWN_PROVIDER && one.newestMs !== null,
  );
}
