/**
 * A node's hour in the ledger: twelve windows, each the sum of its epochs. Devices and jobs stand as the small numbers
 * of their registries. Plain integers here (the codec and sums want them); units are in the names.
 */
import type { EnergyKind, JobAttribution } from '../wire/ingest.ts';

export interface LedgerDevice {
  readonly deviceIndex: number;
  readonly meteredMilliseconds: number;
  readonly energyMillijoules: number;
  readonly kind: EnergyKind;
  readonly recoveredMillijoules: number;
  /** Null where the device has no counter beside its power, or no power beside its counter. */
  readonly integratedMillijoules: number | null;
  readonly idleMillijoules: number;
  readonly utilizationRatio: number | null;
}

export interface LedgerJobShare {
  readonly jobNumber: number;
  readonly deviceIndex: number;
  readonly energyMillijoules: number;
  readonly allocatedMilliseconds: number;
  /** How the job came to its shares; absent for `allocation`. */
  readonly attribution?: Exclude<JobAttribution, 'allocation'>;
}

/** What one epoch says of one window: the highest revision that was accepted. */
export interface LedgerEpoch {
  readonly epoch: string;
  readonly revision: number;
  readonly final: boolean;
  /** 32-bit digest of the report's content: tells a resend from a conflict under the same revision. Null: not kept any more. */
  readonly contentDigest: number | null;
  readonly devices: readonly LedgerDevice[];
  readonly jobShares: readonly LedgerJobShare[];
}

/** Index = window of the hour (0..11); no epochs = nothing reported. */
export interface HourLedger {
  readonly windows: readonly (readonly LedgerEpoch[])[];
}

/** A node's device registry entry: what `deviceIndex` stands for. */
export interface DeviceEntry {
  readonly deviceIndex: number;
  readonly id: string;
  readonly type: import('../wire/ingest.ts').DeviceType;
  readonly name: string;
}
