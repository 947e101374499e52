/**
 * Which RAPL zones are summed. Exactly one level: packages, and the DRAM beside them, or `psys` alone where the operator
 * says so. `core` and `uncore` lie inside the package, `psys` around everything, `intel-rapl-mmio` is the same package
 * through another register.
 */
import { listNames, readText } from '../../inventory/read-text.ts';

/** What psys covers differs from board to board: nobody but the operator can choose it. */
export const RAPL_LEVELS = ['packages', 'psys'] as const;
export type RaplLevel = (typeof RAPL_LEVELS)[number];

export interface RaplZone {
  /** `package-0`, `package-0-die-1`, `package-0/dram`, `psys`: stable across reboots. */
  readonly label: string;
  readonly folder: string;
  readonly socket: number;
  readonly part: 'package' | 'dram' | 'psys';
  /** Microjoules at which the counter starts again; null where the kernel does not tell. */
  readonly wrapsAt: number | null;
}

interface NamedZone {
  readonly zone: string;
  readonly folder: string;
  readonly name: string;
}

/** AMD's zones come under Intel's name as well. `mmio` twins and other control types do not match. */
const ZONE = /^intel-rapl:[0-9a-z]+(:[0-9a-z]+)*$/i;
const PACKAGE = /^package-(\d+)(-die-\d+)?$/;

/**
 * An `enabled` of 0 means that no power limit is enforced; the counter runs all the same.
 *
 * @returns packages first, each followed by its DRAM; for `psys` the one zone of that name
 */
export async function findRaplZones(sysRoot: string, level: RaplLevel): Promise<RaplZone[]> {
  const powercap = `${sysRoot}/class/powercap`;
  const named: NamedZone[] = [];
  for (const zone of await listNames(powercap)) {
    const name = ZONE.test(zone) ? await readText(`${powercap}/${zone}/name`) : null;
    if (name?.ok) named.push({ zone, folder: `${powercap}/${zone}`, name: name.text });
  }
  const zones: RaplZone[] = [];
  if (level === 'psys') {
    const found = named.find(({ name }) => name === 'psys');
    if (found === undefined) return [];
    const wrapsAt = await rangeOf(found.folder);
    return [{ label: 'psys', folder: found.folder, socket: 0, part: 'psys', wrapsAt }];
  }
  for (const { zone, folder, name } of named) {
    const socket = PACKAGE.exec(name)?.[1];
    if (socket === undefined) continue;
    const at = Number(socket);
    zones.push({ label: name, folder, socket: at, part: 'package', wrapsAt: await rangeOf(folder) });
    for (const child of named) {
      if (child.name !== 'dram' || !child.zone.startsWith(`${zone}:`)) continue;
      zones.push({
        label: `${name}/dram`,
        folder: child.folder,
        socket: at,
        part: 'dram',
        wrapsAt: await rangeOf(child.folder),
      });
    }
  }
  return zones;
}

async function rangeOf(folder: string): Promise<number | null> {
  const range = await readText(`${folder}/max_energy_range_uj`);
  // A range of 0 would make every step a wrap.
  return (range.ok && microjoules(range.text)) || null;
}

/** A whole number of microjoules within 2^53, or null: an empty or negative file is no reading. */
export function microjoules(text: string): number | null {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : null;
}
