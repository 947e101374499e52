/** What the forecasts that were kept at the start of each job would have made of it. */
import { spotByForecast } from '../../shared/counterfactual/by-forecast.ts';
import type { Load } from '../../shared/counterfactual/load.ts';
import { chargeAt, type Move, type Question } from '../../shared/counterfactual/move.ts';
import type { Basis, Scope, Signal } from '../../shared/grid/intensity.ts';
import { DAY_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { FORECAST_RETENTION_MS, type KeptForecast, readForecastsAt } from '../storage/grid-forecasts.ts';
import { bandedSteps, chooseForecast } from './greenest.ts';
import { bestFirst } from './grid-forecast.ts';

/** Of each zone, by what was known at the instant. */
type Kept = ReadonlyMap<string, ReadonlyMap<number, readonly KeptForecast[]>>;

export interface ForecastMove {
  readonly move: Move | null;
  /** Why nothing can be told; null where it can. */
  readonly reason: string | null;
}

/** One query for each zone. */
export async function readKept(
  db: D1Database,
  series: { readonly basis: Basis; readonly signal: Signal },
  gridZones: readonly string[],
  loads: readonly Load[],
): Promise<Kept> {
  const instants = [...new Set(loads.map(knownBeforeMs))];
  const kept = new Map<string, ReadonlyMap<number, readonly KeptForecast[]>>();
  for (const gridZone of gridZones)
    kept.set(gridZone, await readForecastsAt(db, { ...series, gridZone }, instants));
  return kept;
}

/** What had come by the start of the load was known then. */
const knownBeforeMs = ({ startMs }: Load) => startMs + 1;

export function forecastMove(
  { load, latestStartMs, gridZones, tableOf }: Question,
  kept: Kept,
  scope: Scope,
): ForecastMove {
  const nothing = (reason: string) => ({ move: null, reason });
  const homes = [...new Set(load.parts.map(({ gridZone }) => gridZone))];
  const [home] = homes;
  if (home === undefined || home === null || homes.length > 1)
    return nothing('it ran in several grid zones at once');
  const endMs = latestStartMs + load.windowCount * WINDOW_MS;
  const chosenOf = (gridZone: string) => {
    const known = kept.get(gridZone)?.get(knownBeforeMs(load)) ?? [];
    return chooseForecast(bestFirst(known, knownBeforeMs(load), scope), load.startMs, endMs);
  };
  const zones = [...new Set([home, ...gridZones])].map((gridZone) => ({
    gridZone,
    steps: bandedSteps(chosenOf(gridZone)?.steps ?? []),
  }));
  if (zones[0]!.steps.length === 0)
    return nothing(
      `no forecast of ${home} with a band is kept from its start: issues are kept for ${FORECAST_RETENTION_MS / DAY_MS} days`,
    );
  const spot = spotByForecast({ load, latestStartMs, zones });
  if (spot === null) return nothing(`the forecast of ${home} at its start does not cover it whole`);
  const { grams, unknownMillijoules } = chargeAt(load, spot, tableOf);
  if (unknownMillijoules > 0)
    return nothing('no intensity is known of where the forecasts would have sent it');
  return { move: { ...spot, grams }, reason: null };
}
