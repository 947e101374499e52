/**
 * The 17 regions of Great Britain, Carbon Intensity API: half-hours, no key. The service has no measurements of regions,
 * only what its model says, so every value is a `forecast`, past ones too. `direct` is its own figure, imports included;
 * `lifecycle` is computed here from the region's mix, imports left out (so scope `production`). Data: NESO, CC BY 4.0.
 */
import { z } from 'zod';
import type { Basis } from '../../shared/grid/intensity.ts';
import { UK_REGIONS } from '../../shared/grid/uk-regions.ts';
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import { checkedSeries, type Row } from './checked-series.ts';
import type { ProviderHttp } from './http.ts';
import type { FetchOutcome, IntensityProvider, SeriesRequest } from './provider.ts';
import {
  fetchHalfHoursOfAllRegions,
  fetchRegionalForecastHalfHours,
  fetchRegionalHalfHours,
  HALF_HOUR_MS,
  minuteSchema,
  UK_SERVICE,
} from './uk-half-hours.ts';
import { ukMixRows } from './uk-mix.ts';

const rowSchema = z.object({
  from: minuteSchema,
  to: minuteSchema,
  intensity: z.object({ forecast: z.number().nullish() }),
});

/** A day of all regions is 350 KB, 3 ms of CPU to parse; more would take too much of the 10 that a free plan gives to a run. */
const MAX_SPAN_OF_ALL_MS = DAY_MS + 2 * HOUR_MS;

const regionIds: ReadonlyMap<string, number> = new Map(UK_REGIONS.map(({ key, id }) => [key, id]));

/** One provider per basis, so that each series has its own state and none can stand in for the other. */
export function ukRegional(basis: Basis): IntensityProvider {
  return {
    name: basis === 'direct' ? 'uk-regional' : 'uk-regional-mix',
    service: UK_SERVICE,
    basis,
    signal: 'average',
    scope: basis === 'direct' ? 'consumption' : 'production',
    refreshMs: 15 * 60_000,
    historyMs: 13 * DAY_MS,
    archiveMs: 366 * DAY_MS,
    covers: (gridZone) => regionIds.has(gridZone),
    replyOf: () => 'uk-regional',
    zonesInReply: (spanMs) => (spanMs <= MAX_SPAN_OF_ALL_MS ? regionIds.size : 1),
    fetchSeries: (request, http) => fetchSeries(request, http, basis),
    fetchForecast: (request, http) => fetchForecast(request, http, basis),
  };
}

async function fetchSeries(request: SeriesRequest, http: ProviderHttp, basis: Basis): Promise<FetchOutcome> {
  const { gridZone, gridZonesOfReply = [gridZone] } = request;
  const fetchRows = gridZonesOfReply.length > 1 ? fetchHalfHoursOfAllRegions : fetchRegionalHalfHours;
  const reply = await fetchRows(regionIds.get(gridZone)!, request, http);
  return reply.ok ? checked(reply.rows, request, basis) : reply.failure;
}

async function fetchForecast(
  request: SeriesRequest,
  http: ProviderHttp,
  basis: Basis,
): Promise<FetchOutcome> {
  const reply = await fetchRegionalForecastHalfHours(regionIds.get(request.gridZone)!, request, http);
  return reply.ok ? checked(reply.rows, request, basis) : reply.failure;
}

function checked(raw: readonly unknown[], request: SeriesRequest, basis: Basis): FetchOutcome {
  const rows = basis === 'direct' ? raw.map(toRow) : ukMixRows(raw, basis, request.toMs).map(asForecast);
  // North Scotland burns nothing for days.
  return checkedSeries(rows, request, { stepMs: HALF_HOUR_MS, mayBeAllZero: basis === 'direct' });
}

function toRow(raw: unknown): Row {
  const parsed = rowSchema.safeParse(raw);
  if (!parsed.success) return { unreadable: 'a row without from, to and intensity' };
  const { from, to, intensity } = parsed.data;
  const startMs = Date.parse(from);
  if (Date.parse(to) - startMs !== HALF_HOUR_MS)
    return { unreadable: `${from} to ${to} is not half an hour` };
  const { forecast } = intensity;
  if (forecast === null || forecast === undefined) return null;
  return { startMs, gramsPerKwh: forecast, kind: 'forecast', method: null, issuedAtMs: null };
}

function asForecast(row: Row): Row {
  return row === null || 'unreadable' in row ? row : { ...row, kind: 'forecast' };
}
