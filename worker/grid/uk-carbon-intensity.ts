/**
 * UK Carbon Intensity API: national, Great Britain without Northern Ireland. Combustion only (so basis `direct`),
 * imports included (so scope `consumption`), half-hours, no key. Data: NESO, CC BY 4.0.
 */
import { z } from 'zod';
import { DAY_MS } from '../../shared/time/window.ts';
import { checkedSeries, type Row } from './checked-series.ts';
import type { ProviderHttp } from './http.ts';
import type { FetchOutcome, IntensityProvider, SeriesRequest } from './provider.ts';

const HALF_HOUR_MS = 1_800_000;
const RULES = { stepMs: HALF_HOUR_MS, mayBeAllZero: false };

const replySchema = z.object({ data: z.array(z.unknown()) });
/** `2023-03-17T12:00Z`: no seconds. */
const minuteSchema = z.iso.datetime({ precision: -1 });
const rowSchema = z.object({
  from: minuteSchema,
  to: minuteSchema,
  intensity: z.object({ forecast: z.number().nullish(), actual: z.number().nullish() }),
});

export const ukCarbonIntensity: IntensityProvider = {
  name: 'uk-carbon-intensity',
  basis: 'direct',
  signal: 'average',
  scope: 'consumption',
  refreshMs: 15 * 60_000,
  historyMs: 13 * DAY_MS,
  covers: (gridZone) => gridZone === 'GB',
  fetchSeries,
};

async function fetchSeries(request: SeriesRequest, http: ProviderHttp): Promise<FetchOutcome> {
  const rows: Row[] = [];
  for (const { fromMs, toMs } of splitAtNewYear(request)) {
    const path = `/intensity/${minute(fromMs)}/${minute(toMs)}`;
    const reply = await http.getJson(new URL(path, 'https://api.carbonintensity.org.uk'));
    if (!reply.ok) return reply.failure;
    const parsed = replySchema.safeParse(reply.body);
    if (!parsed.success) return { outcome: 'failed', reason: 'the reply has no list "data"' };
    rows.push(...parsed.data.data.map(toRow));
  }
  return checkedSeries(rows, request, RULES);
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

/** A range over the turn of a year is answered only up to it, so each year is asked for on its own. */
function splitAtNewYear({ fromMs, toMs }: SeriesRequest): { fromMs: number; toMs: number }[] {
  const newYearMs = Date.UTC(new Date(fromMs).getUTCFullYear() + 1, 0, 1);
  return newYearMs < toMs
    ? [
        { fromMs, toMs: newYearMs },
        { fromMs: newYearMs, toMs },
      ]
    : [{ fromMs, toMs }];
}

function minute(instantMs: number): string {
  return `${new Date(instantMs).toISOString().slice(0, 16)}Z`;
}
