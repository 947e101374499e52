/**
 * Series often hold the running hour already, and then a forecast begins after it. What a job would emit that starts at once is
 * told from both.
 */
import type { GreenestStep } from '../../shared/grid/greenest/greenest.ts';
import { type IntensityQuery, intensityResolver } from '../../shared/grid/resolve.ts';
import { HOUR_MS, WINDOW_MS, windowStart } from '../../shared/time/window.ts';
import { readIntensity } from '../storage/grid.ts';
import type { KeptForecast } from '../storage/grid-forecasts.ts';
import { readTrusts, trustAt } from './grid-trust.ts';

/**
 * The known values from the window of `fromMs` to `toMs`, of the scope of what follows: live ones alone, by the zone's order of
 * trust. None where one is missing, and none for longer than an hour: that is no running hour.
 */
export async function runningHour(
  db: D1Database,
  series: IntensityQuery & Pick<KeptForecast, 'scope'>,
  fromMs: number,
  toMs: number,
): Promise<GreenestStep[]> {
  if (toMs <= fromMs || toMs - fromMs > HOUR_MS) return [];
  const range = { ...series, fromMs: windowStart(fromMs), toMs };
  const [points, settings] = await Promise.all([readIntensity(db, range), readTrusts(db, [series.gridZone])]);
  const known = points.filter(({ scope, kind }) => scope === series.scope && kind !== 'forecast');
  const order = { ...trustAt(settings, series)(range.fromMs), fallbacks: [] };
  const valueAt = intensityResolver(series, known, () => order);
  const steps: GreenestStep[] = [];
  for (let startMs: number = range.fromMs; startMs < toMs; startMs += WINDOW_MS) {
    const value = valueAt(startMs)?.gramsPerKwh;
    if (value === undefined) return [];
    const band = { gramsPerKwhLow: value, gramsPerKwhHigh: value };
    steps.push({ startMs, endMs: startMs + WINDOW_MS, gramsPerKwh: value, ...band });
  }
  return steps;
}
