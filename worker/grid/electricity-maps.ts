/**
 * Electricity Maps API v4 with the user's own key: flow-traced averages of consumption, hourly, lifecycle or direct.
 * One request gives the trailing 24 hours, revised values included. Source: Electricity Maps; its terms are the user's.
 */
import { z } from 'zod';
import type { Basis } from '../../shared/grid/intensity.ts';
import { findZone, WORLD_ZONE } from '../../shared/grid/zones.ts';
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import { checkedSeries, type Row } from './checked-series.ts';
import type { ProviderHttp } from './http.ts';
import type { FetchOutcome, IntensityProvider, SeriesRequest } from './provider.ts';

const replySchema = z.object({ zone: z.string(), history: z.array(z.unknown()) });
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
    basis,
    signal: 'average',
    scope: 'consumption',
    refreshMs: 15 * 60_000,
    historyMs: DAY_MS,
    covers: (gridZone) => gridZone !== WORLD_ZONE && findZone(gridZone) !== null,
    fetchSeries: (request, http) => fetchSeries(request, http, basis, token),
  };
}

async function fetchSeries(
  request: SeriesRequest,
  http: ProviderHttp,
  basis: Basis,
  token: string,
): Promise<FetchOutcome> {
  const url = new URL('https://api.electricitymaps.com/v4/carbon-intensity/history');
  url.search = new URLSearchParams({
    zone: request.gridZone,
    emissionFactorType: basis,
    // Without it an unknown zone would be answered with that of the data centre we run in.
    disableCallerLookup: 'true',
  }).toString();
  const reply = await http.getJson(url, { 'auth-token': token });
  if (!reply.ok) return reply.failure;
  const parsed = replySchema.safeParse(reply.body);
  if (!parsed.success) return { outcome: 'failed', reason: 'the reply has no "zone" and list "history"' };
  if (parsed.data.zone !== request.gridZone) {
    return {
      outcome: 'failed',
      reason: `asked for ${request.gridZone}, the reply is of ${parsed.data.zone}`,
    };
  }
  const rows = parsed.data.history.map((raw) => toRow(raw, request.gridZone, basis));
  // Lifecycle is never zero; direct truly is where nothing burns, as in Iceland.
  return checkedSeries(rows, request, { stepMs: HOUR_MS, mayBeAllZero: basis === 'direct' });
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
