/** A provider with nothing but a forecast, for tests. */
import { DAY_MS, HOUR_MS } from '../../../shared/time/window.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';
import type { IntensityProvider, ProviderValue } from '../../../worker/grid/provider.ts';

/** Expects one and the same value for the next 24 hours, hour by hour. */
export function expecting(grams: number, changes: Partial<IntensityProvider> = {}): IntensityProvider {
  return {
    name: 'a-provider',
    basis: 'direct',
    signal: 'average',
    scope: 'consumption',
    refreshMs: HOUR_MS,
    historyMs: DAY_MS,
    covers: () => true,
    fetchSeries: async () => ({ outcome: 'noData', reason: 'not asked here' }),
    fetchForecast: async ({ fromMs }) => {
      const firstMs = Math.floor(fromMs / HOUR_MS) * HOUR_MS;
      const values = Array.from(
        { length: 24 },
        (_, hour): ProviderValue => ({
          startMs: epochMs(firstMs + hour * HOUR_MS),
          endMs: epochMs(firstMs + (hour + 1) * HOUR_MS),
          gramsPerKwh: gramsPerKwh(grams),
          kind: 'forecast',
          method: null,
          issuedAtMs: null,
        }),
      );
      return { outcome: 'values', values, refused: [] };
    },
    ...changes,
  };
}
