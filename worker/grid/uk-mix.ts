/** Generation mixes of the Carbon Intensity API of Great Britain, national and regional: percent by fuel. */
import { z } from 'zod';
import type { Basis } from '../../shared/grid/intensity.ts';
import type { Row } from './checked-series.ts';
import { type FuelCodes, type MixEntry, mixRows } from './generation-mix.ts';
import { HALF_HOUR_MS, minuteSchema } from './uk-half-hours.ts';

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

/** Half-hours that end by `endMs`: the one that still runs is no measurement yet. */
export function ukMixRows(raws: readonly unknown[], basis: Basis, endMs: number): Row[] {
  const unreadable: { unreadable: string }[] = [];
  const entries: MixEntry[] = [];
  for (const raw of raws) {
    const read = toEntries(raw, endMs);
    if ('unreadable' in read) unreadable.push(read);
    else entries.push(...read);
  }
  return [...unreadable, ...mixRows(entries, basis, FUELS)];
}

function toEntries(raw: unknown, endMs: number): readonly MixEntry[] | { readonly unreadable: string } {
  const parsed = rowSchema.safeParse(raw);
  if (!parsed.success) return { unreadable: 'a row without from, to and generationmix' };
  const { from, to, generationmix } = parsed.data;
  const startMs = Date.parse(from);
  if (Date.parse(to) - startMs !== HALF_HOUR_MS)
    return { unreadable: `${from} to ${to} is not half an hour` };
  if (startMs + HALF_HOUR_MS > endMs) return [];
  const percent = generationmix.reduce((sum, { perc }) => sum + perc, 0);
  if (Math.abs(percent - 100) > PERCENT_TOLERANCE) {
    return { unreadable: `the mix at ${from} adds up to ${percent.toFixed(1)} percent` };
  }
  return generationmix.map(({ fuel, perc }) => ({ startMs, code: fuel, amount: perc }));
}
