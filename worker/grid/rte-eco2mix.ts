/**
 * éCO2mix, real-time series of the French grid operator: combustion only (so basis `direct`), French plants only (so
 * scope `production`), quarter hours, no key. Data: RTE through ODRÉ, Licence Ouverte 2.0.
 */
import { z } from 'zod';
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import { checkedSeries, type Row } from './checked-series.ts';
import type { ProviderHttp } from './http.ts';
import type { FetchOutcome, IntensityProvider, SeriesRequest } from './provider.ts';

const QUARTER_HOUR_MS = HOUR_MS / 4;
const RULES = { stepMs: QUARTER_HOUR_MS, mayBeAllZero: false };
/** The most records that the API gives at once. */
const PAGE_LENGTH = 100;

const replySchema = z.object({ results: z.array(z.unknown()) });
const rowSchema = z.object({
  date_heure: z.iso.datetime({ offset: true }),
  taux_co2: z.number().nullish(),
});

export const rteEco2mix: IntensityProvider = {
  name: 'rte-eco2mix',
  basis: 'direct',
  signal: 'average',
  scope: 'production',
  refreshMs: 15 * 60_000,
  // Three pages of records.
  historyMs: 3 * DAY_MS,
  // Older records move on to another dataset, consolidated and of half-hours.
  archiveMs: 28 * DAY_MS,
  covers: (gridZone) => gridZone === 'FR',
  fetchSeries,
};

async function fetchSeries(request: SeriesRequest, http: ProviderHttp): Promise<FetchOutcome> {
  const rows: Row[] = [];
  const pages = Math.ceil((request.toMs - request.fromMs) / QUARTER_HOUR_MS / PAGE_LENGTH);
  for (let page = 0; page < pages; page++) {
    const reply = await http.getJson(pageUrl(request, page));
    if (!reply.ok) return reply.failure;
    const parsed = replySchema.safeParse(reply.body);
    if (!parsed.success) return { outcome: 'failed', reason: 'the reply has no list "results"' };
    rows.push(...parsed.data.results.map(toRow));
    if (parsed.data.results.length < PAGE_LENGTH) break;
  }
  return checkedSeries(rows, request, RULES);
}

function pageUrl({ fromMs, toMs }: SeriesRequest, page: number): URL {
  const url = new URL(
    'https://odre.opendatasoft.com/api/explore/v2.1/catalog/datasets/eco2mix-national-tr/records',
  );
  url.search = new URLSearchParams({
    select: 'date_heure, taux_co2',
    // Rows exist for the rest of the day, without values.
    where: `date_heure >= '${second(fromMs)}' and date_heure < '${second(toMs)}' and taux_co2 is not null`,
    order_by: 'date_heure',
    timezone: 'UTC',
    limit: String(PAGE_LENGTH),
    offset: String(page * PAGE_LENGTH),
  }).toString();
  return url;
}

function toRow(raw: unknown): Row {
  const parsed = rowSchema.safeParse(raw);
  if (!parsed.success) return { unreadable: 'a record without date_heure and taux_co2' };
  const { date_heure, taux_co2 } = parsed.data;
  if (taux_co2 === null || taux_co2 === undefined) return null;
  return {
    startMs: Date.parse(date_heure),
    gramsPerKwh: taux_co2,
    kind: 'measured',
    method: null,
    issuedAtMs: null,
  };
}

function second(instantMs: number): string {
  return `${new Date(instantMs).toISOString().slice(0, 19)}Z`;
}
