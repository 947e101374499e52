/** Whether this host has NVIDIA GPUs at all, before any library is loaded for them. */
import type { HostPaths } from '../../inventory/host-paths.ts';
import { listNames, readText, readTextOrEmpty } from '../../inventory/read-text.ts';
import type { Outcome } from '../sensor.ts';

const NVIDIA_VENDOR = '0x10de';
/** PCI class 03: display controllers, 3D ones (data centre GPUs) included. */
const DISPLAY_CLASS = /^0x03/;

/** @returns ready where the kernel driver is loaded */
export async function findNvidiaDriver({ sysRoot, procRoot }: HostPaths): Promise<Outcome<null>> {
  const version = await readText(`${procRoot}/driver/nvidia/version`);
  if (version.ok) return { state: 'ready', value: null, detail: version.text.split('\n', 1)[0] ?? '' };
  const cards = await countCards(sysRoot);
  if (cards === 0) return { state: 'absent', detail: 'no NVIDIA GPU on the PCI bus and no driver loaded' };
  return {
    state: 'noData',
    detail: `${cards} NVIDIA GPU${cards === 1 ? '' : 's'} on the PCI bus, but the kernel driver is not loaded`,
    fix: 'modprobe nvidia (install the NVIDIA driver first, if it is not)',
  };
}

async function countCards(sysRoot: string): Promise<number> {
  const bus = `${sysRoot}/bus/pci/devices`;
  let cards = 0;
  for (const device of await listNames(bus)) {
    if ((await readTextOrEmpty(`${bus}/${device}/vendor`)) !== NVIDIA_VENDOR) continue;
    if (DISPLAY_CLASS.test(await readTextOrEmpty(`${bus}/${device}/class`))) cards++;
  }
  return cards;
}
