/** What this host is made of: the parts that embodied emissions accrue on. */
import type { Meter } from '../../shared/metering/reading.ts';
import type { Inventory, InventoryPart, MeterDescription } from '../../shared/wire/ingest.ts';
import { readCpuSockets } from './cpu-sockets.ts';
import { readDisks } from './disks.ts';
import type { HostPaths } from './host-paths.ts';
import { readInstalledMemory } from './memory.ts';
import { plainText } from './plain-text.ts';
import { readTextOrEmpty } from './read-text.ts';

/** The server's bounds; GPUs, CPUs and memory come first, so that only disks beyond them stay out. */
const MAX_PARTS = 256;
const MAX_METERS = 256;
const MAX_ID = 128;
const MAX_NAME = 256;

/**
 * Never throws: what the host does not tell is left out or empty.
 *
 * @param meters the sensors' meters: GPUs are known by them, since no file names their model
 * @param givenHostname in place of the kernel's, which is a container's own
 */
export async function readInventory(
  paths: HostPaths,
  meters: readonly Meter[],
  givenHostname: string | null = null,
): Promise<Inventory> {
  const { sysRoot, procRoot } = paths;
  const [hostname, kernel, productName, sockets, memory, disks] = await Promise.all([
    readTextOrEmpty(`${procRoot}/sys/kernel/hostname`),
    readTextOrEmpty(`${procRoot}/sys/kernel/osrelease`),
    readTextOrEmpty(`${sysRoot}/class/dmi/id/product_name`),
    readCpuSockets(paths),
    readInstalledMemory(paths),
    readDisks(paths),
  ]);
  const cpus = sockets.map(
    ({ index, modelName, cores }): InventoryPart => ({
      id: `cpu-${index}`,
      type: 'cpu',
      name: modelName,
      cores,
    }),
  );
  const parts = [...gpuParts(meters), ...cpus, ...(memory?.parts ?? []), ...disks].slice(0, MAX_PARTS);
  return {
    hostname: plainText(givenHostname ?? hostname, MAX_NAME, 'unnamed-host'),
    kernel: plainText(kernel, MAX_NAME, ''),
    productName: plainText(productName, MAX_NAME, ''),
    parts: parts.map((part) => ({
      ...part,
      id: plainText(part.id, MAX_ID, part.type),
      name: plainText(part.name, MAX_NAME, part.type),
    })),
    meters: meters.slice(0, MAX_METERS).map(descriptionOf),
  };
}

function descriptionOf({ id, sensor, deviceId, scope, facts }: Meter): MeterDescription {
  const { powerSource, driverVersion, ...rest } = facts ?? {};
  return {
    id: plainText(id, MAX_NAME, sensor),
    sensor,
    deviceId: plainText(deviceId, MAX_ID, sensor),
    scope,
    ...(powerSource !== undefined && { powerSource: plainText(powerSource, MAX_ID, 'unnamed') }),
    ...(driverVersion !== undefined && { driverVersion: plainText(driverVersion, MAX_ID, 'unknown') }),
    ...rest,
  };
}

function gpuParts(meters: readonly Meter[]): InventoryPart[] {
  const gpus = new Map<string, InventoryPart>();
  for (const { deviceId, deviceType, deviceName } of meters)
    if (deviceType === 'gpu') gpus.set(deviceId, { id: deviceId, type: 'gpu', name: deviceName });
  return [...gpus.values()];
}
