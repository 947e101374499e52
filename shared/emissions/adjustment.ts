/** What has come to a figure since it was frozen: the sums of now less those of then. */
import { OVERHEADS, type Overhead } from '../settings/site-factors.ts';
import { MILLIJOULES_PER_KWH } from '../units.ts';
import type { Figures, OverheadFigures } from './figures.ts';

/** Sums of whole millijoules, shown as kWh: their differences are taken in millijoules, so they are exact below 2^53. */
const ENERGIES = ['energyKwh', 'idleEnergyKwh', 'unattributedEnergyKwh', 'lowUtilizationEnergyKwh'] as const;
const SUMS = [
  'facilityEnergyKwh',
  'operationalGrams',
  'embodiedGrams',
  'embodiedGramsLow',
  'embodiedGramsHigh',
  'totalGrams',
  'idleGrams',
  'unattributedGrams',
  'lowUtilizationGrams',
  'gpuSeconds',
] as const;
/** Null where no site says anything of it. */
const KNOWN_SUMS = ['waterLitresSite', 'waterLitresGrid'] as const;

type Sums = Readonly<Record<(typeof ENERGIES)[number] | (typeof SUMS)[number], number>>;
type KnownSums = Readonly<Record<(typeof KNOWN_SUMS)[number], number | null>>;

/** Differences of what is a sum; shares, counts of nodes and coverage are compared side by side, not subtracted. */
export interface Adjustment extends Sums, KnownSums {
  readonly overheads: Readonly<Record<Overhead, OverheadFigures | null>>;
}

/** The sums of a figure, which are those of an adjustment as well. */
export type SummedFigures = Pick<Figures, keyof Adjustment>;

export function adjustmentOf(frozen: SummedFigures, now: SummedFigures): Adjustment {
  return {
    ...mapNames(
      ENERGIES,
      (name) => (millijoules(now[name]) - millijoules(frozen[name])) / MILLIJOULES_PER_KWH,
    ),
    ...mapNames(SUMS, (name) => now[name] - frozen[name]),
    ...mapNames(KNOWN_SUMS, (name) => sumOfKnown([now[name], negative(frozen[name])])),
    overheads: mapOverheads((overhead, part) =>
      sumOfKnown([now.overheads[overhead]?.[part], negative(frozen.overheads[overhead]?.[part])]),
    ),
  };
}

/** A figure with adjustments that were booked elsewhere since; what was booked before a sum existed lacks it. */
export function withAdjustments(
  frozen: SummedFigures,
  booked: readonly Partial<Adjustment>[],
): SummedFigures {
  const plus = (name: keyof Sums) => booked.reduce((sum, each) => sum + (each[name] ?? 0), frozen[name]);
  return {
    ...mapNames(ENERGIES, plus),
    ...mapNames(SUMS, plus),
    ...mapNames(KNOWN_SUMS, (name) => sumOfKnown([frozen[name], ...booked.map((each) => each[name])])),
    overheads: mapOverheads((overhead, part) =>
      sumOfKnown([
        frozen.overheads[overhead]?.[part],
        ...booked.map(({ overheads }) => overheads?.[overhead]?.[part]),
      ]),
    ),
  };
}

/** Whether anything was adjusted; a millijoule is, grams and litres agree within 1e-9. */
export function isNothing(adjustment: Adjustment, of: SummedFigures): boolean {
  const within = (difference: number, sum: number) =>
    Math.abs(difference) <= 1e-9 * Math.max(Math.abs(sum), 1e-3);
  return (
    ENERGIES.every((name) => adjustment[name] === 0) &&
    [...SUMS, ...KNOWN_SUMS].every((name) => within(adjustment[name] ?? 0, of[name] ?? 0)) &&
    OVERHEADS.every((overhead) => {
      const { energyKwh, operationalGrams } = adjustment.overheads[overhead] ?? NOTHING;
      const sums = of.overheads[overhead] ?? NOTHING;
      return within(energyKwh, sums.energyKwh) && within(operationalGrams, sums.operationalGrams);
    })
  );
}

const NOTHING: OverheadFigures = { energyKwh: 0, operationalGrams: 0 };

const millijoules = (kwh: number): number => Math.round(kwh * MILLIJOULES_PER_KWH);

type Known = number | null | undefined;

const negative = (value: Known): number | null => (value == null ? null : -value);

/** Null where none is known. */
function sumOfKnown(values: readonly Known[]): number | null {
  const known = values.filter((value) => value != null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}

function mapOverheads(
  map: (overhead: Overhead, part: keyof OverheadFigures) => number | null,
): Record<Overhead, OverheadFigures | null> {
  return mapNames(OVERHEADS, (overhead) => {
    const energyKwh = map(overhead, 'energyKwh');
    const operationalGrams = map(overhead, 'operationalGrams');
    return energyKwh === null || operationalGrams === null ? null : { energyKwh, operationalGrams };
  });
}

function mapNames<K extends string, V>(names: readonly K[], map: (name: K) => V): Record<K, V> {
  return Object.fromEntries(names.map((name) => [name, map(name)])) as Record<K, V>;
}
