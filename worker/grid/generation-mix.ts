/** From the amounts that a provider gives by fuel and interval to intensity, where every interval must be complete. */
import { FUEL_FACTORS_SOURCE, type Fuel, mixIntensity } from '../../shared/grid/fuel-factors.ts';
import type { Basis } from '../../shared/grid/intensity.ts';
import type { Row } from './checked-series.ts';

/** More than any zone can generate: China peaks at some 1,500,000 MW. */
const MAX_AMOUNT = 5_000_000;

/** The amount of one fuel, in the provider's own code, in one interval; null where the provider has none for it. */
export interface MixEntry {
  readonly startMs: number;
  readonly code: string;
  readonly amount: number | null;
}

/** What each code of a provider burns; `left out`: storage and imports, which are no generation. */
export type FuelCodes = Readonly<Record<string, Fuel | 'left out'>>;

/**
 * One row per interval. An interval is refused whole, by name, where a code is unknown, an amount is no amount or given
 * twice differently, or a fuel that runs in most intervals of the reply is missing: a mix without it would be another
 * mix. Solar may be missing, since some report none at night.
 */
export function mixRows(entries: readonly MixEntry[], basis: Basis, codes: FuelCodes): Row[] {
  const intervals = new Map<number, MixEntry[]>();
  for (const entry of entries) {
    const interval = intervals.get(entry.startMs);
    if (interval) interval.push(entry);
    else intervals.set(entry.startMs, [entry]);
  }
  const usual = usualCodes(entries, intervals.size, codes);
  return [...intervals].map(([startMs, interval]) => mixRow(startMs, interval, usual, basis, codes));
}

function mixRow(
  startMs: number,
  entries: readonly MixEntry[],
  usual: readonly string[],
  basis: Basis,
  codes: FuelCodes,
): Row {
  const refuse = (why: string): Row => ({ unreadable: `${why} at ${iso(startMs)}` });
  const amounts = new Map<string, number>();
  for (const { code, amount } of entries) {
    if (!Object.hasOwn(codes, code)) return refuse(`unknown fuel "${code.slice(0, 20)}"`);
    if (amount === null || codes[code] === 'left out') continue;
    if (!Number.isFinite(amount) || Math.abs(amount) > MAX_AMOUNT) return refuse(`no amount of ${code}`);
    if (amounts.has(code) && amounts.get(code) !== amount) return refuse(`two amounts of ${code}`);
    amounts.set(code, amount);
  }
  const missing = usual.find((code) => !amounts.has(code));
  if (missing !== undefined && amounts.size > 0) return refuse(`${missing} is missing`);

  const gramsPerKwh = mixIntensity(
    [...amounts].map(([code, amount]) => [codes[code] as Fuel, amount] as const),
    basis,
  );
  if (gramsPerKwh === null) return null;
  const method = `generation mix, ${FUEL_FACTORS_SOURCE}`;
  return { startMs, gramsPerKwh, kind: 'measured', method, issuedAtMs: null };
}

/** Codes that generate in more than half of the intervals. */
function usualCodes(entries: readonly MixEntry[], intervals: number, codes: FuelCodes): string[] {
  const starts = new Map<string, Set<number>>();
  for (const { startMs, code, amount } of entries) {
    const fuel = Object.hasOwn(codes, code) ? codes[code] : undefined;
    if (fuel === undefined || fuel === 'left out' || fuel === 'solar' || !(amount !== null && amount > 0))
      continue;
    const known = starts.get(code);
    if (known) known.add(startMs);
    else starts.set(code, new Set([startMs]));
  }
  return [...starts].filter(([, known]) => known.size * 2 > intervals).map(([code]) => code);
}

function iso(instantMs: number): string {
  return Math.abs(instantMs) <= 8.64e15 ? new Date(instantMs).toISOString() : String(instantMs);
}
