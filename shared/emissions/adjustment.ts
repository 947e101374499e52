/** What has come to a figure since it was frozen: the sums of now less those of then. */
import { MILLIJOULES_PER_KWH } from '../units.ts';
import type { Figures } from './figures.ts';

/** Sums of whole millijoules, shown as kWh: their differences are taken in millijoules, so they are exact below 2^53. */
const ENERGIES = ['energyKwh', 'idleEnergyKwh', 'unattributedEnergyKwh'] as const;
const SUMS = [
  'facilityEnergyKwh',
  'operationalGrams',
  'embodiedGrams',
  'embodiedGramsLow',
  'embodiedGramsHigh',
  'totalGrams',
  'idleGrams',
  'unattributedGrams',
  'gpuSeconds',
] as const;

/** Differences of what is a sum; shares, counts of nodes and coverage are compared side by side, not subtracted. */
export type Adjustment = Readonly<Record<(typeof ENERGIES)[number] | (typeof SUMS)[number], number>>;

export function adjustmentOf(frozen: SummedFigures, now: SummedFigures): Adjustment {
  return {
    ...mapNames(
      ENERGIES,
      (name) => (millijoules(now[name]) - millijoules(frozen[name])) / MILLIJOULES_PER_KWH,
    ),
    ...mapNames(SUMS, (name) => now[name] - frozen[name]),
  };
}

/** The sums of a figure, which are those of an adjustment as well. */
export type SummedFigures = Pick<Figures, keyof Adjustment>;

/** A figure with adjustments that were booked elsewhere since. */
export function withAdjustments(frozen: SummedFigures, booked: readonly Adjustment[]): SummedFigures {
  const plus = (name: keyof Adjustment) => booked.reduce((sum, each) => sum + each[name], frozen[name]);
  return { ...mapNames(ENERGIES, plus), ...mapNames(SUMS, plus) };
}

/** Whether anything was adjusted; a millijoule is, grams agree within 1e-9. */
export function isNothing(adjustment: Adjustment, of: SummedFigures): boolean {
  return (
    ENERGIES.every((name) => adjustment[name] === 0) &&
    SUMS.every((name) => Math.abs(adjustment[name]) <= 1e-9 * Math.max(Math.abs(of[name]), 1e-3))
  );
}

const millijoules = (kwh: number): number => Math.round(kwh * MILLIJOULES_PER_KWH);

function mapNames<K extends string>(names: readonly K[], map: (name: K) => number): Record<K, number> {
  return Object.fromEntries(names.map((name) => [name, map(name)])) as Record<K, number>;
}
