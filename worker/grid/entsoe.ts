/**
 * Actual generation per type of European areas, ENTSO-E Transparency Platform (document A75, XML), with the user's own
 * token. Imports are not in it (so scope `production`). Source: ENTSO-E, CC BY 4.0.
 */
import type { Basis } from '../../shared/grid/intensity.ts';
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import { checkedSeries } from './checked-series.ts';
import { ENTSOE_AREAS } from './entsoe-areas.ts';
import { readGeneration } from './entsoe-generation.ts';
import { type FuelCodes, mixRows } from './generation-mix.ts';
import { ofTheKey, type ProviderHttp } from './http.ts';
import type { FetchOutcome, IntensityProvider, SeriesRequest } from './provider.ts';
import { parseXml, textAt, type XmlElement } from './xml.ts';

/** Grouped as in electricitymaps-contrib, parsers/ENTSOE.py at b354f28. */
const TYPES: FuelCodes = {
  B01: 'biomass',
  B02: 'coal', // lignite
  B03: 'gas', // from coal
  B04: 'gas',
  B05: 'coal',
  B06: 'oil',
  B07: 'coal', // oil shale
  B08: 'coal', // peat
  B09: 'geothermal',
  B10: 'left out', // pumped storage
  B11: 'hydro',
  B12: 'hydro',
  B13: 'unknown', // marine
  B14: 'nuclear',
  B15: 'unknown', // other renewable
  B16: 'solar',
  B17: 'biomass', // waste
  B18: 'wind',
  B19: 'wind',
  B20: 'unknown',
  B25: 'left out', // storage
};

const REASON_LENGTH = 160;

/** One provider per basis, so that each series has its own state and none can stand in for the other. */
export function entsoe(basis: Basis, token: string): IntensityProvider {
  return {
    name: basis === 'lifecycle' ? 'entsoe' : 'entsoe-direct',
    service: 'entsoe',
    basis,
    signal: 'average',
    scope: 'production',
    refreshMs: 15 * 60_000,
    // A week of quarter hours of twenty types would be over a megabyte of XML.
    historyMs: 3 * DAY_MS,
    archiveMs: 366 * DAY_MS,
    covers: (gridZone) => Object.hasOwn(ENTSOE_AREAS, gridZone),
    replyOf: (gridZone) => `entsoe ${gridZone}`,
    fetchSeries: (request, http) => fetchSeries(request, http, basis, token),
  };
}

async function fetchSeries(
  request: SeriesRequest,
  http: ProviderHttp,
  basis: Basis,
  token: string,
): Promise<FetchOutcome> {
  const area = ENTSOE_AREAS[request.gridZone]!;
  const url = new URL('https://web-api.tp.entsoe.eu/api');
  url.search = new URLSearchParams({
    securityToken: token,
    documentType: 'A75',
    processType: 'A16',
    in_Domain: area,
    periodStart: minute(Math.floor(request.fromMs / HOUR_MS) * HOUR_MS),
    periodEnd: minute(Math.ceil(request.toMs / HOUR_MS) * HOUR_MS),
  }).toString();
  const reply = await http.getText(url, { Accept: 'application/xml' }, [token]);
  if (!reply.ok) return reply.failure;
  const document = parseXml(reply.text);
  // It says that there is no data with various statuses, and always with this document.
  if (document?.name === 'Acknowledgement_MarketDocument' && reply.refusal?.outcome !== 'rateLimited') {
    return acknowledged(document);
  }
  if (reply.refusal) return ofTheKey(reply.refusal);
  if (document?.name !== 'GL_MarketDocument') {
    return { outcome: 'failed', reason: 'the reply is no document of generation (GL_MarketDocument)' };
  }
  const generation = readGeneration(document, area);
  if ('unreadable' in generation) return { outcome: 'failed', reason: generation.unreadable };
  // Direct is truly zero where nothing burns, as in the north of Norway.
  const rules = { stepMs: generation.stepMs, mayBeAllZero: basis === 'direct' };
  return checkedSeries(mixRows(generation.entries, basis, TYPES), request, rules);
}

function acknowledged(document: XmlElement): FetchOutcome {
  const text = (textAt(document, 'Reason', 'text') ?? 'an acknowledgement without a reason').slice(
    0,
    REASON_LENGTH,
  );
  return { outcome: /no matching data/i.test(text) ? 'noData' : 'failed', reason: text };
}

/** `yyyyMMddHHmm` in UTC. */
function minute(instantMs: number): string {
  return new Date(instantMs).toISOString().replace(/\D/g, '').slice(0, 12);
}
