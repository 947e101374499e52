/** The zones that the fleet uses, and how each provider stands for them. */
import { findZone, type GridZone } from '../../shared/grid/zones.ts';
import type { IntensityProvider } from '../grid/provider.ts';
import { readFetches, type StoredFetch } from '../storage/grid-fetches.ts';
import { gridZonesInUse } from './grid-zones-in-use.ts';

export interface ZoneState {
  readonly zone: GridZone;
  /** Providers that cover it, with what came of asking them; null where one was not asked yet. */
  readonly providers: readonly { readonly provider: IntensityProvider; readonly fetch: StoredFetch | null }[];
}

export async function gridStates(
  db: D1Database,
  providers: readonly IntensityProvider[],
  nowMs: number,
): Promise<ZoneState[]> {
  const [keys, fetches] = await Promise.all([gridZonesInUse(db, nowMs), readFetches(db)]);
  return keys.flatMap((key) => {
    const zone = findZone(key);
    if (zone === null) return [];
    const covering = providers.filter((provider) => provider.covers(key));
    return [
      {
        zone,
        providers: covering.map((provider) => ({
          provider,
          fetch: fetches.find((row) => row.provider === provider.name && row.gridZone === key) ?? null,
        })),
      },
    ];
  });
}
