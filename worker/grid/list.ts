/** The explicit list of providers; adding one is a file beside this and a line here. */
import { BASES } from '../../shared/grid/intensity.ts';
import type { Env } from '../env.ts';
import { electricityMaps } from './electricity-maps.ts';
import { energiDataService } from './energi-data-service.ts';
import type { IntensityProvider } from './provider.ts';
import { ukCarbonIntensity } from './uk-carbon-intensity.ts';

/** Those that this deployment may ask: Electricity Maps only with the user's key. */
export function intensityProviders(env: Pick<Env, 'ELECTRICITY_MAPS_TOKEN'>): readonly IntensityProvider[] {
  const token = env.ELECTRICITY_MAPS_TOKEN;
  return [
    ukCarbonIntensity,
    energiDataService,
    ...(token ? BASES.map((basis) => electricityMaps(basis, token)) : []),
  ];
}
