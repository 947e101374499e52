/** Names of the settings in which a user gives the Worker, or `npm start` by its environment, keys for providers. */
export const PROVIDER_KEY_NAMES = [
  'ELECTRICITY_MAPS_TOKEN',
  'EIA_API_KEY',
  'ENTSOE_TOKEN',
  'WATTTIME_USER',
  'WATTTIME_PASSWORD',
  'WATTTIME_REGIONS',
  'OPENELECTRICITY_API_KEY',
  'CARBON_AWARE_URL',
  'CARBON_AWARE_SOURCE',
] as const;

/** Without its key a provider is not asked. */
export type ProviderKeys = { readonly [Name in (typeof PROVIDER_KEY_NAMES)[number]]?: string };
