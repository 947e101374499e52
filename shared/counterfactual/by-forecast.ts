/** Where the forecasts that were known at its start would have sent a load: what `GET /v1/grid/greenest` would have said. */
import { type GreenestZone, greenest } from '../grid/greenest/greenest.ts';
import { WINDOW_MS } from '../time/window.ts';
import type { Load } from './load.ts';
import type { Spot } from './move.ts';

export interface ForecastQuestion {
  readonly load: Pick<Load, 'startMs' | 'windowCount'>;
  readonly latestStartMs: number;
  /** As known at the start of the load; the first is where it ran. */
  readonly zones: readonly GreenestZone[];
}

/**
 * The least expected grams of a steady load as long as this one: at its start nobody knows its profile. Null where the
 * forecast of where it ran does not cover it whole.
 */
export function spotByForecast({ load, latestStartMs, zones }: ForecastQuestion): Spot | null {
  const durationMs = load.windowCount * WINDOW_MS;
  const [home] = zones;
  const answer = greenest({
    zones,
    durationMs,
    notBeforeMs: load.startMs,
    deadlineMs: latestStartMs + durationMs,
    powerWatts: 1,
    interruptible: false,
  });
  const [first] = answer.zones;
  if (first === undefined || !answer.zones.some(({ gridZone }) => gridZone === home?.gridZone)) return null;
  const startMs = Math.ceil(first.best.startMs / WINDOW_MS) * WINDOW_MS;
  return { startMs, gridZone: first.gridZone === home?.gridZone ? null : first.gridZone };
}
