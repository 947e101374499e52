/**
 * UK Carbon Intensity API: national, Great Britain without Northern Ireland. Combustion only (so basis `direct`),
 * imports included (so scope `consumption`), half-hours, no key. Data: NESO, CC BY 4.0.
 */
import { z } from 'zod';
import { DAY_MS } from '../../shared/time/window.ts';
import { checkedSeries, type Row } from './checked-series.ts';
import type { ProviderHttp } from './http.ts';
import type { FetchOutcome, IntensityProvider, SeriesRequest } from './provider.ts';
import {
  fetchForecastHalfHours,
  fetchHalfHours,
  HALF_HOUR_MS,
  minuteSchema,
  UK_SERVICE,
} from './uk-half-hours.ts';

const RULES = { stepMs: HALF_HOUR_MS, mayBeAllZero: false };

const rowSchema = z.object({
  from: minuteSchema,
  to: minuteSchema,
  intensity: z.object({ forecast: z.number().nullish(), actual: z.number().nullish() }),
});

export const ukCarbonIntensity: IntensityProvider = {
  name: 'uk-carbon-intensity',
  service: UK_SERVICE,
  basis: 'direct',
  signal: 'average',
  scope: 'consumption',
  refreshMs: 15 * 60_000,
  historyMs: 13 * DAY_MS,
  archiveMs: 366 * DAY_MS,
  covers: (gridZone) => gridZone === 'GB',
  fetchSeries,
  fetchForecast,
};

async function fetchSeries(request: SeriesRequest, http: ProviderHttp): Promise<FetchOutcome> {
  const reply = await fetchHalfHours('intensity', request, http);
  return reply.ok ? checkedSeries(reply.rows.map(toRow), request, RULES) : reply.failure;
}

/** The service overwrites what it once forecast, so only what is asked for ahead of time tells how good it was. */
async function fetchForecast(request: SeriesRequest, http: ProviderHttp): Promise<FetchOutcome> {
  const reply = await fetchForecastHalfHours(request, http);
  return reply.ok ? checkedSeries(reply.rows.map(toForecastRow), request, RULES) : reply.failure;
}

function toForecastRow(raw: unknown): Row {
  const row = toRow(raw);
  return row === null || 'unreadable' in row || row.kind === 'forecast' ? row : null;
}

/** `actual` appears about half an hour after the interval; until then the provider's forecast stands, as a forecast. */
function toRow(raw: unknown): Row {
  const parsed = rowSchema.safeParse(raw);
  if (!parsed.success) return { unreadable: 'a row without from, to and intensity' };
  const { from, to, intensity } = parsed.data;
  const startMs = Date.parse(from);
  if (Date.parse(to) - startMs !== HALF_HOUR_MS)
    return { unreadable: `${from} to ${to} is not half an hour` };
  const gramsPerKwh = intensity.actual ?? intensity.forecast;
  if (gramsPerKwh === null || gramsPerKwh === undefined) return null;
  const kind = typeof intensity.actual === 'number' ? 'measured' : 'forecast';
  return { startMs, gramsPerKwh, kind, method: null, issuedAtMs: null };
}
