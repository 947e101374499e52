/** What an AMD GPU is, by its PCI ids. */
import { readTextOrEmpty } from '../../inventory/read-text.ts';

/** MI300A: processor and GPU on one socket, whose power is told. */
const MODULES = ['1002:74A0'];

/** Whether its power covers a CPU beside the GPU. */
export const isAmdModule = (pciId: string) => MODULES.includes(pciId.toUpperCase());

/** `1002:74A1` for a slot such as `0000:05:00.0`, or empty where the bus is not to be seen. */
export async function amdPciId(sysRoot: string, slot: string): Promise<string> {
  const folder = `${sysRoot}/bus/pci/devices/${slot}`;
  const ids = [await readTextOrEmpty(`${folder}/vendor`), await readTextOrEmpty(`${folder}/device`)];
  return ids.every((id) => id.startsWith('0x')) ? ids.map((id) => id.slice(2).toUpperCase()).join(':') : '';
}
