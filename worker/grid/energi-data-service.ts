/**
 * Energi Data Service, datasets CO2Emis and CO2EmisProg (what is measured, and the prognosis of the next hours): the two
 * Danish price areas in 5-minute steps, no key. CO2 from combustion for the electricity consumed, exchange included (so basis `direct`, scope `consumption`), heat split off by the 125 %
 * method; CO2 alone, not CO2-equivalents. Data: Energinet, CC BY 4.0.
 */
import { z } from 'zod';
import { DAY_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { checkedSeries, type Row } from './checked-series.ts';
import type { ProviderHttp } from './http.ts';
import type { FetchOutcome, IntensityProvider, SeriesRequest } from './provider.ts';

const PRICE_AREAS: Readonly<Record<string, string>> = { 'DK-DK1': 'DK1', 'DK-DK2': 'DK2' };
const RULES = { stepMs: WINDOW_MS, mayBeAllZero: false };

const DATASETS = { measured: 'CO2Emis', forecast: 'CO2EmisProg' } as const;
type Kind = keyof typeof DATASETS;

const replySchema = z.object({ dataset: z.string(), records: z.array(z.unknown()) });
const rowSchema = z.object({
  // UTC without a suffix: read as it stands, a runtime would take it for local time.
  Minutes5UTC: z.iso.datetime({ local: true }).refine((text) => !text.endsWith('Z')),
  PriceArea: z.string(),
  CO2Emission: z.number().nullable(),
});

export const energiDataService: IntensityProvider = {
  name: 'energi-data-service',
  basis: 'direct',
  signal: 'average',
  scope: 'consumption',
  refreshMs: WINDOW_MS,
  historyMs: 13 * DAY_MS,
  archiveMs: 366 * DAY_MS,
  covers: (gridZone) => Object.hasOwn(PRICE_AREAS, gridZone),
  replyOf: () => 'energi-data-service',
  fetchSeries: (request, http) => fetchRecords('measured', request, http),
  fetchForecast: (request, http) => fetchRecords('forecast', request, http),
};

async function fetchRecords(kind: Kind, request: SeriesRequest, http: ProviderHttp): Promise<FetchOutcome> {
  const dataset = DATASETS[kind];
  const priceArea = PRICE_AREAS[request.gridZone]!;
  const wanted = (request.gridZonesOfReply ?? [request.gridZone]).map((zone) => PRICE_AREAS[zone]!);
  const url = new URL(`https://api.energidataservice.dk/dataset/${dataset}`);
  url.search = new URLSearchParams({
    start: minute(request.fromMs),
    end: minute(request.toMs),
    timezone: 'UTC',
    filter: JSON.stringify({ PriceArea: wanted }),
    sort: 'Minutes5UTC asc',
    // All rows of the range; the default would be 100.
    limit: '0',
  }).toString();
  const reply = await http.getJson(url);
  if (!reply.ok) return reply.failure;
  const parsed = replySchema.safeParse(reply.body);
  if (!parsed.success || parsed.data.dataset !== dataset)
    return { outcome: 'failed', reason: `the reply is not a list of ${dataset} records` };
  return checkedSeries(
    parsed.data.records.map((raw) => toRow(raw, { priceArea, wanted, kind })),
    request,
    RULES,
  );
}

function toRow(
  raw: unknown,
  asked: { readonly priceArea: string; readonly wanted: readonly string[]; readonly kind: Kind },
): Row {
  const { priceArea, wanted, kind } = asked;
  const parsed = rowSchema.safeParse(raw);
  if (!parsed.success) return { unreadable: 'a record without Minutes5UTC, PriceArea and CO2Emission' };
  const { Minutes5UTC, PriceArea, CO2Emission } = parsed.data;
  if (PriceArea !== priceArea) {
    if (wanted.includes(PriceArea)) return null;
    return { unreadable: `a record of area ${PriceArea}, asked for ${wanted.join(', ')}` };
  }
  if (CO2Emission === null) return null;
  return {
    startMs: Date.parse(`${Minutes5UTC}Z`),
    gramsPerKwh: CO2Emission,
    kind,
    method: null,
    issuedAtMs: null,
  };
}

function minute(instantMs: number): string {
  return new Date(instantMs).toISOString().slice(0, 16);
}
