/**
 * Hourly net generation by fuel of US balancing authorities, form EIA-930, API v2 with the user's own key. Imports are
 * not in it (so scope `production`). Source: U.S. Energy Information Administration, public domain.
 */
import { z } from 'zod';
import type { Basis } from '../../shared/grid/intensity.ts';
import { findZone } from '../../shared/grid/zones.ts';
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import { checkedSeries } from './checked-series.ts';
import { type FuelCodes, type MixEntry, mixRows } from './generation-mix.ts';
import { ofTheKey, type ProviderHttp } from './http.ts';
import type { FetchOutcome, IntensityProvider, SeriesRequest } from './provider.ts';

const FUELS: FuelCodes = {
  COL: 'coal',
  NG: 'gas',
  NUC: 'nuclear',
  OIL: 'oil',
  WAT: 'hydro',
  SUN: 'solar',
  WND: 'wind',
  GEO: 'geothermal',
  OTH: 'unknown',
  UNK: 'unknown',
  // Plants with a battery of their own.
  SNB: 'solar',
  WNB: 'wind',
  BAT: 'left out',
  PS: 'left out',
  OES: 'left out',
  UES: 'left out',
};

/** The most that the API gives at once; 13 days of one authority are fewer. */
const MAX_ROWS = 5_000;
/** One for each fuel; an authority with a dozen is rare. */
const MOST_ROWS_PER_HOUR = Object.keys(FUELS).length;

const replySchema = z.object({ response: z.object({ data: z.array(z.unknown()) }) });
const rowSchema = z.object({
  // UTC, and the end of the hour.
  period: z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}$/),
  respondent: z.string(),
  fueltype: z.string(),
  value: z.unknown(),
  'value-units': z.literal('megawatthours'),
});

/** One provider per basis, so that each series has its own state and none can stand in for the other. */
export function eia(basis: Basis, key: string): IntensityProvider {
  return {
    name: basis === 'lifecycle' ? 'eia' : 'eia-direct',
    service: 'eia',
    basis,
    signal: 'average',
    scope: 'production',
    refreshMs: 15 * 60_000,
    historyMs: 13 * DAY_MS,
    archiveMs: 366 * DAY_MS,
    covers: (gridZone) => respondentOf(gridZone) !== null,
    replyOf: () => 'eia',
    // The range is widened to whole hours, and its end is one more.
    zonesInReply: (spanMs) => Math.floor((MAX_ROWS - 1) / (MOST_ROWS_PER_HOUR * (spanMs / HOUR_MS + 3))),
    fetchSeries: (request, http) => fetchSeries(request, http, basis, key),
  };
}

/** Electricity Maps names the zones of the contiguous states `US-<region>-<code of the balancing authority>`. */
function respondentOf(gridZone: string): string | null {
  const code = /^US-(?!AK|HI)[A-Z]+-([A-Z]+)$/.exec(gridZone)?.[1];
  return code !== undefined && findZone(gridZone) !== null ? code : null;
}

async function fetchSeries(
  request: SeriesRequest,
  http: ProviderHttp,
  basis: Basis,
  key: string,
): Promise<FetchOutcome> {
  const respondent = respondentOf(request.gridZone)!;
  const wanted = (request.gridZonesOfReply ?? [request.gridZone]).map((zone) => respondentOf(zone)!);
  const url = new URL('https://api.eia.gov/v2/electricity/rto/fuel-type-data/data/');
  url.search = new URLSearchParams([
    ['api_key', key],
    ['frequency', 'hourly'],
    ['data[0]', 'value'],
    ...wanted.map((code) => ['facets[respondent][]', code]),
    ['start', hour(Math.floor(request.fromMs / HOUR_MS) * HOUR_MS + HOUR_MS)],
    ['end', hour(Math.ceil(request.toMs / HOUR_MS) * HOUR_MS)],
    ['sort[0][column]', 'period'],
    ['sort[0][direction]', 'asc'],
    ['offset', '0'],
    ['length', String(MAX_ROWS)],
  ]).toString();
  // The reply echoes the request, the key included.
  const reply = await http.getJson(url, {}, [key]);
  if (!reply.ok) return ofTheKey(reply.failure);
  const parsed = replySchema.safeParse(reply.body);
  if (!parsed.success) return { outcome: 'failed', reason: 'the reply has no list "response.data"' };
  const { data } = parsed.data.response;
  if (data.length >= MAX_ROWS) return { outcome: 'failed', reason: `the reply is cut at ${MAX_ROWS} rows` };

  const unreadable: { unreadable: string }[] = [];
  const entries: MixEntry[] = [];
  for (const raw of data) {
    const entry = toEntry(raw, respondent, wanted);
    if (entry === null) continue;
    if ('unreadable' in entry) unreadable.push(entry);
    else entries.push(entry);
  }
  // Direct is truly zero where nothing burns, as in the Columbia's public utility districts.
  const rules = { stepMs: HOUR_MS, mayBeAllZero: basis === 'direct' };
  return checkedSeries([...unreadable, ...mixRows(entries, basis, FUELS)], request, rules);
}

/** Null: of another authority that was asked for with it. */
function toEntry(
  raw: unknown,
  respondent: string,
  wanted: readonly string[],
): MixEntry | { readonly unreadable: string } | null {
  const parsed = rowSchema.safeParse(raw);
  if (!parsed.success) return { unreadable: 'a row without period, respondent, fueltype, value and unit' };
  const row = parsed.data;
  if (row.respondent !== respondent) {
    if (wanted.includes(row.respondent)) return null;
    return { unreadable: `a row of ${row.respondent.slice(0, 20)}, asked for ${wanted.join(', ')}` };
  }
  const startMs = Date.parse(`${row.period}:00Z`) - HOUR_MS;
  return { startMs, code: row.fueltype, amount: amountOf(row.value) };
}

/** The API gives numbers as text, as numbers, or null; anything else is NaN, which the mix refuses. */
function amountOf(value: unknown): number | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
}

function hour(instantMs: number): string {
  return new Date(instantMs).toISOString().slice(0, 13);
}
