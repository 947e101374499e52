import { ALL_KNOWN } from '../../shared/audit/as-known.ts';
import { type IntensityResolver, intensityResolver, LOOKBACK_MS } from '../../shared/grid/resolve.ts';
import { DAY_MS } from '../../shared/time/window.ts';
import type { IntensityRange, IntensityRanges } from '../storage/grid.ts';
import { readIntensitiesAsKnown } from '../storage/grid-as-known.ts';
import { readTrusts, trustAt } from './grid-trust.ts';

/** Of one provider with five-minute values that is some 29,000 rows, which a run of 128 MB holds with ease. */
const ZONE_DAYS_AT_ONCE = 100;

/**
 * The order of trust over everything stored for one zone, basis and signal, for the windows of `[fromMs, toMs)`; as it was
 * known at `knownAtMs`.
 */
export async function loadIntensity(
  db: D1Database,
  { gridZone, ...range }: IntensityRange,
  knownAtMs: number = ALL_KNOWN,
): Promise<IntensityResolver> {
  return (await loadIntensities(db, { ...range, gridZones: [gridZone] }, knownAtMs)).get(gridZone)!;
}

/** The same of several zones, in as few queries as their values allow. */
export async function loadIntensities(
  db: D1Database,
  { gridZones, ...range }: IntensityRanges,
  knownAtMs: number = ALL_KNOWN,
): Promise<ReadonlyMap<string, IntensityResolver>> {
  const settings = await readTrusts(db, gridZones);
  const fromMs = range.fromMs - LOOKBACK_MS;
  const zonesAtOnce = Math.max(1, Math.floor((ZONE_DAYS_AT_ONCE * DAY_MS) / (range.toMs - fromMs)));
  const resolvers = new Map<string, IntensityResolver>();
  for (let i = 0; i < gridZones.length; i += zonesAtOnce) {
    const some = gridZones.slice(i, i + zonesAtOnce);
    const points = await readIntensitiesAsKnown(db, { ...range, fromMs, gridZones: some }, knownAtMs);
    for (const gridZone of some) {
      const series = { ...range, gridZone };
      const order = trustAt(settings, series, knownAtMs);
      resolvers.set(gridZone, intensityResolver(series, points.get(gridZone) ?? [], order));
    }
  }
  return resolvers;
}
