/**
 * Lifecycle intensity of Great Britain, which its Carbon Intensity API does not give, from the generation mix that it
 * does: half-hours, percent by fuel, no key. Imports have no factor of their own (the mix does not say from where they
 * come), so they are left out and the scope is `production`. Data: NESO, CC BY 4.0.
 */
import { z } from 'zod';
import { DAY_MS } from '../../shared/time/window.ts';
import { checkedSeries } from './checked-series.ts';
import { type FuelCodes, type MixEntry, mixRows } from './generation-mix.ts';
import type { ProviderHttp } from './http.ts';
import type { FetchOutcome, IntensityProvider, SeriesRequest } from './provider.ts';
import { fetchHalfHours, HALF_HOUR_MS, minuteSchema } from './uk-half-hours.ts';

const RULES = { stepMs: HALF_HOUR_MS, mayBeAllZero: false };

const FUELS: FuelCodes = {
  biomass: 'biomass',
  coal: 'coal',
  gas: 'gas',
  hydro: 'hydro',
  imports: 'left out',
  nuclear: 'nuclear',
  other: 'unknown',
  solar: 'solar',
  wind: 'wind',
};

/** Each share is rounded to a tenth, and the example in the API's documentation adds up to 98.9. */
const PERCENT_TOLERANCE = 5;

const rowSchema = z.object({
  from: minuteSchema,
  to: minuteSchema,
  generationmix: z.array(z.object({ fuel: z.string(), perc: z.number() })),
});

export const ukGenerationMix: IntensityProvider = {
  name: 'uk-generation-mix',
  basis: 'lifecycle',
  signal: 'average',
  scope: 'production',
  refreshMs: 15 * 60_000,
  historyMs: 13 * DAY_MS,
  covers: (gridZone) => gridZone === 'GB',
  fetchSeries,
};

async function fetchSeries(request: SeriesRequest, http: ProviderHttp): Promise<FetchOutcome> {
  const reply = await fetchHalfHours('generation', request, http);
  if (!reply.ok) return reply.failure;
  const unreadable: { unreadable: string }[] = [];
  const entries: MixEntry[] = [];
  for (const raw of reply.rows) {
    const read = toEntries(raw, request.toMs);
    if ('unreadable' in read) unreadable.push(read);
    else entries.push(...read);
  }
  return checkedSeries([...unreadable, ...mixRows(entries, 'lifecycle', FUELS)], request, RULES);
}

function toEntries(raw: unknown, askedToMs: number): readonly MixEntry[] | { readonly unreadable: string } {
  const parsed = rowSchema.safeParse(raw);
  if (!parsed.success) return { unreadable: 'a row without from, to and generationmix' };
  const { from, to, generationmix } = parsed.data;
  const startMs = Date.parse(from);
  if (Date.parse(to) - startMs !== HALF_HOUR_MS)
    return { unreadable: `${from} to ${to} is not half an hour` };
  // The half-hour that still runs is no measurement yet.
  if (startMs + HALF_HOUR_MS > askedToMs) return [];
  const percent = generationmix.reduce((sum, { perc }) => sum + perc, 0);
  if (Math.abs(percent - 100) > PERCENT_TOLERANCE) {
    return { unreadable: `the mix at ${from} adds up to ${percent.toFixed(1)} percent` };
  }
  return generationmix.map(({ fuel, perc }) => ({ startMs, code: fuel, amount: perc }));
}
