/**
 * What a kilowatt-hour of each fuel emits, and the intensity of a generation mix. Factors: the defaults of Electricity
 * Maps (electricitymaps-contrib, config/defaults.yaml at b354f28), which are medians of IPCC 2014 (AR5 WG III, annex
 * III), except lifecycle oil (UK POST 2014), direct biomass (BEIS 2021) and direct oil (EIA 2020, BEIS 2021). `unknown`
 * is taken for thermal. Storage has no factor: it gives back what was counted when it was charged.
 */
import { type GramsPerKwh, gramsPerKwh } from '../units.ts';
import type { Basis } from './intensity.ts';

export type Fuel =
  | 'biomass'
  | 'coal'
  | 'gas'
  | 'geothermal'
  | 'hydro'
  | 'nuclear'
  | 'oil'
  | 'solar'
  | 'unknown'
  | 'wind';

/** gCO2eq/kWh generated. */
export const FUEL_FACTORS: Readonly<Record<Basis, Readonly<Record<Fuel, number>>>> = {
  lifecycle: {
    biomass: 230,
    coal: 820,
    gas: 490,
    geothermal: 38,
    hydro: 24,
    nuclear: 12,
    oil: 650,
    solar: 45,
    unknown: 700,
    wind: 11,
  },
  direct: {
    biomass: 0,
    coal: 760,
    gas: 370,
    geothermal: 0,
    hydro: 0,
    nuclear: 0,
    oil: 406,
    solar: 0,
    unknown: 575,
    wind: 0,
  },
};

/** For the `method` of a value that was computed with them. */
export const FUEL_FACTORS_SOURCE = 'default factors of Electricity Maps (IPCC 2014)';

/**
 * sum(amount x factor) / sum(amount), to a hundredth of a gram, over amounts of one unit (MWh, MW, percent). What is not
 * above zero is own use, not generation, and is left out; null where nothing is generated.
 */
export function mixIntensity(
  amounts: Iterable<readonly [fuel: Fuel, amount: number]>,
  basis: Basis,
): GramsPerKwh | null {
  let total = 0;
  let grams = 0;
  for (const [fuel, amount] of amounts) {
    if (!(amount > 0)) continue;
    total += amount;
    grams += amount * FUEL_FACTORS[basis][fuel];
  }
  // Rounded, so that the same mix in another order is the same value and no revision.
  return total === 0 ? null : gramsPerKwh(Math.round((grams / total) * 100) / 100);
}
