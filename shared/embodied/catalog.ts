/** The hardware catalog: what making a part emitted, with low and high bound, method and source (catalog.data.json). */
import data from './catalog.data.json' with { type: 'json' };
import { memoryInName, modelledGpu } from './gpu-model.ts';

/** Where a figure comes from, the most trusted first; `operator`: the operator's own, which stands before all. */
export const PROVENANCES = ['operator', 'manufacturer', 'lca', 'derived', 'model'] as const;
export type Provenance = (typeof PROVENANCES)[number];

/**
 * Impacts beside the climate's: depletion of minerals and metals in kg antimony-equivalent, primary energy, and water
 * weighted by scarcity (AWARE) in cubic metres world-equivalent.
 */
export const IMPACTS = ['adpeKgSbeq', 'primaryEnergyMegajoules', 'waterCubicMetresEq'] as const;
export type Impact = (typeof IMPACTS)[number];

/** Per unit; absent where nobody published or modelled them, bounds where only one did. */
export type OtherImpacts = {
  readonly [K in Impact | `${Impact}Low` | `${Impact}High`]?: number | undefined;
};

export interface CatalogEntry extends OtherImpacts {
  readonly id: string;
  /** What it is: `gpu`, `tpu`, `cpu`, `memory`, `ssd`, `hdd`, `chassis`, `motherboard`, `psu`, `assembly`, `nic`, `switch`, `server`. */
  readonly kind: string;
  readonly name: string;
  /** Names under which drivers and firmware report it. */
  readonly aliases?: readonly string[];
  /** What the figures are for: one piece, one gigabyte or one kilogram of it. */
  readonly unit: 'piece' | 'gigabyte' | 'kilogram';
  readonly kgCo2eq: number;
  readonly low: number;
  readonly high: number;
  readonly boundary: string;
  readonly method: string;
  readonly provenance: Provenance;
  /** Key of `catalog.models` where the figure is modelled. */
  readonly model?: string;
  /** Key of `catalog.models` where the other impacts are modelled although `kgCo2eq` is not. */
  readonly otherImpactsModel?: string;
  /** Keys of `catalog.sources`; of an operator's figure the source as it was given. */
  readonly sources: readonly string[];
  readonly confidence: 'high' | 'medium' | 'low';
  readonly memoryGigabytes?: number;
  readonly dieAreaMm2?: number;
  readonly tdpWatts?: number;
  /** Servers: without their GPUs. */
  readonly hostKgCo2eq?: number;
  readonly gpuCount?: number;
  /** GPUs on a module: their figure has the CPU beside them in it. */
  readonly holdsCpu?: boolean;
  readonly note?: string;
}

export interface Catalog {
  readonly about: string;
  readonly sources: Readonly<Record<string, string>>;
  /** The year of each source. */
  readonly sourceYears: Readonly<Record<string, number>>;
  readonly models: Readonly<
    Record<string, { readonly formula: string; readonly sources: readonly string[] }>
  >;
  readonly entries: readonly CatalogEntry[];
}

export const catalog = data as Catalog;

/** The full reference of a source key; a source that an operator gave is its own. */
export const sourceOf = (key: string): string => catalog.sources[key] ?? key;

/** Year of the newest source of an entry; null for an operator's figure without a year. */
export function yearOf({ sources }: CatalogEntry): number | null {
  const years = sources.flatMap((key) => catalog.sourceYears[key] ?? []);
  return years.length === 0 ? null : Math.max(...years);
}

export type NamedKind = 'gpu' | 'cpu';

export interface CatalogMatch {
  readonly entry: CatalogEntry;
  /** `exact`: known under this name; `similar`: a longer name that begins like a known one; `modelled`: any other. */
  readonly by: 'exact' | 'similar' | 'modelled';
}

/** What an operator says of the making of a part, in place of the catalog's figure or for a part that it lacks. */
export interface OwnFigure extends OtherImpacts {
  readonly kgCo2eq: number;
  readonly low: number;
  readonly high: number;
  readonly source: string;
  /** Of a part that the catalog lacks. */
  readonly part?: { readonly kind: NamedKind; readonly name: string; readonly names: readonly string[] };
}

/** Words that say nothing about which part it is. */
const NOISE = new Set(['nvidia', 'amd', 'intel', 'r', 'tm', 'c', 'cpu', 'gpu', 'processor', 'tesla']);

function words(name: string): string[] {
  return (name.toLowerCase().match(/[a-z0-9+.]+/g) ?? []).filter((word) => !NOISE.has(word));
}

interface KnownName {
  readonly entry: CatalogEntry;
  readonly words: readonly string[];
}

