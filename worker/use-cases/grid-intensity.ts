import { ALL_KNOWN } from '../../shared/audit/as-known.ts';
import { type IntensityResolver, intensityResolver, LOOKBACK_MS } from '../../shared/grid/resolve.ts';
import type { IntensityRange } from '../storage/grid.ts';
import { readIntensityAsKnown } from '../storage/grid-as-known.ts';
import { loadTrust } from './grid-trust.ts';

/**
 * The order of trust over everything stored for one zone, basis and signal, for the windows of `[fromMs, toMs)`; as it was
 * known at `knownAtMs`.
 */
export async function loadIntensity(
  db: D1Database,
  range: IntensityRange,
  knownAtMs: number = ALL_KNOWN,
): Promise<IntensityResolver> {
  const [points, trustAt] = await Promise.all([
    readIntensityAsKnown(db, { ...range, fromMs: range.fromMs - LOOKBACK_MS }, knownAtMs),
    loadTrust(db, range, knownAtMs),
  ]);
  return intensityResolver(range, points, trustAt);
}
