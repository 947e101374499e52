/** The metered GPUs by the names that schedulers have for them. */
import type { GpuClaim } from '../../shared/metering/allocation.ts';
import type { Meter } from '../../shared/metering/reading.ts';
import type { HostPaths } from '../inventory/host-paths.ts';
import { listNames, readTextOrEmpty } from '../inventory/read-text.ts';
import { findCards } from '../sensors/drm/drm-cards.ts';
import type { GpuName } from './job-source.ts';

export interface GpuNames {
  /** In the order in which the sensors list them. */
  readonly deviceIds: readonly string[];
  /** By UUID, PCI address, number or partition. */
  readonly find: (name: GpuName) => GpuPart | null;
}

export interface GpuPart {
  readonly deviceId: string;
  /** The MIG instance, and its part of the GPU; null for the whole. */
  readonly partition: { readonly id: string; readonly ratio: number } | null;
}

export async function readGpuNames(paths: HostPaths, meters: readonly Meter[]): Promise<GpuNames> {
  const gpus = new Map(
    meters.filter((meter) => meter.deviceType === 'gpu').map((meter) => [meter.deviceId, meter]),
  );
  const deviceIds = [...gpus.keys()];
  const byName = new Map<string, GpuPart>();
  const name = (key: string, deviceId: string) => {
    if (gpus.has(deviceId)) byName.set(key, { deviceId, partition: null });
  };
  for (const [index, deviceId] of deviceIds.entries()) {
    name(deviceId, deviceId);
    name(String(index), deviceId);
    name(`minor:${index}`, deviceId);
  }
  for (const { uuid, minor, slot } of await nvidiaGpus(paths.procRoot)) {
    name(`minor:${minor}`, uuid);
    name(slot, uuid);
  }
  for (const card of await findCards(paths.sysRoot, ['amdgpu'])) {
    const serial = await readTextOrEmpty(`${card.device}/unique_id`);
    for (const id of [serial, card.slot]) name(card.slot, `amd-${id}`);
  }
  const partitioned = [...gpus.values()].filter((meter) => meter.partitions !== undefined);
  for (const { deviceId, partitions } of partitioned)
    for (const partition of partitions ?? []) byName.set(partition.id, { deviceId, partition });
  const isNumber = (key: string) => /^(minor:)?\d+$/.test(key);
  return {
    deviceIds,
    // On a host with partitioned GPUs schedulers number the partitions as well: a number says nothing then.
    find: (key) => (partitioned.length > 0 && isNumber(key) ? null : (byName.get(key) ?? null)),
  };
}

/** The driver's own list: `/proc/driver/nvidia/gpus/<slot>/information`. */
async function nvidiaGpus(procRoot: string) {
  const folder = `${procRoot}/driver/nvidia/gpus`;
  const found: { slot: string; uuid: string; minor: string }[] = [];
  for (const slot of await listNames(folder)) {
    const text = await readTextOrEmpty(`${folder}/${slot}/information`);
    const uuid = /^GPU UUID:\s*(GPU-\S+)$/m.exec(text)?.[1];
    const minor = /^Device Minor:\s*(\d+)$/m.exec(text)?.[1];
    if (uuid !== undefined && minor !== undefined) found.push({ slot, uuid, minor });
  }
  return found;
}

/**
 * What each job holds of which GPU. Jobs that share a partition or a GPU by turns are weighed by their number of turns.
 *
 * @param wanted each job's names; null where they are not known
 * @returns for each job its claims, or null where a name means nothing here
 */
export function claimGpus(
  names: GpuNames,
  wanted: readonly (readonly GpuName[] | null)[],
): (GpuClaim[] | null)[] {
  const parts = wanted.map((list) => (list === null ? null : partsOf(names, list)));
  const turnsOf = new Map<string, number>();
  for (const part of parts.flatMap((list) => list ?? []))
    if (part.partition !== null)
      turnsOf.set(part.partition.id, (turnsOf.get(part.partition.id) ?? 0) + part.turns);
  return parts.map((list) => {
    if (list === null) return null;
    const claims = new Map<string, GpuClaim>();
    for (const { deviceId, partition, turns, isTurn } of list) {
      const before = claims.get(deviceId)?.weight ?? 0;
      if (partition !== null) {
        const weight = (partition.ratio * turns) / turnsOf.get(partition.id)!;
        claims.set(deviceId, { deviceId, attribution: 'slices', weight: before + weight });
      } else if (isTurn) claims.set(deviceId, { deviceId, attribution: 'turns', weight: before + turns });
      else claims.set(deviceId, { deviceId, attribution: 'allocation', weight: 1 });
    }
    return [...claims.values()];
  });
}

interface NamedPart extends GpuPart {
  readonly turns: number;
  readonly isTurn: boolean;
}

function partsOf(names: GpuNames, list: readonly GpuName[]): NamedPart[] | null {
  const all = list.flatMap((name) => (name === 'all' ? names.deviceIds : [name]));
  const parts: NamedPart[] = [];
  for (const [name, turns] of countTurns(all)) {
    const part = names.find(name);
    if (part === null) return null;
    parts.push({ ...part, turns: Math.max(1, turns), isTurn: turns > 0 });
  }
  return parts;
}

/** `GPU-…::0` and `GPU-…::1` are two turns of one GPU; 0 stands for the whole. */
function countTurns(list: readonly GpuName[]): Map<string, number> {
  const turns = new Map<string, number>();
  for (const name of list) {
    const [base, turn] = name.split('::') as [string, string?];
    turns.set(base, (turns.get(base) ?? 0) + (turn === undefined ? 0 : 1));
  }
  return turns;
}
