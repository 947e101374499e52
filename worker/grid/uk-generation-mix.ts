/**
 * Lifecycle intensity of Great Britain, which its Carbon Intensity API does not give, from the generation mix that it
 * does: half-hours, percent by fuel, no key. Imports have no factor of their own (the mix does not say from where they
 * come), so they are left out and the scope is `production`. Data: NESO, CC BY 4.0.
 */
import { DAY_MS } from '../../shared/time/window.ts';
import { checkedSeries } from './checked-series.ts';
import type { ProviderHttp } from './http.ts';
import type { FetchOutcome, IntensityProvider, SeriesRequest } from './provider.ts';
import { fetchHalfHours, HALF_HOUR_MS, UK_SERVICE } from './uk-half-hours.ts';
import { ukMixRows } from './uk-mix.ts';

const RULES = { stepMs: HALF_HOUR_MS, mayBeAllZero: false };

export const ukGenerationMix: IntensityProvider = {
  name: 'uk-generation-mix',
  service: UK_SERVICE,
  basis: 'lifecycle',
  signal: 'average',
  scope: 'production',
  refreshMs: 15 * 60_000,
  historyMs: 13 * DAY_MS,
  archiveMs: 366 * DAY_MS,
  covers: (gridZone) => gridZone === 'GB',
  fetchSeries,
};

async function fetchSeries(request: SeriesRequest, http: ProviderHttp): Promise<FetchOutcome> {
  const reply = await fetchHalfHours('generation', request, http);
  return reply.ok
    ? checkedSeries(ukMixRows(reply.rows, 'lifecycle', request.toMs), request, RULES)
    : reply.failure;
}
