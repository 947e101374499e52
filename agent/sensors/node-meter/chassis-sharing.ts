/** Whether the chassis around this host may hold others: then its meter may be the sum of them. */
import type { HostPaths } from '../../inventory/host-paths.ts';
import { readTextOrEmpty } from '../../inventory/read-text.ts';

/** What the operator says: `auto` trusts a meter unless the chassis is shared, `node` says that it covers this host alone. */
export type NodeMeterUse = 'auto' | 'node' | 'off';

/** SMBIOS 3.7, table 17: enclosures that hold several hosts, by the board's own word. */
const SHARED: Readonly<Record<string, string>> = {
  25: 'a multi-system chassis',
  28: 'a blade',
  29: 'a blade enclosure',
};

/** What kind of shared chassis, or null where the firmware names none. */
export async function sharedChassis({ sysRoot }: HostPaths): Promise<string | null> {
  return SHARED[await readTextOrEmpty(`${sysRoot}/class/dmi/id/chassis_type`)] ?? null;
}

export const SHARED_FIX =
  'set "nodeMeter" to "node" if the meter covers this host alone, or to "off" if it covers others as well';
