/** What making each part of a node emitted: catalog figures times what the inventory or the operator says of the part. */
import type { InventoryPart } from '../wire/ingest.ts';
import { type EmbodiedGrams, type Service, type Since, spansInService } from './amortization.ts';
import {
  type CatalogEntry,
  type CatalogMatch,
  type HardwareCatalog,
  IMPACTS,
  type OtherImpacts,
  PUBLISHED,
} from './catalog.ts';

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
  /** How many pieces, by the operator's word: modules of memory, power supplies, a share of a host. Null: not said. */
  readonly count?: number | null;
}

/**
 * How the figure of a part was found: as `CatalogMatch`; `type`: one figure stands for all parts of its type; `module`: it is
 * in that of the GPU on the same module, and zero here.
 */
export type FigureMatch = CatalogMatch['by'] | 'type' | 'module';
export const FIGURE_MATCHES = [
  'exact',
  'similar',
  'modelled',
  'type',
  'module',
] as const satisfies readonly FigureMatch[];

/** Null where an entry does not say. */
export type ImpactFigures = { readonly [K in keyof OtherImpacts]-?: number | null };

export interface Footprint extends EmbodiedGrams, ImpactFigures {
  /** The catalog entries that it is made of. */
  readonly entries: readonly CatalogEntry[];
  readonly match: FigureMatch;
  /** True where the part is not known by name or a number of pieces is assumed, not reported. */
  readonly assumed: boolean;
}

const GRAMS_PER_KG = 1_000;
/** Memory is sold in binary gigabytes, disks in decimal ones. */
const MEMORY_GIGABYTE = 2 ** 30;
const DISK_GIGABYTE = 1e9;
/** No host says reliably how many modules it has: one per started 64 GB, none at the low end. */
const GIGABYTES_PER_MODULE = 64;
const POWER_SUPPLY_KG = 2.99;

type Count = { readonly value: number; readonly low: number; readonly high: number };
const times = (count: number): Count => ({ value: count, low: count, high: count });
const one = times(1);

/** Two for redundancy; four or six where a chassis feeds that many GPUs (a DGX H100 has six). */
export function assumedPowerSupplies(gpuCount: number): Count {
  if (gpuCount >= 8) return { value: 6, low: 4, high: 8 };
  if (gpuCount >= 4) return { value: 4, low: 2, high: 6 };
  return { value: 2, low: 1, high: 6 };
}

/** @param gpuCount that the node has, for its power supplies */
export function partFootprint(
  part: HardwarePart,
  hardware: HardwareCatalog = PUBLISHED,
  gpuCount = 0,
): Footprint {
  const bytes = part.capacityBytes ?? 0;
  const count = part.count ?? null;
  const pieces = count === null ? one : times(count);
  switch (part.type) {
    case 'gpu':
    case 'cpu': {
      const { entry, by } = hardware.find(part.type, part.name);
      return { ...sum([[entry, pieces]], by !== 'exact'), match: by };
    }
    case 'memory': {
      const modules = count ?? Math.ceil(bytes / MEMORY_GIGABYTE / GIGABYTES_PER_MODULE);
      return sum(
        [
          [hardware.entry('dram-per-gb'), times(bytes / MEMORY_GIGABYTE)],
          [hardware.entry('dram-dimm-base'), times(modules)],
        ],
        count === null,
      );
    }
    case 'dimm':
      return sum([
        [hardware.entry('dram-per-gb'), times(bytes / MEMORY_GIGABYTE)],
        [hardware.entry('dram-dimm-base'), one],
      ]);
    case 'ssd':
      return sum([
        [hardware.entry('ssd-per-gb'), times(bytes / DISK_GIGABYTE)],
        [hardware.entry('ssd-base'), pieces],
      ]);
    case 'hdd':
      return sum([[hardware.entry('hdd'), pieces]]);
    case 'chassis':
      return sum([[hardware.entry('chassis-rack'), pieces]], count === null);
    case 'motherboard':
      return sum([[hardware.entry('motherboard'), pieces]], count === null);
    case 'powerSupplies': {
      const supplies = count === null ? assumedPowerSupplies(gpuCount) : times(count);
      const kilograms = {
        value: supplies.value * POWER_SUPPLY_KG,
        low: supplies.low * POWER_SUPPLY_KG,
        high: supplies.high * POWER_SUPPLY_KG,
      };
      return sum([[hardware.entry('psu-per-kg'), kilograms]], count === null);
    }
    case 'assembly':
      return sum([[hardware.entry('assembly'), pieces]], count === null);
  }
}

/** Of a part, with what making it emitted as that is known over time. */
export interface PartFigures {
  /** Where there are several: from when each holds; the last is the footprint's own. */
  readonly figures?: readonly Since<EmbodiedGrams>[];
}

