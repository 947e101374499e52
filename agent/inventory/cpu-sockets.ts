/** CPU sockets as `/proc/cpuinfo` tells them. In a container this is the host's view, in a VM the VM's. */
import type { HostPaths } from './host-paths.ts';
import { readTextOrEmpty } from './read-text.ts';

export interface CpuSocket {
  /** The kernel's number of the socket: device `cpu-<index>`. */
  readonly index: number;
  readonly modelName: string;
  readonly vendor: string;
  /** x86 family and model number; null elsewhere. */
  readonly family: number | null;
  readonly model: number | null;
  readonly cores: number;
  /** Numbers of its logical processors, as `/proc/stat` counts them. */
  readonly processors: readonly number[];
}

/** Arm cores by (implementer, part), as the kernel's cputype.h numbers them; `/proc/cpuinfo` names none. */
const ARM_CORES: Readonly<Record<string, string>> = {
  '0x41/0xd0c': 'Arm Neoverse N1',
  '0x41/0xd40': 'Arm Neoverse V1',
  '0x41/0xd49': 'Arm Neoverse N2',
  '0x41/0xd4f': 'Arm Neoverse V2',
  '0xc0/0xac3': 'Ampere Altra (Ampere-1)',
};

type Fields = ReadonlyMap<string, string>;

/** @returns the sockets in order of their number; empty where the host has no readable cpuinfo */
export async function readCpuSockets({ sysRoot, procRoot }: HostPaths): Promise<CpuSocket[]> {
  const bySocket = new Map<number, Fields[]>();
  for (const fields of parseCpuInfo(await readTextOrEmpty(`${procRoot}/cpuinfo`))) {
    const processor = fields.get('processor');
    const told =
      fields.get('physical id') ??
      (await readTextOrEmpty(`${sysRoot}/devices/system/cpu/cpu${processor}/topology/physical_package_id`));
    // Arm guests say -1 or nothing: one socket.
    const index = Math.max(0, Number.parseInt(told, 10) || 0);
    bySocket.set(index, [...(bySocket.get(index) ?? []), fields]);
  }
  return [...bySocket].sort(([a], [b]) => a - b).map(([index, processors]) => socketOf(index, processors));
}

function parseCpuInfo(text: string): Fields[] {
  return text
    .split(/\n\s*\n/)
    .map(
      (block) =>
        new Map(
          block.split('\n').map((line): [string, string] => {
            const colon = line.indexOf(':');
            return colon < 0
              ? [line.trim(), '']
              : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
          }),
        ),
    )
    .filter((fields) => fields.has('processor'));
}

function socketOf(index: number, processors: readonly Fields[]): CpuSocket {
  const first = processors[0] ?? new Map<string, string>();
  const coreIds = new Set(processors.map((fields) => fields.get('core id') ?? fields.get('processor')));
  return {
    index,
    modelName: modelNameOf(first),
    vendor: first.get('vendor_id') ?? '',
    family: numberOrNull(first.get('cpu family')),
    model: numberOrNull(first.get('model')),
    cores: numberOrNull(first.get('cpu cores')) ?? coreIds.size,
    processors: processors.map((fields) => Number(fields.get('processor'))),
  };
}

function modelNameOf(fields: Fields): string {
  const named = fields.get('model name');
  if (named) return named.replace(/\s+/g, ' ');
  const part = `${fields.get('CPU implementer')}/${fields.get('CPU part')}`;
  return ARM_CORES[part] ?? `unknown CPU (implementer/part ${part})`;
}

function numberOrNull(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}
