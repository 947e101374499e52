/** The explicit list of providers; adding one is a file beside this and a line here. */
import { BASES } from '../../shared/grid/intensity.ts';
import { PROVIDER_KEY_NAMES, type ProviderKeys } from '../../shared/grid/provider-keys.ts';
import { CLOUD_REGIONS, type CloudRegion } from '../../shared/grid/regions.ts';
import { carbonAware } from './carbon-aware.ts';
import { eia } from './eia.ts';
import { electricityMaps } from './electricity-maps.ts';
import { energiDataService } from './energi-data-service.ts';
import { entsoe } from './entsoe.ts';
import { openElectricity } from './open-electricity.ts';
import type { IntensityProvider } from './provider.ts';
import { rteEco2mix } from './rte-eco2mix.ts';
import { ukCarbonIntensity } from './uk-carbon-intensity.ts';
import { ukGenerationMix } from './uk-generation-mix.ts';
import { ukRegional } from './uk-regional.ts';
import { wattTime } from './watttime.ts';

/**
 * Those that this deployment may ask: some only with the user's key.
 * @param regions as they are placed now; default: as the tables have them
 */
export function intensityProviders(
  keys: ProviderKeys,
  regions: readonly CloudRegion[] = CLOUD_REGIONS,
): readonly IntensityProvider[] {
  const { ELECTRICITY_MAPS_TOKEN, EIA_API_KEY, ENTSOE_TOKEN } = keys;
  const { WATTTIME_USER, WATTTIME_PASSWORD, WATTTIME_REGIONS } = keys;
  const { OPENELECTRICITY_API_KEY, CARBON_AWARE_URL, CARBON_AWARE_SOURCE } = keys;
  return [
    ukCarbonIntensity,
    ukGenerationMix,
    ...BASES.map(ukRegional),
    energiDataService,
    ...BASES.map(rteEco2mix),
    ...(ELECTRICITY_MAPS_TOKEN ? BASES.map((basis) => electricityMaps(basis, ELECTRICITY_MAPS_TOKEN)) : []),
    ...(EIA_API_KEY ? BASES.map((basis) => eia(basis, EIA_API_KEY)) : []),
    ...(ENTSOE_TOKEN ? BASES.map((basis) => entsoe(basis, ENTSOE_TOKEN)) : []),
    ...(WATTTIME_USER && WATTTIME_PASSWORD
      ? [wattTime({ user: WATTTIME_USER, password: WATTTIME_PASSWORD }, WATTTIME_REGIONS)]
      : []),
    ...(OPENELECTRICITY_API_KEY ? BASES.map((basis) => openElectricity(basis, OPENELECTRICITY_API_KEY)) : []),
    ...(CARBON_AWARE_URL
      ? [carbonAware({ url: CARBON_AWARE_URL, source: CARBON_AWARE_SOURCE ?? '' }, regions)]
      : []),
  ];
}

const ANY_KEY: ProviderKeys = {
  ...Object.fromEntries(PROVIDER_KEY_NAMES.map((name) => [name, 'none'])),
  WATTTIME_REGIONS: '',
  CARBON_AWARE_URL: 'https://none.invalid',
  CARBON_AWARE_SOURCE: 'electricity-maps',
};

/** Every provider there is, also those without a key: to know them by name, not to ask them. */
export function everyProvider(
  keys: ProviderKeys,
  regions: readonly CloudRegion[] = CLOUD_REGIONS,
): readonly IntensityProvider[] {
  const given = Object.fromEntries(Object.entries(keys).filter(([, value]) => Boolean(value)));
  return intensityProviders({ ...ANY_KEY, ...given }, regions);
}
