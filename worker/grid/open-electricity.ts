/**
 * OpenElectricity API v4 with the user's own key: hourly energy by fuel technology of the Australian regions, rooftop
 * solar included, imports not (so scope `production`). Intensity is computed from the mix; the service's own emissions
 * are not taken, since they do not say whether they count the fuel chain. Data: CC BY-NC 4.0, not for commercial use.
 */
import { z } from 'zod';
import type { Basis } from '../../shared/grid/intensity.ts';
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import { checkedSeries } from './checked-series.ts';
import { type FuelCodes, type MixEntry, mixRows } from './generation-mix.ts';
import type { ProviderHttp } from './http.ts';
import type { FetchOutcome, IntensityProvider, SeriesRequest } from './provider.ts';

interface Region {
  readonly network: 'NEM' | 'WEM';
  readonly code: string;
  /** Of the network's time, in which ranges are asked for; it knows no summer time. */
  readonly offsetMs: number;
}

const nem = (code: string): Region => ({ network: 'NEM', code, offsetMs: 10 * HOUR_MS });
const REGIONS: Readonly<Record<string, Region>> = {
  'AU-NSW': nem('NSW1'),
  'AU-QLD': nem('QLD1'),
  'AU-SA': nem('SA1'),
  'AU-TAS': nem('TAS1'),
  'AU-VIC': nem('VIC1'),
  'AU-WA': { network: 'WEM', code: 'WEM', offsetMs: 8 * HOUR_MS },
};

const ALL_CODES = Object.values(REGIONS).map(({ code }) => code);

const ROOFTOP = 'solar_rooftop';
const FUELS: FuelCodes = {
  bioenergy_biogas: 'biomass',
  bioenergy_biomass: 'biomass',
  coal_black: 'coal',
  coal_brown: 'coal',
  distillate: 'oil',
  gas_ccgt: 'gas',
  gas_ocgt: 'gas',
  gas_recip: 'gas',
  gas_steam: 'gas',
  gas_wcmg: 'gas', // from coal seams
  hydro: 'hydro',
  nuclear: 'nuclear',
  other: 'unknown',
  solar: 'solar',
  solar_thermal: 'solar',
  solar_utility: 'solar',
  [ROOFTOP]: 'solar',
  wind: 'wind',
  wind_offshore: 'wind',
  aggregator_dr: 'left out',
  aggregator_vpp: 'left out',
  battery: 'left out',
  battery_charging: 'left out',
  battery_discharging: 'left out',
  exports: 'left out',
  imports: 'left out',
  interconnector: 'left out',
  pumps: 'left out',
};

const replySchema = z.object({
  success: z.literal(true),
  data: z.array(
    z.object({
      network_code: z.string(),
      metric: z.string(),
      unit: z.string(),
      interval: z.string(),
      results: z.array(z.unknown()),
    }),
  ),
});
const resultSchema = z.object({
  columns: z.object({ region: z.string(), fueltech: z.string() }),
  data: z.array(z.unknown()),
});
const pointSchema = z.tuple([z.iso.datetime({ offset: true }), z.number().nullable()]);

/** One provider per basis, so that each series has its own state and none can stand in for the other. */
export function openElectricity(basis: Basis, key: string): IntensityProvider {
  return {
    name: basis === 'lifecycle' ? 'open-electricity' : 'open-electricity-direct',
    service: 'open-electricity',
    basis,
    signal: 'average',
    scope: 'production',
    refreshMs: 15 * 60_000,
    historyMs: 7 * DAY_MS,
    archiveMs: 366 * DAY_MS,
    covers: (gridZone) => Object.hasOwn(REGIONS, gridZone),
    replyOf: (gridZone) => `open-electricity ${REGIONS[gridZone]!.network}`,
    fetchSeries: (request, http) => fetchSeries(request, http, basis, key),
  };
}

