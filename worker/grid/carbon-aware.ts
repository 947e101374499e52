/**
 * A Carbon Aware SDK server of the user's own (Green Software Foundation, WebApi). Its values name neither their basis,
 * their signal nor the time they hold for: all three follow from the data source behind it, which the user names. The
 * server does not tell measured from estimated either, so each value is `estimated`.
 */
import { z } from 'zod';
import { CLOUD_REGIONS, type CloudRegion } from '../../shared/grid/regions.ts';
import { DAY_MS, HOUR_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { checkedSeries, type Row } from './checked-series.ts';
import type { ProviderHttp } from './http.ts';
import type { FetchOutcome, IntensityProvider, SeriesRequest } from './provider.ts';

/** What the SDK reads from each source that it has. */
const SOURCES = {
  'electricity-maps': { basis: 'lifecycle', signal: 'average', stepMs: HOUR_MS },
  watttime: { basis: 'direct', signal: 'marginal', stepMs: WINDOW_MS },
} as const;
type Source = keyof typeof SOURCES;
const NAMES = Object.keys(SOURCES).join(', ');
/** What was given is not repeated: a password may be in it. */
const URL_EXPECTED = 'CARBON_AWARE_URL must be an http or https address without a user or password in it';

/** What stands in `sources` of a region that the operator has placed. */
const BY_THE_OPERATOR = 'operator';

const METHOD = 'Carbon Aware SDK, which does not say whether it is measured';

const replySchema = z.array(z.unknown());
const rowSchema = z.object({
  location: z.string(),
  time: z.iso.datetime({ offset: true }),
  rating: z.number().nullable(),
});

export interface CarbonAwareServer {
  /** Where the server answers: `https://carbon-aware.example.org`. */
  readonly url: string;
  /** `electricity-maps` or `watttime`. */
  readonly source: string;
}

/**
 * Where the address or the source is wrong, each request fails with what to mend, for all to see.
 * @param regions as they are placed now
 */
export function carbonAware(
  { url, source }: CarbonAwareServer,
  regions: readonly CloudRegion[] = CLOUD_REGIONS,
): IntensityProvider {
  const locations = locationsOf(regions);
  const base = baseUrl(url);
  const series = Object.hasOwn(SOURCES, source) ? SOURCES[source as Source] : null;
  // Of a source that is unknown no value is ever taken, so what it would be does not matter.
  const { basis, signal, stepMs } = series ?? SOURCES['electricity-maps'];
  return {
    name: 'carbon-aware',
    basis,
    signal,
    scope: 'consumption',
    refreshMs: Math.min(stepMs, 15 * 60_000),
    historyMs: DAY_MS,
    covers: (gridZone) => locations.has(gridZone),
    fetchSeries: async (request, http) => {
      if (base === null) return failed(URL_EXPECTED);
      if (series === null) return failed(`CARBON_AWARE_SOURCE must be one of ${NAMES}, got "${source}"`);
      return fetchSeries(request, http, { base, stepMs, location: locations.get(request.gridZone)! });
    },
  };
}

const failed = (reason: string): FetchOutcome => ({ outcome: 'failed', reason: reason.slice(0, 200) });

function baseUrl(url: string): URL | null {
  const base = URL.canParse(url) ? new URL(url.endsWith('/') ? url : `${url}/`) : null;
  const fits = base !== null && /^https?:$/.test(base.protocol) && base.username + base.password === '';
  return fits ? base : null;
}

/**
 * The SDK knows places by the names of Azure regions; the first that lies in a zone stands for it. It has a table of its own, so
 * one that tables place differently might be answered with another zone's values under the name that was asked for: such a one
 * is taken only where the operator has placed it.
 */
function locationsOf(regions: readonly CloudRegion[]): ReadonlyMap<string, string> {
  const locations = new Map<string, string>();
  for (const { key, gridZone, sources, otherZones } of regions) {
    const [, name] = /^azure:(.+)$/.exec(key) ?? [];
    const isCertain = otherZones.length === 0 || sources.includes(BY_THE_OPERATOR);
    if (name !== undefined && isCertain && !locations.has(gridZone)) locations.set(gridZone, name);
  }
  return locations;
}

async function fetchSeries(
  request: SeriesRequest,
  http: ProviderHttp,
  { base, stepMs, location }: { readonly base: URL; readonly stepMs: number; readonly location: string },
): Promise<FetchOutcome> {
  const url = new URL('emissions/bylocation', base);
  url.search = new URLSearchParams({
    location,
    time: new Date(request.fromMs).toISOString(),
    toTime: new Date(request.toMs).toISOString(),
  }).toString();
  const reply = await http.getJson(url);
  if (!reply.ok) return reply.failure;
  const parsed = replySchema.safeParse(reply.body);
  if (!parsed.success) return failed('the reply is no list');
  const rows = parsed.data.map((raw) => toRow(raw, [location, request.gridZone]));
  return checkedSeries(rows, request, { stepMs, mayBeAllZero: false });
}

/** `locations`: the place as it was asked for, and the zone, by which some sources name it in their reply. */
function toRow(raw: unknown, locations: readonly string[]): Row {
  const parsed = rowSchema.safeParse(raw);
  if (!parsed.success) return { unreadable: 'a row without location, time and rating' };
  const { location, time, rating } = parsed.data;
  if (!locations.includes(location)) {
    return { unreadable: `a row of ${location.slice(0, 40)}, asked for ${locations[0]}` };
  }
  if (rating === null) return null;
  return {
    startMs: Date.parse(time),
    gramsPerKwh: rating,
    kind: 'estimated',
    method: METHOD,
    issuedAtMs: null,
  };
}
