/** Hardware by the name that a person writes: never guessed, but with what may have been meant. */

import { editDistance } from '../edit-distance.ts';
import type { CatalogEntry, CatalogMatch, HardwareCatalog } from '../embodied/catalog.ts';

/** What an estimate may be of. */
const KINDS: readonly string[] = ['gpu', 'tpu', 'cpu', 'server'];

const whole = (hardware: HardwareCatalog) =>
  hardware.entries.filter(({ kind, id }) => KINDS.includes(kind) && !id.endsWith('-unknown'));

/** By id, name or alias, or under the longer name by which drivers report it; null where it is none of the catalog's. */
export function hardwareNamed(written: string, hardware: HardwareCatalog): CatalogMatch | null {
  const wanted = written.trim().toLowerCase();
  const exact = whole(hardware).find((entry) => namesOf(entry).some((name) => name.toLowerCase() === wanted));
  if (exact) return { entry: exact, by: 'exact' };
  for (const kind of ['gpu', 'cpu'] as const) {
    const match = hardware.find(kind, written);
    if (match.by !== 'modelled') return match;
  }
  return null;
}

/** Up to `limit` names that someone who wrote this may have meant: those that hold its words, else the most alike. */
export function nearestHardware(written: string, hardware: HardwareCatalog, limit = 4): string[] {
  const wanted = written.trim().toLowerCase();
  const words = wanted.match(/[a-z0-9]+/g) ?? [];
  const rank = (entry: CatalogEntry) => {
    const held = words.filter((word) => namesOf(entry).some((name) => name.toLowerCase().includes(word)));
    const distance = Math.min(...namesOf(entry).map((name) => editDistance(wanted, name.toLowerCase())));
    return { name: entry.name, held: held.length, distance };
  };
  return whole(hardware)
    .map(rank)
    .sort((a, b) => b.held - a.held || a.distance - b.distance)
    .slice(0, limit)
    .map(({ name }) => name);
}

const namesOf = ({ id, name, aliases = [] }: CatalogEntry): string[] => [id, name, ...aliases];
