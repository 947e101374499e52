/**
 * One device's energy and time in one window, split among those who had it. Integers throughout: the shares sum to the
 * device exactly.
 */
import type { LedgerDevice, LedgerEpoch, LedgerJobShare } from '../ledger/hour.ts';
import { splitInteger } from '../split.ts';
import type { DeviceType } from '../wire/ingest.ts';
import { IDLE, type Owner, UNATTRIBUTED, WHOLE } from './owners.ts';

/** What an owner had of one device in one window. */
export interface DeviceShare {
  readonly owner: Owner;
  readonly device: LedgerDevice;
  readonly type: DeviceType;
  readonly energyMillijoules: number;
  readonly idleMillijoules: number;
  readonly jobMillijoules: number;
  readonly recoveredMillijoules: number;
  /** Time for which the owner had the device: what was allocated to jobs; metered time that was proven free. */
  readonly heldMilliseconds: number;
  /** Part of it for which the device was metered; of the whole and of nobody: all that is left. */
  readonly meteredMilliseconds: number;
}

/** Null: not asked for, the device is one whole. */
export type OwnerOf = ((jobNumber: number) => Owner) | null;

/** @throws RangeError where a device is not in the node's registry: a broken invariant */
export function windowShares(
  epochs: readonly LedgerEpoch[],
  typeOf: ReadonlyMap<number, DeviceType>,
  ownerOf: OwnerOf,
): DeviceShare[] {
  const shares: DeviceShare[] = [];
  for (const { devices, jobShares } of epochs) {
    const byDevice: LedgerJobShare[][] = [];
    for (const share of jobShares) {
      const known = byDevice[share.deviceIndex];
      if (known) known.push(share);
      else byDevice[share.deviceIndex] = [share];
    }
    for (const device of devices) {
      const type = typeOf.get(device.deviceIndex);
      if (type === undefined)
        throw new RangeError(`device ${device.deviceIndex} of an hour is not in its node's registry`);
      addShares(shares, device, type, byDevice[device.deviceIndex] ?? [], ownerOf);
    }
  }
  return shares;
}

/** @param jobShares those of this device, in the same epoch */
function addShares(
  shares: DeviceShare[],
  device: LedgerDevice,
  type: DeviceType,
  jobShares: readonly LedgerJobShare[],
  ownerOf: OwnerOf,
): void {
  const { energyMillijoules, idleMillijoules, recoveredMillijoules, meteredMilliseconds } = device;
  let jobMillijoules = 0;
  let allocatedMilliseconds = 0;
  for (const share of jobShares) {
    jobMillijoules += share.energyMillijoules;
    allocatedMilliseconds += share.allocatedMilliseconds;
  }
  if (ownerOf === null) {
    shares.push({
      owner: WHOLE,
      device,
      type,
      energyMillijoules,
      idleMillijoules,
      jobMillijoules,
      recoveredMillijoules,
      heldMilliseconds: meteredMilliseconds,
      meteredMilliseconds,
    });
    return;
  }
  const restMillijoules = energyMillijoules - idleMillijoules - jobMillijoules;
  const metered =
    allocatedMilliseconds <= meteredMilliseconds
      ? null
      : splitInteger(
          meteredMilliseconds,
          jobShares.map((share) => share.allocatedMilliseconds),
        );
  const recovered =
    recoveredMillijoules === 0
      ? null
      : splitInteger(recoveredMillijoules, [
          ...jobShares.map((share) => share.energyMillijoules),
          idleMillijoules,
          restMillijoules,
        ]);
  // Idle and nobody's share are told of each window at least once, else where there is something in them.
  const isFirst = shares.length === 0;
  // Nobody reports for how long a device was free, only what it drew then.
  const freeMilliseconds = Math.max(0, meteredMilliseconds - allocatedMilliseconds);
  const idleMilliseconds =
    idleMillijoules === 0
      ? 0
      : Math.round((freeMilliseconds * idleMillijoules) / (idleMillijoules + restMillijoules));
  for (let i = 0; i < jobShares.length; i++) {
    const share = jobShares[i]!;
    shares.push({
      owner: ownerOf(share.jobNumber),
      device,
      type,
      energyMillijoules: share.energyMillijoules,
      idleMillijoules: 0,
      jobMillijoules: share.energyMillijoules,
      recoveredMillijoules: recovered?.[i] ?? 0,
      heldMilliseconds: share.allocatedMilliseconds,
      meteredMilliseconds: metered?.[i] ?? share.allocatedMilliseconds,
    });
  }
  const idleRecovered = recovered?.at(-2) ?? 0;
  if (isFirst || idleMillijoules > 0 || idleMilliseconds > 0 || idleRecovered > 0)
    shares.push({
      owner: IDLE,
      device,
      type,
      energyMillijoules: idleMillijoules,
      idleMillijoules,
      jobMillijoules: 0,
      recoveredMillijoules: idleRecovered,
      heldMilliseconds: idleMilliseconds,
      meteredMilliseconds: idleMilliseconds,
    });
  const restRecovered = recovered?.at(-1) ?? 0;
  const restMilliseconds = freeMilliseconds - idleMilliseconds;
  if (isFirst || restMillijoules !== 0 || restMilliseconds > 0 || restRecovered > 0)
    shares.push({
      owner: UNATTRIBUTED,
      device,
      type,
      energyMillijoules: restMillijoules,
      idleMillijoules: 0,
      jobMillijoules: 0,
      recoveredMillijoules: restRecovered,
      heldMilliseconds: 0,
      meteredMilliseconds: restMilliseconds,
    });
}
