/** The explicit list of providers; adding one is a file beside this and a line here. */
import { BASES } from '../../shared/grid/intensity.ts';
import type { ProviderKeys } from '../../shared/grid/provider-keys.ts';
import { eia } from './eia.ts';
import { electricityMaps } from './electricity-maps.ts';
import { energiDataService } from './energi-data-service.ts';
import { entsoe } from './entsoe.ts';
import type { IntensityProvider } from './provider.ts';
import { rteEco2mix } from './rte-eco2mix.ts';
import { ukCarbonIntensity } from './uk-carbon-intensity.ts';
import { ukGenerationMix } from './uk-generation-mix.ts';
import { wattTime } from './watttime.ts';

/** Those that this deployment may ask: some only with the user's key. */
export function intensityProviders(keys: ProviderKeys): readonly IntensityProvider[] {
  const { ELECTRICITY_MAPS_TOKEN, EIA_API_KEY, ENTSOE_TOKEN, WATTTIME_USER, WATTTIME_PASSWORD } = keys;
  return [
    ukCarbonIntensity,
    ukGenerationMix,
    energiDataService,
    rteEco2mix,
    ...(ELECTRICITY_MAPS_TOKEN ? BASES.map((basis) => electricityMaps(basis, ELECTRICITY_MAPS_TOKEN)) : []),
    ...(EIA_API_KEY ? BASES.map((basis) => eia(basis, EIA_API_KEY)) : []),
    ...(ENTSOE_TOKEN ? BASES.map((basis) => entsoe(basis, ENTSOE_TOKEN)) : []),
    ...(WATTTIME_USER && WATTTIME_PASSWORD
      ? [wattTime({ user: WATTTIME_USER, password: WATTTIME_PASSWORD })]
      : []),
  ];
}
