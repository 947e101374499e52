/** The hardware catalog: what making a part emitted, with low and high bound, method and source (catalog.data.json). */
import data from './catalog.data.json' with { type: 'json' };

export interface CatalogEntry {
  readonly id: string;
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
  /** Key of `catalog.models` where the figure is modelled. */
  readonly model?: string;
  /** Keys of `catalog.sources`. */
  readonly sources: readonly string[];
  readonly confidence: 'high' | 'medium' | 'low';
  readonly memoryGigabytes?: number;
  readonly dieAreaMm2?: number;
  readonly tdpWatts?: number;
  /** Servers: without their GPUs. */
  readonly hostKgCo2eq?: number;
  readonly gpuCount?: number;
  readonly note?: string;
}

export interface Catalog {
  readonly about: string;
  readonly sources: Readonly<Record<string, string>>;
  readonly models: Readonly<
    Record<string, { readonly formula: string; readonly sources: readonly string[] }>
  >;
  readonly entries: readonly CatalogEntry[];
}

export const catalog = data as Catalog;

const byId = new Map(catalog.entries.map((entry) => [entry.id, entry]));

/** @throws RangeError for an id that the catalog does not have (a programming error) */
export function catalogEntry(id: string): CatalogEntry {
  const entry = byId.get(id);
  if (!entry) throw new RangeError(`the hardware catalog has no entry "${id}"`);
  return entry;
}

export interface CatalogMatch {
  readonly entry: CatalogEntry;
  /** `name`: known under this name; `similar`: a longer name that begins like a known one; `none`: any other of its kind. */
  readonly by: 'name' | 'similar' | 'none';
}

/** Words that say nothing about which part it is. */
const NOISE = new Set(['nvidia', 'amd', 'intel', 'r', 'tm', 'c', 'cpu', 'gpu', 'processor', 'tesla']);

function words(name: string): string[] {
  return (name.toLowerCase().match(/[a-z0-9+.]+/g) ?? []).filter((word) => !NOISE.has(word));
}

const names = catalog.entries
  .flatMap((entry) => [entry.name, ...(entry.aliases ?? [])].map((name) => ({ entry, words: words(name) })))
  .filter((known) => known.words.length > 0);

/**
 * Finds what a GPU or CPU calls itself (`NVIDIA H100 80GB HBM3`) in the catalog. Whole words are compared, so `L4` is
 * not `L40`; of several beginnings the longest wins.
 */
export function findHardware(kind: 'gpu' | 'cpu', name: string): CatalogMatch {
  const asked = words(name);
  const candidates = names
    .filter((known) => known.entry.kind === kind && known.words.every((word, i) => asked[i] === word))
    .sort((a, b) => b.words.length - a.words.length);
  const best = candidates[0];
  if (!best) return { entry: catalogEntry(`${kind}-unknown`), by: 'none' };
  return { entry: best.entry, by: best.words.length === asked.length ? 'name' : 'similar' };
}
