/** The rows of the Carbon Intensity API of Great Britain, which several series are read from. Data: NESO, CC BY 4.0. */
import { z } from 'zod';
import type { ProviderHttp } from './http.ts';
import type { FetchFailure, SeriesRequest } from './provider.ts';

export const HALF_HOUR_MS = 1_800_000;
/** Who asks it shares its limits. */
export const UK_SERVICE = 'carbonintensity.org.uk';

const replySchema = z.object({ data: z.array(z.unknown()) });
const allRegionsSchema = z.object({
  data: z.array(z.object({ from: z.string(), to: z.string(), regions: z.array(z.unknown()) })),
});
const regionalSchema = z.object({ data: z.object({ regionid: z.number(), data: z.array(z.unknown()) }) });
/** `2023-03-17T12:00Z`: no seconds. */
export const minuteSchema = z.iso.datetime({ precision: -1 });

export type HalfHoursReply =
  | { readonly ok: true; readonly rows: readonly unknown[] }
  | { readonly ok: false; readonly failure: FetchFailure };

/** What `/{resource}/{from}/{to}` answers, unread. */
export function fetchHalfHours(
  resource: 'intensity' | 'generation',
  request: SeriesRequest,
  http: ProviderHttp,
): Promise<HalfHoursReply> {
  return fetchParts((range) => `/${resource}/${range}`, request, http, readRows);
}

/** What is forecast for the 48 hours from the half-hour on that the request begins in, unread. */
export function fetchForecastHalfHours(request: SeriesRequest, http: ProviderHttp): Promise<HalfHoursReply> {
  return fetchPart(`/intensity/${minute(request.fromMs)}/fw48h`, http, readRows);
}

/** What `/regional/intensity/{from}/{to}/regionid/{id}` answers, unread: intensity and mix in each row. */
export function fetchRegionalHalfHours(
  regionId: number,
  request: SeriesRequest,
  http: ProviderHttp,
): Promise<HalfHoursReply> {
  const path = (range: string) => `/regional/intensity/${range}/regionid/${regionId}`;
  return fetchParts(path, request, http, (body) => readRowsOfRegion(body, regionId));
}

/** What `/regional/intensity/{from}/{to}` answers of one of all regions, in the rows that it has where it is asked for alone. */
export function fetchHalfHoursOfAllRegions(
  regionId: number,
  request: SeriesRequest,
  http: ProviderHttp,
): Promise<HalfHoursReply> {
  const path = (range: string) => `/regional/intensity/${range}`;
  return fetchParts(path, request, http, (body) => readRowsOfOneRegion(body, regionId));
}

/** As `fetchForecastHalfHours`, of one region. */
export function fetchRegionalForecastHalfHours(
  regionId: number,
  request: SeriesRequest,
  http: ProviderHttp,
): Promise<HalfHoursReply> {
  const path = `/regional/intensity/${minute(request.fromMs)}/fw48h/regionid/${regionId}`;
  return fetchPart(path, http, (body) => readRowsOfRegion(body, regionId));
}

function readRows(body: unknown): HalfHoursReply {
  const parsed = replySchema.safeParse(body);
  return parsed.success ? { ok: true, rows: parsed.data.data } : failed('the reply has no list "data"');
}

function readRowsOfRegion(body: unknown, regionId: number): HalfHoursReply {
  const parsed = regionalSchema.safeParse(body);
  if (!parsed.success) return failed('the reply has no region with a list "data"');
  const { regionid, data } = parsed.data.data;
  return regionid === regionId
    ? { ok: true, rows: data }
    : failed(`asked for region ${regionId}, the reply is of ${regionid}`);
}

function readRowsOfOneRegion(body: unknown, regionId: number): HalfHoursReply {
  const parsed = allRegionsSchema.safeParse(body);
  if (!parsed.success) return failed('the reply has no list "data" of half-hours with their "regions"');
  const rows = parsed.data.data.map(({ from, to, regions }) => {
    const found = regions.filter((region) => isRegion(region) && region.regionid === regionId);
    return found.length === 1 ? { ...(found[0] as object), from, to } : null;
  });
  return { ok: true, rows };
}

const isRegion = (region: unknown): region is { readonly regionid: unknown } =>
  typeof region === 'object' && region !== null && 'regionid' in region;

async function fetchParts(
  pathOf: (range: string) => string,
  request: SeriesRequest,
  http: ProviderHttp,
  read: (body: unknown) => HalfHoursReply,
): Promise<HalfHoursReply> {
  const rows: unknown[] = [];
  for (const { fromMs, toMs } of splitAtNewYear(request)) {
    const part = await fetchPart(pathOf(`${minute(fromMs)}/${minute(toMs)}`), http, read);
    if (!part.ok) return part;
    rows.push(...part.rows);
  }
  return { ok: true, rows };
}

async function fetchPart(
  path: string,
  http: ProviderHttp,
  read: (body: unknown) => HalfHoursReply,
): Promise<HalfHoursReply> {
  const reply = await http.getJson(new URL(path, 'https://api.carbonintensity.org.uk'));
  return reply.ok ? read(reply.body) : reply;
}

function failed(reason: string): HalfHoursReply {
  return { ok: false, failure: { outcome: 'failed', reason } };
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
