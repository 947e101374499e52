/**
 * Keeps the series of the zones in use: asks each provider what is due, stores what changed, remembers what failed.
 * It is the only place that talks to providers; reports and answers never wait for one.
 */
import { DAY_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { epochMs } from '../../shared/units.ts';
import { nextFetchState } from '../grid/fetch-state.ts';
import { createProviderHttp, type ProviderHttp } from '../grid/http.ts';
import type { FetchOutcome, IntensityProvider, SeriesRequest } from '../grid/provider.ts';
import { readFetches, type StoredFetch, writeFetches } from '../storage/grid-fetches.ts';
import { storeValues } from '../storage/grid-writes.ts';
import { providersToAsk, serviceOf } from './grid-services.ts';
import { gridZonesInUse } from './grid-zones-in-use.ts';

/** The free plan allows 50 queries and 50 requests per run, of which other jobs need some; a fetch takes six queries, the first of a series eight. The rest waits its turn. */
const MAX_FETCHES_PER_RUN = 5;
/** After so many failures in a row a service is left alone until the next run: its other zones would fail as well. */
const CIRCUIT_OPENS_AFTER = 2;

/** A new zone gets the past that the hour-of-day profile needs; its first fetch, and after a long silence. */
export const FIRST_SPAN_MS = 7 * DAY_MS;
/** Providers revise for a day and more, so each fetch re-reads a day, and the first of each UTC day re-reads three. */
const USUAL_SPAN_MS = DAY_MS;
const DAILY_SPAN_MS = 3 * DAY_MS;

export interface RefreshDependencies {
  readonly db: D1Database;
  readonly providers: readonly IntensityProvider[];
  readonly fetch: typeof fetch;
  readonly nowMs: number;
}

interface DueFetch {
  readonly provider: IntensityProvider;
  readonly gridZone: string;
  readonly previous: StoredFetch | null;
}

export interface RefreshResult {
  readonly provider: string;
  readonly gridZone: string;
  readonly outcome: FetchOutcome['outcome'];
  /** Values added or replaced. */
  readonly written: number;
  readonly revised: number;
}

/**
 * One run. Services are asked side by side, all that one is asked for one after the other. Throws only where the
 * database fails, after every provider had its turn.
 */
export async function refreshGrid(dependencies: RefreshDependencies): Promise<RefreshResult[]> {
  const due = await dueFetches(dependencies);
  const http = createProviderHttp(dependencies);
  const runs = await Promise.allSettled(
    [...new Set(dependencies.providers.map(serviceOf))].map((service) =>
      refreshService(
        dependencies,
        http,
        due.filter(({ provider }) => serviceOf(provider) === service),
      ),
    ),
  );
  const broken = runs.find((run) => run.status === 'rejected');
  if (broken) throw broken.reason;
  return runs.flatMap((run) => (run.status === 'fulfilled' ? run.value : []));
}

async function dueFetches({ db, providers, nowMs }: RefreshDependencies): Promise<DueFetch[]> {
  const [zones, fetches] = await Promise.all([gridZonesInUse(db, nowMs), readFetches(db)]);
  const stateOf = new Map(fetches.map((row) => [`${row.provider} ${row.gridZone}`, row]));
  const dueAtMs = ({ previous }: DueFetch) => previous?.nextDueAtMs ?? 0;
  const queues = providersToAsk(providers, fetches, nowMs).map((provider) =>
    zones
      .filter((gridZone) => provider.covers(gridZone))
      .map((gridZone) => ({
        provider,
        gridZone,
        previous: stateOf.get(`${provider.name} ${gridZone}`) ?? null,
      }))
      .filter((fetch) => dueAtMs(fetch) <= nowMs)
      .sort((a, b) => dueAtMs(a) - dueAtMs(b)),
  );
  // The first of every provider before the second of any: one that fails for many zones keeps no other waiting.
  return queues
    .flatMap((queue) => queue.map((fetch, turn) => ({ fetch, turn })))
    .sort((a, b) => a.turn - b.turn || dueAtMs(a.fetch) - dueAtMs(b.fetch))
    .slice(0, MAX_FETCHES_PER_RUN)
    .map(({ fetch }) => fetch);
}

async function refreshService(
  { db, nowMs }: RefreshDependencies,
  http: ProviderHttp,
  queue: readonly DueFetch[],
): Promise<RefreshResult[]> {
  const results: RefreshResult[] = [];
  let failuresInARow = 0;
  for (const [index, { provider, gridZone, previous }] of queue.entries()) {
    const outcome = await askProvider(provider, requestOf(provider, gridZone, previous, nowMs), http);
    const { basis, signal, scope, name } = provider;
    const stored =
      outcome.outcome === 'values'
        ? await storeValues(db, { gridZone, basis, signal, scope, provider: name }, outcome.values, nowMs)
        : { written: 0, revised: 0 };
    results.push({ provider: name, gridZone, outcome: outcome.outcome, ...stored });

    // A limit is on the caller, not on the zone: what still waits waits as long.
    const concerned = outcome.outcome === 'rateLimited' ? queue.slice(index) : queue.slice(index, index + 1);
    await writeFetches(
      db,
      concerned.map((fetch) => ({
        provider: fetch.provider.name,
        gridZone: fetch.gridZone,
        ...nextFetchState(fetch.previous, outcome, { nowMs, refreshMs: fetch.provider.refreshMs }),
      })),
    );
    failuresInARow = outcome.outcome === 'failed' ? failuresInARow + 1 : 0;
    if (outcome.outcome === 'rateLimited' || failuresInARow >= CIRCUIT_OPENS_AFTER) break;
  }
  return results;
}

/** A provider never throws by its contract; one that does has failed like any other. */
export async function askProvider(
  provider: IntensityProvider,
  request: SeriesRequest,
  http: ProviderHttp,
): Promise<FetchOutcome> {
  try {
    return await provider.fetchSeries(request, http);
  } catch (error) {
    return { outcome: 'failed', reason: `the adapter failed: ${String(error)}` };
  }
}

function requestOf(
  provider: IntensityProvider,
  gridZone: string,
  previous: StoredFetch | null,
  nowMs: number,
): SeriesRequest {
  const lastOkAtMs = previous?.lastOkAtMs ?? null;
  const sinceOkMs = lastOkAtMs === null ? FIRST_SPAN_MS : nowMs - lastOkAtMs;
  const sameDay = lastOkAtMs !== null && Math.floor(lastOkAtMs / DAY_MS) === Math.floor(nowMs / DAY_MS);
  const spanMs = Math.min(
    Math.max(sinceOkMs + USUAL_SPAN_MS, sameDay ? USUAL_SPAN_MS : DAILY_SPAN_MS),
    provider.historyMs,
  );
  const toMs = Math.ceil((nowMs + 1) / WINDOW_MS) * WINDOW_MS;
  return {
    gridZone,
    fromMs: epochMs(Math.floor((nowMs - spanMs) / WINDOW_MS) * WINDOW_MS),
    toMs: epochMs(toMs),
    nowMs: epochMs(nowMs),
  };
}
