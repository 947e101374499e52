/**
 * One device's energy and time in one window, split among those who had it. Integers throughout: the shares sum to the
 * device exactly.
 */
import type { LedgerDevice, LedgerJobShare } from '../ledger/hour.ts';
import { splitInteger } from '../split.ts';
import { IDLE, type Owner, UNATTRIBUTED, WHOLE } from './owners.ts';

export interface DeviceShare {
  readonly owner: Owner;
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

/** @param jobShares those of this device, in the same epoch */
export function deviceShares(
  device: LedgerDevice,
  jobShares: readonly LedgerJobShare[],
  ownerOf: OwnerOf,
): DeviceShare[] {
  const { energyMillijoules, idleMillijoules, recoveredMillijoules, meteredMilliseconds } = device;
  const jobMillijoules = jobShares.reduce((sum, share) => sum + share.energyMillijoules, 0);
  if (ownerOf === null) {
    return [
      {
        owner: WHOLE,
        energyMillijoules,
        idleMillijoules,
        jobMillijoules,
        recoveredMillijoules,
        heldMilliseconds: meteredMilliseconds,
        meteredMilliseconds,
      },
    ];
  }
  const restMillijoules = energyMillijoules - idleMillijoules - jobMillijoules;
  const allocated = jobShares.map((share) => share.allocatedMilliseconds);
  const allocatedMilliseconds = allocated.reduce((sum, each) => sum + each, 0);
  const metered = split(Math.min(meteredMilliseconds, allocatedMilliseconds), allocated);
  const freeMilliseconds = Math.max(0, meteredMilliseconds - allocatedMilliseconds);
  // Nobody reports for how long a device was free, only what it drew then.
  const [idleMilliseconds = 0, restMilliseconds = 0] =
    idleMillijoules === 0
      ? [0, freeMilliseconds]
      : split(freeMilliseconds, [idleMillijoules, restMillijoules]);
  const recovered = split(recoveredMillijoules, [
    ...jobShares.map((share) => share.energyMillijoules),
    idleMillijoules,
    restMillijoules,
  ]);
  return [
    ...jobShares.map((share, i) => ({
      owner: ownerOf(share.jobNumber),
      energyMillijoules: share.energyMillijoules,
      idleMillijoules: 0,
      jobMillijoules: share.energyMillijoules,
      recoveredMillijoules: recovered[i]!,
      heldMilliseconds: share.allocatedMilliseconds,
      meteredMilliseconds: metered[i]!,
    })),
    {
      owner: IDLE,
      energyMillijoules: idleMillijoules,
      idleMillijoules,
      jobMillijoules: 0,
      recoveredMillijoules: recovered.at(-2)!,
      heldMilliseconds: idleMilliseconds,
      meteredMilliseconds: idleMilliseconds,
    },
    {
      owner: UNATTRIBUTED,
      energyMillijoules: restMillijoules,
      idleMillijoules: 0,
      jobMillijoules: 0,
      recoveredMillijoules: recovered.at(-1)!,
      heldMilliseconds: 0,
      meteredMilliseconds: restMilliseconds,
    },
  ];
}

function split(whole: number, weights: readonly number[]): number[] {
  return whole === 0 ? weights.map(() => 0) : splitInteger(whole, weights);
}
