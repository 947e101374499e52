/** The providers of this deployment. One of them goes by cloud regions, which the operator may have placed otherwise. */
import type { ProviderKeys } from '../../shared/grid/provider-keys.ts';
import { everyProvider, intensityProviders } from '../grid/list.ts';
import type { IntensityProvider } from '../grid/provider.ts';
import { openDatabase } from '../storage/database.ts';
import { cloudRegions } from './cloud-regions.ts';

/** Those that may be asked. */
export async function configuredProviders(
  db: D1Database,
  keys: ProviderKeys,
  nowMs: number,
): Promise<readonly IntensityProvider[]> {
  return keys.CARBON_AWARE_URL
    ? intensityProviders(keys, await cloudRegions(openDatabase(db), nowMs))
    : intensityProviders(keys);
}

/** Also those without a key: to know them by name, not to ask them. */
export async function knownProviders(
  db: D1Database,
  keys: ProviderKeys,
  nowMs: number,
): Promise<readonly IntensityProvider[]> {
  return everyProvider(keys, await cloudRegions(openDatabase(db), nowMs));
}
