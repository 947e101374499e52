/** Installed memory: module by module where firmware or kernel tell it, else one part of what the kernel was left with. */
import { readFile } from 'node:fs/promises';
import type { InventoryPart } from '../../shared/wire/ingest.ts';
import { type MemoryModule, memoryModules } from './dmi-memory.ts';
import { edacModules } from './edac-memory.ts';
import type { HostPaths } from './host-paths.ts';
import { readTextOrEmpty } from './read-text.ts';

export interface InstalledMemory {
  readonly capacityBytes: number;
  /** Number of modules; null where only the kernel's total is known. */
  readonly modules: number | null;
  /** Says what it is and how it is known. */
  readonly name: string;
  /** Each module, or the total. */
  readonly parts: readonly InventoryPart[];
}

/** @returns null where no source can be read */
export async function readInstalledMemory(paths: HostPaths): Promise<InstalledMemory | null> {
  const { sysRoot, procRoot } = paths;
  const told = moduleParts(memoryModules(await readTable(`${sysRoot}/firmware/dmi/tables/DMI`)));
  const parts = told.length > 0 ? told : await edacModules(paths);
  if (parts.length > 0) {
    const capacityBytes = parts.reduce((sum, part) => sum + (part.capacityBytes ?? 0), 0);
    const type = parts[0]!.name.split(' ')[0]!;
    return { capacityBytes, modules: parts.length, name: `${type}, ${parts.length} modules`, parts };
  }
  const total = /^MemTotal:\s+(\d+) kB/m.exec(await readTextOrEmpty(`${procRoot}/meminfo`))?.[1];
  if (total === undefined) return null;
  const usableBytes = Number(total) * 1024;
  const capacityBytes = roundUpToInstalled(usableBytes);
  const name = `memory (${(usableBytes / 2 ** 30).toFixed(1)} GiB usable, rounded up)`;
  return {
    capacityBytes,
    modules: null,
    name,
    parts: [{ id: 'memory', type: 'memory', name, capacityBytes }],
  };
}

/** By serial number where each has its own, else by slot. */
function moduleParts(modules: readonly MemoryModule[]): InventoryPart[] {
  const serials = modules.map(({ serial }) => serial.replace(/\s+/g, ''));
  return modules.map(({ slot, type, maker, partNumber, capacityBytes }, i) => {
    const serial = serials[i]!;
    const isOwn = /[1-9a-f]/i.test(serial) && serials.indexOf(serial) === serials.lastIndexOf(serial);
    return {
      id: isOwn ? `dimm-${serial}` : `dimm-slot-${slot}`,
      type: 'dimm',
      name: [type || 'memory', maker, partNumber].filter((word) => word !== '').join(' '),
      capacityBytes,
    };
  });
}

/**
 * The kernel and firmware keep some percent of the memory for themselves. Rounded up to a multiple of the largest power
 * of two that is at most a sixteenth of it (at least 1 GiB), 503 GiB become 512, 755 become 768, 2015 become 2048.
 */
export function roundUpToInstalled(usableBytes: number): number {
  const gib = usableBytes / 2 ** 30;
  const step = 2 ** Math.max(0, Math.floor(Math.log2(gib / 16)));
  return Math.ceil(gib / step) * step * 2 ** 30;
}

async function readTable(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch {
    // Readable by root only on most hosts, absent on others; the kernel's total stands in, and the name says so.
    return Buffer.alloc(0);
  }
}
