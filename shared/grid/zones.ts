/**
 * Grid zones by their Electricity Maps key, and the yearly averages that stand in where no series is known.
 * The table is data with its own source and licence (docs/grid.md).
 */
import { editDistance } from '../edit-distance.ts';
import { type EpochMs, epochMs, type GramsPerKwh, gramsPerKwh } from '../units.ts';
import countryCodes from './country-codes.data.json' with { type: 'json' };
import type { Basis, IntensityPoint, Signal } from './intensity.ts';
import { cloudRegionsOf } from './regions.ts';
import { UK_REGIONS } from './uk-regions.ts';
import table from './zones.data.json' with { type: 'json' };

export interface GridZone {
  /** Electricity Maps key: `DE`, `DK-DK1`, `US-CAL-CISO`; or one of ours: `WORLD`, `GB-SOUTH-WALES` (uk-regions.ts). */
  readonly key: string;
  readonly name: string;
  /** Null where the zone is itself a country, or the world. */
  readonly country: string | null;
}

interface YearlyAverages {
  readonly source: string;
  /** Ascending; parallel to `gramsPerKwh`. */
  readonly years: readonly number[];
  readonly gramsPerKwh: readonly number[];
}

/** When both tables were taken over from their publishers; the `fetchedAtMs` of their values. */
const TABLES_FETCHED_AT_MS = epochMs(Date.parse(table.retrieved));

/** The zone of a site that nobody has placed yet: it has no series, only a yearly average. */
export const WORLD_ZONE = 'WORLD';

const WORLD: GridZone & YearlyAverages = {
  key: WORLD_ZONE,
  name: 'World average',
  country: null,
  source: 'Our World in Data, from Ember',
  years: [2024],
  gramsPerKwh: [473.0065],
};

/** Three-letter country codes, and `UK`; the two-letter ones are keys themselves. */
const zoneOfCode: ReadonlyMap<string, string> = new Map(Object.entries(countryCodes.zones));

/** Their own yearly averages are unknown, and that of the country is none of theirs. */
const ukRegions = UK_REGIONS.map(({ key, name }) => ({
  key,
  name,
  country: 'Great Britain',
  source: '',
  years: [],
  gramsPerKwh: [],
}));

const zonesByKey: ReadonlyMap<string, GridZone & YearlyAverages> = new Map(
  [
    WORLD,
    ...table.zones.map((zone) => ({ ...zone, source: table.source, years: table.years })),
    ...ukRegions,
  ].map((zone) => [zone.key, zone] as const),
);

const electricityMapsKeys: ReadonlySet<string> = new Set(table.zones.map(({ key }) => key));

/** Whether the key is one of Electricity Maps, not one of ours. */
export function isElectricityMapsZone(key: string): boolean {
  return electricityMapsKeys.has(key);
}

/** Every known zone: `WORLD`, those of Electricity Maps by key, the regions of Great Britain. */
export const GRID_ZONES: readonly GridZone[] = [...zonesByKey.values()];

/** The zone with exactly this key, or null: an unknown key is never guessed. */
export function findZone(key: string): GridZone | null {
  return zonesByKey.get(key) ?? null;
}

/**
 * Zones whose key, name, country or cloud region contains the text, whatever its case, or whose country has it as its
 * code; best matches first.
 */
export function searchZones(text: string): GridZone[] {
  const wanted = text.trim().toLowerCase();
  const ofCode = zoneOfCode.get(wanted.toUpperCase());
  const rank = ({ key, name, country }: GridZone): number => {
    if (key === ofCode || key.toLowerCase() === wanted || name.toLowerCase() === wanted) return 0;
    if (key.toLowerCase().startsWith(wanted)) return 1;
    if ([key, name, country ?? ''].some((field) => field.toLowerCase().includes(wanted))) return 2;
    return cloudRegionsOf(key).some((region) => region.key.includes(wanted)) ? 3 : 4;
  };
  return GRID_ZONES.filter((zone) => rank(zone) < 4).sort((a, b) => rank(a) - rank(b));
}

/** Up to `limit` keys that someone who wrote `key` may have meant, for an error message. */
export function nearestZones(key: string, limit = 3): string[] {
  const found = searchZones(key).map((zone) => zone.key);
  if (found.length > 0) return found.slice(0, limit);
  const wanted = key.trim().toUpperCase();
  return GRID_ZONES.map((zone) => ({
    key: zone.key,
    distance: Math.min(...[zone.key, zone.name].map((name) => editDistance(wanted, name.toUpperCase()))),
  }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, limit)
    .map((zone) => zone.key);
}

export interface AnnualIntensity {
  readonly gramsPerKwh: GramsPerKwh;
  readonly year: number;
  readonly source: string;
}

/**
 * The yearly average that holds at an instant: of the newest year not after the instant's (UTC), else of the oldest.
 * Null where there is none on this basis and signal: the tables are lifecycle averages, and are never converted.
 */
export function annualIntensity(
  gridZone: string,
  basis: Basis,
  signal: Signal,
  instantMs: number,
): AnnualIntensity | null {
  const zone = zonesByKey.get(gridZone);
  if (!zone || zone.years.length === 0 || basis !== 'lifecycle' || signal !== 'average') return null;
  const instantYear = new Date(instantMs).getUTCFullYear();
  const index = Math.max(
    zone.years.findLastIndex((year) => year <= instantYear),
    0,
  );
  return {
    gramsPerKwh: gramsPerKwh(zone.gramsPerKwh[index]!),
    year: zone.years[index]!,
    source: zone.source,
  };
}

/** The yearly average as a value for `[startMs, endMs)`, kind `annual`. */
export function annualPoint(annual: AnnualIntensity, startMs: EpochMs, endMs: EpochMs): IntensityPoint {
  return {
    startMs,
    endMs,
    gramsPerKwh: annual.gramsPerKwh,
    kind: 'annual',
    provider: 'annual',
    method: `yearly average of ${annual.year}, ${annual.source}`,
    issuedAtMs: null,
    fetchedAtMs: TABLES_FETCHED_AT_MS,
  };
}
