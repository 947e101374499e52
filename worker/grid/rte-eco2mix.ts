/**
 * éCO2mix, real-time series of the French grid operator: intensity, combustion only (so basis `direct`), and the generation
 * mix in MW; French plants only (so scope `production`), quarter hours, no key. Data: RTE through ODRÉ, Licence Ouverte 2.0.
 */
import { z } from 'zod';
import type { Basis } from '../../shared/grid/intensity.ts';
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import { checkedSeries, type Row } from './checked-series.ts';
import { type FuelCodes, type MixEntry, mixRows } from './generation-mix.ts';
import type { ProviderHttp } from './http.ts';
import type { FetchOutcome, IntensityProvider, SeriesRequest } from './provider.ts';

const QUARTER_HOUR_MS = HOUR_MS / 4;
const RULES = { stepMs: QUARTER_HOUR_MS, mayBeAllZero: false };
/** The most records that the API gives at once. */
const PAGE_LENGTH = 100;

const FUELS: FuelCodes = {
  bioenergies: 'biomass',
  charbon: 'coal',
  eolien: 'wind',
  fioul: 'oil',
  gaz: 'gas',
  // `hydraulique` has what pumped storage gives back in it, which is no generation.
  hydraulique_fil_eau_eclusee: 'hydro',
  hydraulique_lacs: 'hydro',
  nucleaire: 'nuclear',
  solaire: 'solar',
};
const FIELDS = ['date_heure', 'taux_co2', ...Object.keys(FUELS)];

const replySchema = z.object({ results: z.array(z.unknown()) });
const instantSchema = z.iso.datetime({ offset: true });
const rateSchema = z.object({ date_heure: instantSchema, taux_co2: z.number().nullish() });
/** All of the fuels, in MW: a mix without one would be another mix. */
const mixSchema = z
  .object({ date_heure: instantSchema })
  .and(z.object(Object.fromEntries(Object.keys(FUELS).map((field) => [field, z.number()]))));

/** One provider per basis: `direct` is its own figure; `lifecycle`, which it has none of, is computed here from its mix. */
export function rteEco2mix(basis: Basis): IntensityProvider {
  return {
    name: basis === 'direct' ? 'rte-eco2mix' : 'rte-generation-mix',
    service: 'rte-eco2mix',
    basis,
    signal: 'average',
    scope: 'production',
    refreshMs: 15 * 60_000,
    // Three pages of records.
    historyMs: 3 * DAY_MS,
    // Older records move on to another dataset, consolidated and of half-hours.
    archiveMs: 28 * DAY_MS,
    covers: (gridZone) => gridZone === 'FR',
    replyOf: () => 'rte-eco2mix',
    fetchSeries: (request, http) => fetchSeries(request, http, basis),
  };
}

async function fetchSeries(request: SeriesRequest, http: ProviderHttp, basis: Basis): Promise<FetchOutcome> {
  const raws: unknown[] = [];
  const pages = Math.ceil((request.toMs - request.fromMs) / QUARTER_HOUR_MS / PAGE_LENGTH);
  for (let page = 0; page < pages; page++) {
    const reply = await http.getJson(pageUrl(request, page));
    if (!reply.ok) return reply.failure;
    const parsed = replySchema.safeParse(reply.body);
    if (!parsed.success) return { outcome: 'failed', reason: 'the reply has no list "results"' };
    raws.push(...parsed.data.results);
    if (parsed.data.results.length < PAGE_LENGTH) break;
  }
  return checkedSeries(basis === 'direct' ? raws.map(toRateRow) : toMixRows(raws, basis), request, RULES);
}

function pageUrl({ fromMs, toMs }: SeriesRequest, page: number): URL {
  const url = new URL(
    'https://odre.opendatasoft.com/api/explore/v2.1/catalog/datasets/eco2mix-national-tr/records',
  );
  url.search = new URLSearchParams({
    select: FIELDS.join(', '),
    // Rows exist for the rest of the day, without values.
    where: `date_heure >= '${second(fromMs)}' and date_heure < '${second(toMs)}' and taux_co2 is not null`,
    order_by: 'date_heure',
    timezone: 'UTC',
    limit: String(PAGE_LENGTH),
    offset: String(page * PAGE_LENGTH),
  }).toString();
  return url;
}

function toRateRow(raw: unknown): Row {
  const parsed = rateSchema.safeParse(raw);
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

function toMixRows(raws: readonly unknown[], basis: Basis): Row[] {
  const unreadable: { unreadable: string }[] = [];
  const entries: MixEntry[] = [];
  for (const raw of raws) {
    const parsed = mixSchema.safeParse(raw);
    if (!parsed.success) {
      unreadable.push({ unreadable: 'a record without date_heure and the amount of every fuel' });
      continue;
    }
    const { date_heure, ...amounts } = parsed.data;
    const startMs = Date.parse(date_heure);
    for (const code of Object.keys(FUELS)) entries.push({ startMs, code, amount: Number(amounts[code]) });
  }
  return [...unreadable, ...mixRows(entries, basis, FUELS)];
}

function second(instantMs: number): string {
  return `${new Date(instantMs).toISOString().slice(0, 19)}Z`;
}
