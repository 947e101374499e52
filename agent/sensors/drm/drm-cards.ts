/** GPUs as the kernel's graphics drivers show them in sysfs. */
import { listNames, readTextOrEmpty } from '../../inventory/read-text.ts';

export interface DrmCard {
  readonly driver: string;
  /** `0000:0c:00.0`: where it is plugged in. */
  readonly slot: string;
  /** `1002:73BF`: vendor and device. */
  readonly pciId: string;
  /** The device's folder. */
  readonly device: string;
  /** Its sensors; empty where the driver gives none. */
  readonly hwmon: string;
}

const CARD = /^card\d+$/;

/** Cards of these drivers; parts of a partitioned one (`amdgpu_xcp`) have a driver of their own and are none. */
export async function findCards(sysRoot: string, drivers: readonly string[]): Promise<DrmCard[]> {
  const cards: DrmCard[] = [];
  for (const name of await listNames(`${sysRoot}/class/drm`)) {
    if (!CARD.test(name)) continue;
    const device = `${sysRoot}/class/drm/${name}/device`;
    const uevent = await readTextOrEmpty(`${device}/uevent`);
    const property = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(uevent)?.[1]?.trim() ?? '';
    const driver = property('DRIVER');
    if (!drivers.includes(driver)) continue;
    const [hwmon] = await listNames(`${device}/hwmon`);
    cards.push({
      driver,
      slot: property('PCI_SLOT_NAME'),
      pciId: property('PCI_ID'),
      device,
      hwmon: hwmon === undefined ? '' : `${device}/hwmon/${hwmon}`,
    });
  }
  return cards;
}

/** A non-negative whole number, or null: an empty, negative or forbidden file is no reading. */
export async function readWhole(path: string): Promise<number | null> {
  const text = await readTextOrEmpty(path);
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : null;
}
