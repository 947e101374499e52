/** Physical disks from `/sys/block`. */
import { realpath } from 'node:fs/promises';
import type { InventoryPart } from '../../shared/wire/ingest.ts';
import type { HostPaths } from './host-paths.ts';
import { listNames, readTextOrEmpty } from './read-text.ts';

/** The kernel counts sizes of block devices in these, whatever the disk's own sector is. */
const SECTOR_BYTES = 512;

/** Disks of a virtual machine are slices of another machine's storage; optical, floppy and network disks are no parts either. */
const NOT_A_PART = /^(vd|xvd|sr|fd|nbd|rbd|drbd|mmcblk\d+boot|loop|ram|zram|dm-|md|zd)/;

/** @returns one part per disk, in order of its kernel name; removable, hidden and empty ones are left out */
export async function readDisks({ sysRoot }: HostPaths): Promise<InventoryPart[]> {
  const parts = new Map<string, InventoryPart>();
  for (const name of await listNames(`${sysRoot}/block`)) {
    const folder = `${sysRoot}/block/${name}`;
    if (NOT_A_PART.test(name) || (await isVirtual(folder))) continue;
    const read = (file: string) => readTextOrEmpty(`${folder}/${file}`);
    const sectors = Number(await read('size')) || 0;
    if (sectors === 0 || (await read('removable')) === '1' || (await read('hidden')) === '1') continue;
    const model = ((await read('device/model')) || name).replace(/\s+/g, ' ');
    const serial = (await read('device/serial')) || (await read('wwid')) || (await read('device/wwid'));
    const id = serial.replace(/\s+/g, ' ') || `${model} ${name}`;
    const part: InventoryPart = {
      // Two namespaces of one NVMe disk share its serial.
      id: parts.has(id) ? `${id} ${name}` : id,
      type: (await read('queue/rotational')) === '1' ? 'hdd' : 'ssd',
      name: model,
      capacityBytes: sectors * SECTOR_BYTES,
    };
    parts.set(part.id, part);
  }
  return [...parts.values()];
}

async function isVirtual(folder: string): Promise<boolean> {
  try {
    return (await realpath(folder)).includes('/devices/virtual/');
  } catch {
    return true;
  }
}
