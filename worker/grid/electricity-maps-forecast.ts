/** What Electricity Maps expects of the next 72 hours, API v4 `forecast`: hourly, with the time it was last updated. */
import { z } from 'zod';
import { HOUR_MS } from '../../shared/time/window.ts';
import { checkedSeries, type Row } from './checked-series.ts';
import type { ProviderHttp } from './http.ts';
import type { FetchOutcome, SeriesRequest } from './provider.ts';

const replySchema = z.object({
  zone: z.string(),
  forecast: z.array(z.unknown()),
  updatedAt: z.iso.datetime().nullish(),
});
const rowSchema = z.object({ carbonIntensity: z.number().nullable(), datetime: z.iso.datetime() });

/** Rows name neither basis nor signal: the service's default is the lifecycle average. */
export async function fetchElectricityMapsForecast(
  request: SeriesRequest,
  http: ProviderHttp,
  token: string,
): Promise<FetchOutcome> {
  const url = new URL('https://api.electricitymaps.com/v4/carbon-intensity/forecast');
  url.search = new URLSearchParams({
    zone: request.gridZone,
    horizonHours: '72',
    // Without it an unknown zone would be answered with that of the data centre we run in.
    disableCallerLookup: 'true',
  }).toString();
  const reply = await http.getJson(url, { 'auth-token': token });
  if (!reply.ok) return reply.failure;
  const parsed = replySchema.safeParse(reply.body);
  if (!parsed.success) return { outcome: 'failed', reason: 'the reply has no "zone" and list "forecast"' };
  const { zone, forecast, updatedAt } = parsed.data;
  if (zone !== request.gridZone) {
    return { outcome: 'failed', reason: `asked for ${request.gridZone}, the reply is of ${zone}` };
  }
  const issuedAtMs = updatedAt ? Date.parse(updatedAt) : null;
  const rows = forecast.map((raw) => toRow(raw, issuedAtMs));
  return checkedSeries(rows, request, { stepMs: HOUR_MS, mayBeAllZero: false });
}

function toRow(raw: unknown, issuedAtMs: number | null): Row {
  const parsed = rowSchema.safeParse(raw);
  if (!parsed.success) return { unreadable: 'a row without datetime and carbonIntensity' };
  const { carbonIntensity, datetime } = parsed.data;
  if (carbonIntensity === null) return null;
  const startMs = Date.parse(datetime);
  return { startMs, gramsPerKwh: carbonIntensity, kind: 'forecast', method: null, issuedAtMs };
}
