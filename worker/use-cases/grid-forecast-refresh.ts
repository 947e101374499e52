/**
 * Asks providers for what they expect, every three hours for each zone in use, and keeps it as it was issued: services overwrite
 * what they once forecast, so a later look would flatter them.
 */
import { LeadErrors } from '../../shared/grid/lead-errors.ts';
import { DAY_MS, HOUR_MS, hourStart, WINDOW_MS, windowStart } from '../../shared/time/window.ts';
import { epochMs } from '../../shared/units.ts';
import { nextFetchState } from '../grid/fetch-state.ts';
import { createProviderHttp } from '../grid/http.ts';
import type { FetchOutcome, IntensityProvider, ProviderValue } from '../grid/provider.ts';
import { splitIntoReplies } from '../grid/replies.ts';
import { readFetches, type StoredFetch, writeFetches } from '../storage/grid-fetches.ts';
import {
  FORECAST_RETENTION_MS,
  type Issue,
  keepForecast,
  readForecastRecord,
  readHours,
} from '../storage/grid-forecasts.ts';
import { findOrAddSeveral } from '../storage/grid-writes.ts';
import { issueOfProvider } from './grid-forecast-issue.ts';
import { askForReply, broughtBy, replyDueAtMs, serviceOfReply } from './grid-replies.ts';
import { forecastStateName, ServiceGate } from './grid-services.ts';
import { gridZonesInUse } from './grid-zones-in-use.ts';

/** Some four queries a series, and replies hold two series each: the free plan's fifty are for the whole run. The rest waits its turn. */
const MAX_REPLIES_PER_RUN = 2;
/** A forecast serves for six hours; asked for oftener, a start that is planned with it is no greener (docs/decisions/0003). */
const REFRESH_MS = 3 * HOUR_MS;
/** No provider looks further ahead. */
const HORIZON_MS = 4 * DAY_MS;

export interface ForecastDependencies {
  readonly db: D1Database;
  readonly providers: readonly IntensityProvider[];
  readonly fetch: typeof fetch;
  readonly nowMs: number;
}

type Forecasting = IntensityProvider & Required<Pick<IntensityProvider, 'fetchForecast'>>;

interface Expected {
  readonly provider: Forecasting;
  readonly gridZone: string;
  readonly previous: StoredFetch | null;
}

/** All of one service, answered by one request. */
type Reply = readonly Expected[];

export interface ForecastFetchResult {
  readonly provider: string;
  readonly gridZone: string;
  readonly outcome: FetchOutcome['outcome'];
}

/** One run. A service that fails is left alone until the next one. */
export async function refreshForecasts(dependencies: ForecastDependencies): Promise<ForecastFetchResult[]> {
  const { db, providers, nowMs } = dependencies;
  const forecasting = providers.filter((provider): provider is Forecasting => 'fetchForecast' in provider);
  if (forecasting.length === 0) return [];
  const http = createProviderHttp(dependencies);
  const gate = await ServiceGate.open(db, nowMs);
  const results: ForecastFetchResult[] = [];
  const leftAlone = new Set<string>();
  const fromMs = windowStart(nowMs);
  const request = { fromMs, toMs: epochMs(fromMs + HORIZON_MS), nowMs: epochMs(nowMs) };
  for (const reply of await dueReplies(dependencies, forecasting, gate)) {
    const service = serviceOfReply(reply);
    if (leftAlone.has(service)) continue;
    const outcomes = await gate.ask(service, () =>
      askForReply(reply, request, http, (provider, ...asked) => provider.fetchForecast(...asked)),
    );
    if (outcomes === null) continue;
    if (outcomes.every(({ outcome }) => outcome === 'failed')) leftAlone.add(service);
    await keepReply(db, reply, outcomes, nowMs);
    await writeFetches(
      db,
      reply.map(({ provider, gridZone, previous }, index) => ({
        provider: forecastStateName(provider.name),
        gridZone,
        ...nextFetchState(previous, outcomes[index]!, { nowMs, refreshMs: REFRESH_MS, isOfPresent: false }),
      })),
    );
    for (const [index, { provider, gridZone }] of reply.entries())
      results.push({ provider: provider.name, gridZone, outcome: outcomes[index]!.outcome });
  }
  return results;
}

async function dueReplies(
  { db, nowMs }: ForecastDependencies,
  forecasting: readonly Forecasting[],
  gate: ServiceGate,
): Promise<Reply[]> {
  const [zones, fetches] = await Promise.all([gridZonesInUse(db, nowMs), readFetches(db)]);
  const stateOf = new Map(fetches.map((row) => [`${row.provider} ${row.gridZone}`, row]));
  const expected = forecasting.flatMap((provider) =>
    zones
      .filter((gridZone) => provider.covers(gridZone))
      .map((gridZone) => ({
        provider,
        gridZone,
        previous: stateOf.get(`${forecastStateName(provider.name)} ${gridZone}`) ?? null,
      })),
  );
  return splitIntoReplies(expected, () => HORIZON_MS)
    .filter(
      (reply) => replyDueAtMs(reply, nowMs) <= nowMs && gate.circuitOf(serviceOfReply(reply)) !== 'open',
    )
    .sort((a, b) => replyDueAtMs(a, nowMs) - replyDueAtMs(b, nowMs))
    .slice(0, MAX_REPLIES_PER_RUN);
}

async function keepReply(
  db: D1Database,
  reply: Reply,
  outcomes: readonly FetchOutcome[],
  nowMs: number,
): Promise<void> {
  const issues = broughtBy(reply, outcomes);
  if (issues.length === 0) return;
  const ids = await findOrAddSeveral(
    db,
    issues.map(({ series }) => series),
  );
  for (const [index, { values }] of issues.entries()) await keep(db, ids[index]!, values, nowMs);
}

async function keep(
  db: D1Database,
  seriesId: number,
  values: readonly ProviderValue[],
  nowMs: number,
): Promise<void> {
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
