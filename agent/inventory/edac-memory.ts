/**
 * Memory modules as the kernel's EDAC driver counts them, which anyone may read. Some drivers count ranks instead
 * (`rank0`): those are no modules.
 */
import type { InventoryPart } from '../../shared/wire/ingest.ts';
import type { HostPaths } from './host-paths.ts';
import { listNames, readTextOrEmpty } from './read-text.ts';

const MEBIBYTE = 2 ** 20;

export async function edacModules({ sysRoot }: HostPaths): Promise<InventoryPart[]> {
  const root = `${sysRoot}/devices/system/edac/mc`;
  const parts: InventoryPart[] = [];
  for (const controller of (await listNames(root)).filter((name) => /^mc\d+$/.test(name))) {
    for (const dimm of (await listNames(`${root}/${controller}`)).filter((name) => /^dimm\d+$/.test(name))) {
      const read = (file: string) => readTextOrEmpty(`${root}/${controller}/${dimm}/${file}`);
      const mebibytes = Number(await read('size')) || 0;
      if (mebibytes === 0) continue;
      const type = await read('dimm_mem_type');
      parts.push({
        id: `dimm-${controller}-${dimm.slice('dimm'.length)}`,
        type: 'dimm',
        name: type === '' || type === 'Unknown' ? 'memory' : type,
        capacityBytes: mebibytes * MEBIBYTE,
      });
    }
  }
  return parts;
}