/** Parts of nodes, each with its footprint by what holds last. */
export class Footprints {
  readonly #hardware: readonly Since<HardwareCatalog>[];
  // Nodes have eight GPUs and two dozen modules that are alike, and are alike: each kind is looked up and summed once.
  readonly #ofKinds = new Map<string, Footprint & PartFigures>();
  readonly #holdCpu = new Map<string, boolean>();

  constructor(hardware: readonly Since<HardwareCatalog>[]) {
    this.#hardware = hardware;
  }

  /** @param parts of one node */
  of<P extends HardwarePart & Service>(parts: readonly P[]): (P & Footprint & PartFigures)[] {
    const gpus = parts.filter(({ type }) => type === 'gpu');
    const gpuCount = mostAtOnce(gpus);
    const cpuInGpu = gpus.some(({ name }) => this.#holdsCpu(name));
    return parts.map((part) => ({
      ...part,
      ...(cpuInGpu && part.type === 'cpu' ? IN_MODULE : this.#ofKind(part, gpuCount)),
    }));
  }

  #ofKind(part: HardwarePart, gpuCount: number): Footprint & PartFigures {
    const { type, name, capacityBytes, count } = part;
    const kind = `${type} ${capacityBytes} ${count} ${gpuCount} ${name}`;
    let known = this.#ofKinds.get(kind);
    if (known === undefined) {
      known = footprintOver(part, this.#hardware, gpuCount);
      this.#ofKinds.set(kind, known);
    }
    return known;
  }

  #holdsCpu(gpuName: string): boolean {
    let known = this.#holdCpu.get(gpuName);
    if (known === undefined) {
      known = this.#hardware.at(-1)!.value.find('gpu', gpuName).entry.holdsCpu === true;
      this.#holdCpu.set(gpuName, known);
    }
    return known;
  }
}

/** The same of one node alone. */
export const withFootprints = <P extends HardwarePart & Service>(
  parts: readonly P[],
  hardware: readonly Since<HardwareCatalog>[],
): (P & Footprint & PartFigures)[] => new Footprints(hardware).of(parts);

/** The CPU of a GH200 or GB200. */
const IN_MODULE: Footprint = { ...sum([]), match: 'module' };

function footprintOver(
  part: HardwarePart,
  hardware: readonly Since<HardwareCatalog>[],
  gpuCount: number,
): Footprint & PartFigures {
  const all = hardware.map(({ fromMs, value }) => ({ fromMs, value: partFootprint(part, value, gpuCount) }));
  const figures = all.filter(({ value }, i) => i === 0 || !isSame(value, all[i - 1]!.value));
  return { ...all.at(-1)!.value, ...(figures.length > 1 && { figures }) };
}

const isSame = (a: EmbodiedGrams, b: EmbodiedGrams): boolean =>
  a.grams === b.grams && a.gramsLow === b.gramsLow && a.gramsHigh === b.gramsHigh;

/** The most that were ever in service at once: what the chassis is built for. */
function mostAtOnce(parts: readonly Service[]): number {
  // Nearly every node: none has left.
  if (parts.every(({ outOfServiceMs, absences = [] }) => outOfServiceMs === null && absences.length === 0))
    return parts.length;
  const spans = parts.flatMap(spansInService);
  const inServiceAt = (ms: number) => spans.filter(({ fromMs, toMs }) => fromMs <= ms && ms < toMs).length;
  return Math.max(0, ...spans.map(({ fromMs }) => inServiceAt(fromMs)));
}

type Term = readonly [CatalogEntry, Count];

function sum(terms: readonly Term[], assumed = false): Footprint {
  const total = (figure: (entry: CatalogEntry, count: Count) => number) =>
    terms.reduce((kg, [entry, count]) => kg + figure(entry, count), 0) * GRAMS_PER_KG;
  return {
    grams: total((entry, count) => entry.kgCo2eq * count.value),
    gramsLow: total((entry, count) => entry.low * count.low),
    gramsHigh: total((entry, count) => entry.high * count.high),
    ...impactsOf(terms),
    entries: terms.map(([entry]) => entry),
    match: 'type',
    assumed,
  };
}

function impactsOf(terms: readonly Term[]): ImpactFigures {
  const of = (key: keyof OtherImpacts, pieces: keyof Count) =>
    terms.reduce<number | null>((all, [entry, count]) => {
      const each = entry[key];
      return all === null || each === undefined ? null : all + each * count[pieces];
    }, 0);
  const figures = IMPACTS.flatMap((impact) => [
    [impact, of(impact, 'value')],
    [`${impact}Low`, of(`${impact}Low`, 'low')],
    [`${impact}High`, of(`${impact}High`, 'high')],
  ]);
  return Object.fromEntries(figures) as ImpactFigures;
}
