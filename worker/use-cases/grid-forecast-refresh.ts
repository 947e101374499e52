/**
 * Asks providers for what they expect, once an hour for each zone in use, and keeps it as it was issued: services overwrite
 * what they once forecast, so a later look would flatter them.
 */
import { LeadErrors } from '../../shared/grid/lead-errors.ts';
import { DAY_MS, HOUR_MS, hourStart, WINDOW_MS, windowStart } from '../../shared/time/window.ts';
import { epochMs } from '../../shared/units.ts';
import { nextFetchState } from '../grid/fetch-state.ts';
import { createProviderHttp, type ProviderHttp } from '../grid/http.ts';
import type { FetchOutcome, IntensityProvider, ProviderValue } from '../grid/provider.ts';
import { readFetches, type StoredFetch, writeFetches } from '../storage/grid-fetches.ts';
import {
  FORECAST_RETENTION_MS,
  type Issue,
  keepForecast,
  readForecastRecord,
  readHours,
} from '../storage/grid-forecasts.ts';
import { findOrAddSeries } from '../storage/grid-writes.ts';
import { issueOfProvider } from './grid-forecast-issue.ts';
import { forecastStateName, providersToAsk, serviceOf } from './grid-services.ts';
import { gridZonesInUse } from './grid-zones-in-use.ts';

/** Eight queries each at most: the free plan's fifty are for the whole run. The rest waits its turn. */
const MAX_FETCHES_PER_RUN = 2;
const REFRESH_MS = HOUR_MS;
/** No provider looks further ahead. */
const HORIZON_MS = 4 * DAY_MS;

export interface ForecastDependencies {
  readonly db: D1Database;
  readonly providers: readonly IntensityProvider[];
  readonly fetch: typeof fetch;
  readonly nowMs: number;
}

type Forecasting = IntensityProvider & Required<Pick<IntensityProvider, 'fetchForecast'>>;

interface DueForecast {
  readonly provider: Forecasting;
  readonly gridZone: string;
  readonly previous: StoredFetch | null;
}

export interface ForecastFetchResult {
  readonly provider: string;
  readonly gridZone: string;
  readonly outcome: FetchOutcome['outcome'];
}

/** One run. A service that fails is left alone until the next one. */
export async function refreshForecasts(dependencies: ForecastDependencies): Promise<ForecastFetchResult[]> {
  const { db, nowMs } = dependencies;
  const http = createProviderHttp(dependencies);
  const results: ForecastFetchResult[] = [];
  const leftAlone = new Set<string>();
  for (const due of await dueForecasts(dependencies)) {
    const { provider, gridZone, previous } = due;
    if (leftAlone.has(serviceOf(provider))) continue;
    const outcome = await ask(due, http, nowMs);
    if (outcome.outcome === 'values') await keep(db, due, outcome.values, nowMs);
    if (outcome.outcome !== 'values' && outcome.outcome !== 'noData') leftAlone.add(serviceOf(provider));
    const state = nextFetchState(previous, outcome, { nowMs, refreshMs: REFRESH_MS });
    await writeFetches(db, [{ provider: forecastStateName(provider.name), gridZone, ...state }]);
    results.push({ provider: provider.name, gridZone, outcome: outcome.outcome });
  }
  return results;
}

async function dueForecasts({ db, providers, nowMs }: ForecastDependencies): Promise<DueForecast[]> {
  const forecasting = providers.filter((provider): provider is Forecasting => 'fetchForecast' in provider);
  if (forecasting.length === 0) return [];
  const [zones, fetches] = await Promise.all([gridZonesInUse(db, nowMs), readFetches(db)]);
  const stateOf = new Map(fetches.map((row) => [`${row.provider} ${row.gridZone}`, row]));
  const toAsk = providersToAsk(providers, fetches, nowMs);
  return forecasting
    .filter((provider) => toAsk.includes(provider))
    .flatMap((provider) =>
      zones
        .filter((gridZone) => provider.covers(gridZone))
        .map((gridZone) => ({
          provider,
          gridZone,
          previous: stateOf.get(`${forecastStateName(provider.name)} ${gridZone}`) ?? null,
        })),
    )
    .filter(({ previous }) => previous === null || previous.nextDueAtMs <= nowMs)
    .sort((a, b) => (a.previous?.nextDueAtMs ?? 0) - (b.previous?.nextDueAtMs ?? 0))
    .slice(0, MAX_FETCHES_PER_RUN);
}

/** A provider never throws by its contract; one that does has failed like any other. */
async function ask(
  { provider, gridZone }: DueForecast,
  http: ProviderHttp,
  nowMs: number,
): Promise<FetchOutcome> {
  const fromMs = windowStart(nowMs);
  const request = {
    gridZone,
    fromMs,
    toMs: epochMs(fromMs + HORIZON_MS),
    nowMs: epochMs(nowMs),
  };
  try {
    return await provider.fetchForecast(request, http);
  } catch (error) {
    return { outcome: 'failed', reason: `the adapter failed: ${String(error)}` };
  }
}

async function keep(
  db: D1Database,
  { provider, gridZone }: DueForecast,
  values: readonly ProviderValue[],
  nowMs: number,
): Promise<void> {
  const { basis, signal, scope, name } = provider;
  const seriesId = await findOrAddSeries(db, { gridZone, basis, signal, scope, provider: name });
  const errors = await errorsSoFar(db, seriesId, nowMs);
  await keepForecast(db, seriesId, hourStart(nowMs), issueOfProvider(values, errors, nowMs));
}

/** What became of the issues of the last days: the provider itself names no band. */
async function errorsSoFar(db: D1Database, seriesId: number, nowMs: number): Promise<LeadErrors> {
  const fromMs = hourStart(nowMs - FORECAST_RETENTION_MS);
  const [issues, hours] = await Promise.all([
    readForecastRecord(db, seriesId, nowMs),
    readHours(db, seriesId, { fromMs, toMs: hourStart(nowMs) }),
  ]);
  const errors = new LeadErrors();
  for (const issue of issues) {
    for (const [hourMs, gramsPerKwh] of wholeHours(issue)) {
      const outcome = hours[(hourMs - fromMs) / HOUR_MS];
      if (outcome === undefined || Number.isNaN(outcome)) continue;
      errors.add((hourMs - issue.fetchedAtMs) / HOUR_MS, gramsPerKwh, outcome);
    }
  }
  return errors;
}

/** Means of the hours that the issue covers whole and that were still ahead. */
function wholeHours({ steps, fetchedAtMs }: Issue): Map<number, number> {
  const sums = new Map<number, { grams: number; durationMs: number }>();
  for (const { startMs, endMs, gramsPerKwh } of steps) {
    if (startMs < fetchedAtMs - WINDOW_MS) continue;
    const sum = sums.get(hourStart(startMs)) ?? { grams: 0, durationMs: 0 };
    sum.grams += gramsPerKwh * (endMs - startMs);
    sum.durationMs += endMs - startMs;
    sums.set(hourStart(startMs), sum);
  }
  return new Map(
    [...sums]
      .filter(([, { durationMs }]) => durationMs === HOUR_MS)
      .map(([hourMs, { grams }]) => [hourMs, grams / HOUR_MS]),
  );
}
