/** Installed memory: from the firmware's table where it may be read, else from what the kernel was left with. */
import { readFile } from 'node:fs/promises';
import { memoryModules } from './dmi-memory.ts';
import type { HostPaths } from './host-paths.ts';
import { readTextOrEmpty } from './read-text.ts';

export interface InstalledMemory {
  readonly capacityBytes: number;
  /** Number of modules; null where only the kernel's total is known. */
  readonly modules: number | null;
  /** Says what it is and how it is known. */
  readonly name: string;
}

/** @returns null where neither source can be read */
export async function readInstalledMemory({ sysRoot, procRoot }: HostPaths): Promise<InstalledMemory | null> {
  const modules = memoryModules(await readTable(`${sysRoot}/firmware/dmi/tables/DMI`));
  if (modules.length > 0) {
    const capacityBytes = modules.reduce((sum, module) => sum + module.capacityBytes, 0);
    const type = modules[0]?.type || 'memory';
    return { capacityBytes, modules: modules.length, name: `${type}, ${modules.length} modules` };
  }
  const total = /^MemTotal:\s+(\d+) kB/m.exec(await readTextOrEmpty(`${procRoot}/meminfo`))?.[1];
  if (total === undefined) return null;
  const usableBytes = Number(total) * 1024;
  return {
    capacityBytes: roundUpToInstalled(usableBytes),
    modules: null,
    name: `memory (${(usableBytes / 2 ** 30).toFixed(1)} GiB usable, rounded up)`,
  };
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
