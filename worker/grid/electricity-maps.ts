/**
 * Electricity Maps API v4 with the user's own key: flow-traced averages of consumption, hourly, lifecycle or direct.
 * `history` gives the trailing 24 hours, revised values included, to every key; what lies before comes from `past-range`,
 * which free keys are refused. Source: Electricity Maps; its terms are the user's.
 */
import { z } from 'zod';
import type { Basis } from '../../shared/grid/intensity.ts';
import { isElectricityMapsZone } from '../../shared/grid/zones.ts';
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import { checkedSeries, type Row } from './checked-series.ts';
import { fetchElectricityMapsForecast } from './electricity-maps-forecast.ts';
import type { ProviderHttp } from './http.ts';
import type { FetchFailure, FetchOutcome, IntensityProvider, SeriesRequest } from './provider.ts';

const HISTORY_MS = DAY_MS;
/** Without a gap the trailing day is all there is to ask: a few minutes more are none. */
const GAP_MS = 2 * HOUR_MS;
/** The most hours that `past-range` gives at once. */
const MAX_RANGE_MS = 10 * DAY_MS;

const historySchema = z.object({ zone: z.string(), history: z.array(z.unknown()) });
const pastRangeSchema = z
  .object({ zone: z.string(), data: z.array(z.unknown()) })
  .transform(({ zone, data }) => ({ zone, history: data }));
const rowSchema = z.object({
  zone: z.string(),
  carbonIntensity: z.number().nullable(),
  datetime: z.iso.datetime(),
  updatedAt: z.iso.datetime().nullish(),
  emissionFactorType: z.string(),
  isEstimated: z.boolean(),
  estimationMethod: z.string().max(100).nullish(),
});

/** One provider per basis, so that each series has its own state and none can stand in for the other. */
export function electricityMaps(basis: Basis, token: string): IntensityProvider {
  return {
    name: basis === 'lifecycle' ? 'electricity-maps' : 'electricity-maps-direct',
    service: 'electricity-maps',
    basis,
    signal: 'average',
    scope: 'consumption',
    refreshMs: 15 * 60_000,
    historyMs: MAX_RANGE_MS,
    archiveMs: 366 * DAY_MS,
    covers: isElectricityMapsZone,
    fetchSeries: (request, http) => fetchSeries(request, http, basis, token),
    // A forecast does not say its basis, so only the one that the service has by default is taken.
    ...(basis === 'lifecycle' && {
      fetchForecast: (request, http) => fetchElectricityMapsForecast(request, http, token),
    }),
  };
}

async function fetchSeries(
  request: SeriesRequest,
  http: ProviderHttp,
  basis: Basis,
  token: string,
): Promise<FetchOutcome> {
  const historyFromMs = request.nowMs - HISTORY_MS;
  const past =
    request.fromMs < historyFromMs - GAP_MS ? await askPastRange(request, http, basis, token) : null;
  if (past && (request.toMs <= historyFromMs || (!past.ok && past.failure.outcome === 'rateLimited')))
    return past.ok ? checked(past.rows, request, basis) : past.failure;
  const history = await askFor('history', {}, historySchema, request, http, basis, token);
  if (!history.ok) return history.failure;
  const earlier: readonly Row[] = past?.ok
    ? past.rows
    : past
      ? [{ unreadable: `what lies before the last day: ${past.failure.reason}` }]
      : [];
  return checked([...earlier, ...history.rows], request, basis);
}

function checked(rows: readonly Row[], request: SeriesRequest, basis: Basis): FetchOutcome {
  // Lifecycle is never zero; direct truly is where nothing burns, as in Iceland.
  return checkedSeries(rows, request, { stepMs: HOUR_MS, mayBeAllZero: basis === 'direct' });
}

type RowsReply =
  | { readonly ok: true; readonly rows: readonly Row[] }
  | { readonly ok: false; readonly failure: FetchFailure };

/** Up to the hour where `history` begins: an hour that both give may differ between them. */
function askPastRange(
  request: SeriesRequest,
  http: ProviderHttp,
  basis: Basis,
  token: string,
): Promise<RowsReply> {
  const endMs = Math.min(request.toMs, Math.ceil((request.nowMs - HISTORY_MS) / HOUR_MS) * HOUR_MS);
  const range = {
    start: new Date(Math.floor(request.fromMs / HOUR_MS) * HOUR_MS).toISOString(),
    end: new Date(endMs).toISOString(),
  };
  return askFor('past-range', range, pastRangeSchema, request, http, basis, token);
}

async function askFor(
  endpoint: 'history' | 'past-range',
  range: Record<string, string>,
  schema: z.ZodType<{ zone: string; history: unknown[] }>,
  { gridZone }: SeriesRequest,
  http: ProviderHttp,
  basis: Basis,
  token: string,
): Promise<RowsReply> {
  const url = new URL(`https://api.electricitymaps.com/v4/carbon-intensity/${endpoint}`);
  url.search = new URLSearchParams({
    zone: gridZone,
    ...range,
    emissionFactorType: basis,
    // Without it an unknown zone would be answered with that of the data centre we run in.
    disableCallerLookup: 'true',
  }).toString();
  const reply = await http.getJson(url, { 'auth-token': token });
  if (!reply.ok) return reply;
  const parsed = schema.safeParse(reply.body);
  if (!parsed.success) {
    const list = endpoint === 'history' ? 'history' : 'data';
    return failed(`the reply has no "zone" and list "${list}"`);
  }
  const { zone, history } = parsed.data;
  if (zone !== gridZone) return failed(`asked for ${gridZone}, the reply is of ${zone}`);
  return { ok: true, rows: history.map((raw) => toRow(raw, gridZone, basis)) };
}

function failed(reason: string): RowsReply {
  return { ok: false, failure: { outcome: 'failed', reason } };
}

function toRow(raw: unknown, gridZone: string, basis: Basis): Row {
  const parsed = rowSchema.safeParse(raw);
  if (!parsed.success) return { unreadable: 'a row without zone, datetime, carbonIntensity and isEstimated' };
  const row = parsed.data;
  if (row.zone !== gridZone) return { unreadable: `a row of zone ${row.zone}, asked for ${gridZone}` };
  if (row.emissionFactorType !== basis) {
    return { unreadable: `a row on basis ${row.emissionFactorType}, asked for ${basis}` };
  }
  if (row.carbonIntensity === null) return null;
  return {
    startMs: Date.parse(row.datetime),
    gramsPerKwh: row.carbonIntensity,
    kind: row.isEstimated ? 'estimated' : 'measured',
    method: row.estimationMethod ?? null,
    issuedAtMs: row.updatedAt ? Date.parse(row.updatedAt) : null,
  };
}