/** The published catalog with the figures of an operator in front of it. */
export class HardwareCatalog {
  /** Published ones in the order of the data, then the operator's own. */
  readonly entries: readonly CatalogEntry[];
  readonly #byId: ReadonlyMap<string, CatalogEntry>;
  readonly #names: readonly KnownName[];

  constructor(own: ReadonlyMap<string, OwnFigure> = new Map()) {
    const published = catalog.entries.map((entry) => withOwn(entry, own.get(entry.id)));
    const ids = new Set(published.map(({ id }) => id));
    const added = [...own].flatMap(([id, figure]) => (ids.has(id) ? [] : ownEntry(id, figure)));
    this.entries = [...published, ...added];
    this.#byId = new Map(this.entries.map((entry) => [entry.id, entry]));
    // The operator's names first: of two equally long beginnings the first wins.
    this.#names = [...added, ...published]
      .flatMap((entry) =>
        [entry.name, ...(entry.aliases ?? [])].map((name) => ({ entry, words: words(name) })),
      )
      .filter((known) => known.words.length > 0);
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  /** @throws RangeError for an id that the catalog does not have (a programming error) */
  entry(id: string): CatalogEntry {
    const entry = this.#byId.get(id);
    if (!entry) throw new RangeError(`the hardware catalog has no entry "${id}"`);
    return entry;
  }

  /**
   * Finds what a GPU or CPU calls itself (`NVIDIA H100 80GB HBM3`). Whole words are compared, so `L4` is not `L40`; of
   * several beginnings the longest wins. What is only similar has wide bounds, what is not known has those of the model.
   */
  find(kind: NamedKind, name: string): CatalogMatch {
    const asked = words(name);
    const best = this.#names
      .filter((known) => known.entry.kind === kind && known.words.every((word, i) => asked[i] === word))
      .sort((a, b) => b.words.length - a.words.length)[0];
    if (!best) return { entry: modelled(this.entry(`${kind}-unknown`), name), by: 'modelled' };
    if (best.words.length === asked.length) return { entry: best.entry, by: 'exact' };
    return { entry: similarTo(best.entry), by: 'similar' };
  }
}

/** An operator's figure for any other stands as it is; the model's is of what the name tells. */
function modelled(entry: CatalogEntry, name: string): CatalogEntry {
  const memoryGigabytes = memoryInName(name);
  if (entry.kind !== 'gpu' || entry.provenance === 'operator' || memoryGigabytes === null) return entry;
  const method = `${entry.method}; with the ${memoryGigabytes} GB that its name tells`;
  return { ...entry, ...modelledGpu({ memoryGigabytes }), memoryGigabytes, method };
}

/** Another part of its family: half to twice. */
function similarTo(entry: CatalogEntry): CatalogEntry {
  const bounds = IMPACTS.flatMap((impact) => [
    [`${impact}Low`, half(entry[`${impact}Low`])],
    [`${impact}High`, twice(entry[`${impact}High`])],
  ]);
  return {
    ...entry,
    ...Object.fromEntries(bounds),
    low: entry.low / 2,
    high: entry.high * 2,
    provenance: 'model',
    method: `that of ${entry.name}, with which its name begins; from half its low bound to twice its high one`,
    confidence: 'low',
  };
}

const half = (value: number | undefined) => value && value / 2;
const twice = (value: number | undefined) => value && value * 2;

function withOwn(entry: CatalogEntry, own: OwnFigure | undefined): CatalogEntry {
  if (own === undefined) return entry;
  const { source, part: _, ...figures } = own;
  const { model: __, ...rest } = entry;
  // Bounds are of the figure that they stand with.
  const given = IMPACTS.filter((impact) => figures[impact] !== undefined);
  const unbounded = Object.fromEntries(
    given.flatMap((impact) => [`${impact}Low`, `${impact}High`].map((bound) => [bound, undefined])),
  );
  return { ...rest, ...unbounded, ...figures, ...OPERATORS, sources: [source] };
}

function ownEntry(id: string, { source, part, ...figures }: OwnFigure): CatalogEntry[] {
  if (part === undefined) return [];
  const { kind, name, names } = part;
  return [
    {
      id,
      kind,
      name,
      aliases: names,
      unit: 'piece',
      boundary: 'as its source says',
      ...figures,
      ...OPERATORS,
      sources: [source],
    },
  ];
}

const OPERATORS = {
  method: 'figure of the operator',
  provenance: 'operator',
  confidence: 'high',
} as const;

/** Without any figure of an operator. */
export const PUBLISHED = new HardwareCatalog();
