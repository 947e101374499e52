/** Who answers for several providers at once: what one of them is told of a limit holds for all, series and forecasts alike. */
import { isLimited } from '../grid/fetch-state.ts';
import type { IntensityProvider } from '../grid/provider.ts';
import type { StoredFetch } from '../storage/grid-fetches.ts';

/** How the state of a forecast is told from that of the series of the same provider, in `grid_fetches`. */
export const forecastStateName = (provider: string) => `${provider} forecast`;

/** The same of a limit that was told when days were read again. */
export const rereadStateName = (provider: string) => `${provider} reread`;

export const serviceOf = ({ service, name }: IntensityProvider): string => service ?? name;

/** What is known of a service, whatever it was asked for. */
function statesOfService(
  providers: readonly IntensityProvider[],
  fetches: readonly StoredFetch[],
  service: string,
): StoredFetch[] {
  const names = providers
    .filter((provider) => serviceOf(provider) === service)
    .flatMap(({ name }) => [name, forecastStateName(name), rereadStateName(name)]);
  return fetches.filter(({ provider }) => names.includes(provider));
}

/** Those that have not asked to wait, or have waited. */
export function providersToAsk(
  providers: readonly IntensityProvider[],
  fetches: readonly StoredFetch[],
  nowMs: number,
): IntensityProvider[] {
  return providers.filter(
    (provider) =>
      !statesOfService(providers, fetches, serviceOf(provider)).some((state) => isLimited(state, nowMs)),
  );
}
