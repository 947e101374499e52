/** What making each part of a node emitted: catalog figures times what the inventory says of the part. */
import type { InventoryPart } from '../wire/ingest.ts';
import { type CatalogEntry, catalogEntry, findHardware } from './catalog.ts';

/** Parts that no host reports: every node has one of each. */
export const HOST_PARTS = [
  { id: 'chassis', type: 'chassis', name: 'Chassis' },
  { id: 'motherboard', type: 'motherboard', name: 'Motherboard' },
  { id: 'power-supplies', type: 'powerSupplies', name: 'Power supplies' },
  { id: 'assembly', type: 'assembly', name: 'Assembly' },
] as const;

export type PartType = InventoryPart['type'] | (typeof HOST_PARTS)[number]['type'];

export interface HardwarePart {
  readonly type: PartType;
  readonly name: string;
  readonly capacityBytes: number | null;
}

export interface Footprint {
  readonly grams: number;
  readonly gramsLow: number;
  readonly gramsHigh: number;
  /** Ids of the catalog entries that it is made of. */
  readonly entryIds: readonly string[];
  /** True where the part is not known by name or a number of pieces is assumed, not reported. */
  readonly assumed: boolean;
}

const GRAMS_PER_KG = 1_000;
/** Memory is sold in binary gigabytes, disks in decimal ones. */
const MEMORY_GIGABYTE = 2 ** 30;
const DISK_GIGABYTE = 1e9;
/** No host says reliably how many modules it has: one per started 64 GB, none at the low end. */
const GIGABYTES_PER_MODULE = 64;
/** Two power supplies for redundancy; an 8-GPU chassis has up to six. */
const POWER_SUPPLIES = { value: 2, low: 1, high: 6 };
const POWER_SUPPLY_KG = 2.99;

export function partFootprint(part: HardwarePart): Footprint {
  const bytes = part.capacityBytes ?? 0;
  switch (part.type) {
    case 'gpu':
    case 'cpu': {
      const { entry, by } = findHardware(part.type, part.name);
      return sum([[entry, one]], by !== 'name');
    }
    case 'memory': {
      const modules = Math.ceil(bytes / MEMORY_GIGABYTE / GIGABYTES_PER_MODULE);
      return sum(
        [
          [catalogEntry('dram-per-gb'), times(bytes / MEMORY_GIGABYTE)],
          [catalogEntry('dram-dimm-base'), times(modules)],
        ],
        true,
      );
    }
    case 'ssd':
      return sum([
        [catalogEntry('ssd-per-gb'), times(bytes / DISK_GIGABYTE)],
        [catalogEntry('ssd-base'), one],
      ]);
    case 'hdd':
      return sum([[catalogEntry('hdd'), one]]);
    case 'chassis':
      return sum([[catalogEntry('chassis-rack'), one]], true);
    case 'motherboard':
      return sum([[catalogEntry('motherboard'), one]], true);
    case 'powerSupplies':
      return sum([[catalogEntry('psu-per-kg'), kilograms]], true);
    case 'assembly':
      return sum([[catalogEntry('assembly'), one]], true);
  }
}

type Count = { readonly value: number; readonly low: number; readonly high: number };
const times = (count: number): Count => ({ value: count, low: count, high: count });
const one = times(1);
const kilograms: Count = {
  value: POWER_SUPPLIES.value * POWER_SUPPLY_KG,
  low: POWER_SUPPLIES.low * POWER_SUPPLY_KG,
  high: POWER_SUPPLIES.high * POWER_SUPPLY_KG,
};

function sum(terms: readonly (readonly [CatalogEntry, Count])[], assumed = false): Footprint {
  const total = (figure: (entry: CatalogEntry, count: Count) => number) =>
    terms.reduce((kg, [entry, count]) => kg + figure(entry, count), 0) * GRAMS_PER_KG;
  return {
    grams: total((entry, count) => entry.kgCo2eq * count.value),
    gramsLow: total((entry, count) => entry.low * count.low),
    gramsHigh: total((entry, count) => entry.high * count.high),
    entryIds: terms.map(([entry]) => entry.id),
    assumed,
  };
}
