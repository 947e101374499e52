import { type IntensityResolver, intensityResolver, LOOKBACK_MS } from '../../shared/grid/resolve.ts';
import { type IntensityRange, readIntensity } from '../storage/grid.ts';

/** The order of trust over everything stored for one zone, basis and signal, for the windows of `[fromMs, toMs)`. */
export async function loadIntensity(db: D1Database, range: IntensityRange): Promise<IntensityResolver> {
  const points = await readIntensity(db, { ...range, fromMs: range.fromMs - LOOKBACK_MS });
  return intensityResolver(range, points);
}
