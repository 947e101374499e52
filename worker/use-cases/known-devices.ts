import type { KnownHour } from '../storage/ledger-revisions.ts';
import type { NodeDevice } from '../storage/node-devices.ts';

/**
 * The devices of a node that were known by then.
 * @param hours of the node: one that had not settled by then may name a device that was first seen a moment later
 */
export function devicesAsKnown(
  devices: readonly NodeDevice[],
  hours: readonly KnownHour[],
  knownAtMs: number,
): NodeDevice[] {
  return devices.filter((device) => device.firstSeenAtMs <= knownAtMs || isNamed(device, hours));
}

function isNamed({ deviceIndex }: NodeDevice, hours: readonly KnownHour[]): boolean {
  return hours.some(({ ledger }) =>
    ledger.windows.some((epochs) =>
      epochs.some(({ devices }) => devices.some((device) => device.deviceIndex === deviceIndex)),
    ),
  );
}
