/** What an amount of emissions is like. Comparisons help people read a figure; they are no part of it. */

interface EquivalentFactor {
  readonly id: 'carKilometres' | 'phoneCharges';
  readonly what: string;
  readonly gramsCo2eq: number;
  readonly year: number;
  readonly source: string;
}

const METRES_PER_MILE = 1_609.344;
const EPA =
  'US EPA, Greenhouse Gas Equivalencies Calculator, Calculations and References, 2024 (as quoted by others)';

const FACTORS: readonly EquivalentFactor[] = [
  {
    id: 'carKilometres',
    what: 'kilometres of an average US gasoline passenger vehicle',
    gramsCo2eq: 393 / (METRES_PER_MILE / 1_000),
    year: 2024,
    source: `${EPA}: 3.93e-4 t CO2eq per mile`,
  },
  {
    id: 'phoneCharges',
    what: 'charges of a smartphone at the average of the US grid',
    gramsCo2eq: 12.4,
    year: 2024,
    source: `${EPA}: 1.24e-5 t CO2 per charge`,
  },
];

export interface Equivalent extends EquivalentFactor {
  readonly count: number;
}

export function equivalentsOf(gramsCo2eq: number): Equivalent[] {
  return FACTORS.map((factor) => ({ ...factor, count: gramsCo2eq / factor.gramsCo2eq }));
}