async function fetchSeries(
  request: SeriesRequest,
  http: ProviderHttp,
  basis: Basis,
  key: string,
): Promise<FetchOutcome> {
  const region = REGIONS[request.gridZone]!;
  const reply = await http.getJson(urlOf(request, region), { Authorization: `Bearer ${key}` }, [key]);
  if (!reply.ok) return reply.failure;
  const parsed = replySchema.safeParse(reply.body);
  if (!parsed.success) return { outcome: 'failed', reason: 'the reply is no success with a list "data"' };
  const asked = `${region.network}, energy, MWh, 1h`;
  const unreadable: { unreadable: string }[] = [];
  const entries: MixEntry[] = [];
  for (const { network_code, metric, unit, interval, results } of parsed.data.data) {
    const said = `${network_code}, ${metric}, ${unit}, ${interval}`;
    if (said !== asked) {
      return { outcome: 'failed', reason: `asked for ${asked}; the reply is of ${said}`.slice(0, 200) };
    }
    for (const result of results) {
      for (const entry of toEntries(result, region.code, wantedOf(request))) {
        if ('unreadable' in entry) unreadable.push(entry);
        else entries.push(entry);
      }
    }
  }
  const complete = hoursWithRooftop(entries, request.nowMs);
  // Direct is truly zero where nothing burns, as in Tasmania.
  const rules = { stepMs: HOUR_MS, mayBeAllZero: basis === 'direct' };
  return checkedSeries([...unreadable, ...mixRows(complete, basis, FUELS)], request, rules);
}

const wantedOf = ({ gridZone, gridZonesOfReply = [gridZone] }: SeriesRequest): string[] =>
  gridZonesOfReply.map((zone) => REGIONS[zone]!.code);

function urlOf(request: SeriesRequest, { network, offsetMs }: Region): URL {
  const { fromMs, toMs } = request;
  const wanted = wantedOf(request);
  const url = new URL(`https://api.openelectricity.org.au/v4/data/network/${network}`);
  url.search = new URLSearchParams({
    metrics: 'energy',
    interval: '1h',
    primary_grouping: 'network_region',
    secondary_grouping: 'fueltech',
    // Without one the service gives every region of the network.
    ...(wanted.length === 1 && { network_region: wanted[0]! }),
    date_start: networkTime(Math.floor(fromMs / HOUR_MS) * HOUR_MS + offsetMs),
    date_end: networkTime(Math.ceil(toMs / HOUR_MS) * HOUR_MS + offsetMs),
  }).toString();
  return url;
}

function toEntries(
  raw: unknown,
  regionCode: string,
  wanted: readonly string[],
): (MixEntry | { readonly unreadable: string })[] {
  const parsed = resultSchema.safeParse(raw);
  if (!parsed.success) return [{ unreadable: 'a result without region, fueltech and data' }];
  const { columns, data } = parsed.data;
  if (columns.region !== regionCode) {
    if (wanted.length > 1 && ALL_CODES.includes(columns.region)) return [];
    return [{ unreadable: `a result of ${columns.region.slice(0, 20)}, asked for ${regionCode}` }];
  }
  return data.map((point) => {
    const read = pointSchema.safeParse(point);
    if (!read.success)
      return { unreadable: `a point of ${columns.fueltech.slice(0, 20)} that is no time and energy` };
    const [time, amount] = read.data;
    return { startMs: Date.parse(time), code: columns.fueltech, amount };
  });
}

/**
 * Whole hours up to the last with rooftop solar, which comes later than the plants: without it the mix of a sunny hour
 * would be another.
 */
function hoursWithRooftop(entries: readonly MixEntry[], nowMs: number): MixEntry[] {
  const known = entries.filter(({ code, amount }) => code === ROOFTOP && amount !== null);
  const lastMs = known.reduce((last, { startMs }) => Math.max(last, startMs), Number.NEGATIVE_INFINITY);
  return entries.filter(({ startMs }) => startMs <= lastMs && startMs + HOUR_MS <= nowMs);
}

/** Without an offset: the service takes its network's time, and refuses any that says more. */
function networkTime(localMs: number): string {
  return new Date(localMs).toISOString().slice(0, 19);
}
