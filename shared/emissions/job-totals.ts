/** What jobs had in hours of the ledger, before anything is charged: energy and GPU time. */
import type { DeviceType } from '../wire/ingest.ts';
import { windowShares } from './device-shares.ts';
import type { NodeHourLedger } from './join-node.ts';
import type { Owner } from './owners.ts';

export interface JobTotals {
  energyMillijoules: bigint;
  /** Metered part of the time for which GPUs were allocated. */
  gpuMilliseconds: bigint;
}

export class JobSums {
  readonly #owners = new Map<number, Owner>();
  readonly #totals = new Map<Owner, JobTotals>();

  /** @param typeOf the types of the node's devices, by index */
  addHour({ ledger }: NodeHourLedger, typeOf: ReadonlyMap<number, DeviceType>): void {
    for (const epochs of ledger.windows) {
      for (const share of windowShares(epochs, typeOf, (number) => this.#ownerOf(number))) {
        const total = this.#totals.get(share.owner);
        if (total === undefined) continue;
        total.energyMillijoules += BigInt(share.energyMillijoules);
        if (share.type === 'gpu') total.gpuMilliseconds += BigInt(share.meteredMilliseconds);
      }
    }
  }

  of(jobNumber: number): JobTotals {
    return this.#totals.get(this.#ownerOf(jobNumber))!;
  }

  #ownerOf(jobNumber: number): Owner {
    const known = this.#owners.get(jobNumber);
    if (known) return known;
    const owner: Owner = { kind: 'job', key: String(jobNumber) };
    this.#owners.set(jobNumber, owner);
    this.#totals.set(owner, { energyMillijoules: 0n, gpuMilliseconds: 0n });
    return owner;
  }
}
