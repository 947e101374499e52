/**
 * In which grid zone a cloud region draws its power, by published tables; nobody but the cloud itself knows better. Nine
 * regions are placed differently by the tables: the first of Electricity Maps, Cloud Carbon Footprint and the Green
 * Software Foundation holds, and the others' zones are named beside it. The table is data with its own sources.
 */
import table from './regions.data.json' with { type: 'json' };

export interface CloudRegion {
  /** `aws:eu-north-1`, `gcp:us-central1`, `azure:westeurope`, `ovh:fr-gravelines`. */
  readonly key: string;
  readonly gridZone: string;
  /** The tables that say so: `electricitymaps`, `ccf`, `gsf`. */
  readonly sources: readonly string[];
  /** Where others place it. */
  readonly otherZones: readonly string[];
}

/** By key. */
export const CLOUD_REGIONS: readonly CloudRegion[] = table.regions.map((region) => ({
  otherZones: [],
  ...region,
}));

const regionsByKey = new Map(CLOUD_REGIONS.map((region) => [region.key, region]));

/** The region with exactly this key, or null: an unknown one is never guessed. */
export function findCloudRegion(key: string): CloudRegion | null {
  return regionsByKey.get(key) ?? null;
}

export function cloudRegionsOf(gridZone: string): readonly CloudRegion[] {
  return CLOUD_REGIONS.filter((region) => region.gridZone === gridZone);
}

/** Those whose name somebody may have meant: `eu-north-1`, or one of its availability zones, `eu-north-1a`. */
export function nearestCloudRegions(written: string): CloudRegion[] {
  const wanted = written.trim().toLowerCase();
  const name = wanted.slice(wanted.indexOf(':') + 1);
  if (name.length < 4) return [];
  const nameOf = ({ key }: CloudRegion) => key.slice(key.indexOf(':') + 1);
  const exact = CLOUD_REGIONS.filter((region) => nameOf(region) === name);
  return exact.length > 0
    ? exact
    : CLOUD_REGIONS.filter((region) => nameOf(region).includes(name) || name.startsWith(nameOf(region)));
}
