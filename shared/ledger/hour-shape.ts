/** What is alike from window to window of an hour: its devices and shares, and which of their fields have a value of their own. */
import { WINDOW_MS } from '../time/window.ts';
import { ENERGY_KINDS, type EnergyKind, JOB_ATTRIBUTIONS, type JobAttribution } from '../wire/ingest.ts';
import type { LedgerDevice, LedgerEpoch, LedgerJobShare } from './hour.ts';
import { type ByteReader, ByteWriter } from './varint.ts';

export interface DeviceShape {
  readonly deviceIndex: number;
  /** What follows, as it is written. */
  readonly bits: number;
  readonly kind: EnergyKind;
  readonly isFullyMetered: boolean;
  readonly hasRecovered: boolean;
  readonly hasIntegrated: boolean;
  /** `rest`: all that its jobs left of its energy. */
  readonly idle: 'none' | 'rest' | 'given';
  readonly hasUtilization: boolean;
}

export interface ShareShape {
  readonly jobNumber: number;
  readonly deviceIndex: number;
  /** What follows, as it is written. */
  readonly bits: number;
  readonly attribution: JobAttribution;
  /** The job has all energy, all metered time of the device. */
  readonly hasAllEnergy: boolean;
  readonly hasAllTime: boolean;
}

export interface WindowShape {
  readonly devices: readonly DeviceShape[];
  readonly shares: readonly ShareShape[];
}

// Bits of a device's byte; the lowest two hold the kind.
const FULLY_METERED = 4;
const RECOVERED = 8;
const INTEGRATED = 16;
const IDLE = 32;
const IDLE_IS_REST = 64;
const UTILIZATION = 128;

// Bits of a share's number; above them stands its attribution.
const ALL_ENERGY = 1;
const ALL_TIME = 2;
const ATTRIBUTION_UNIT = 4;

/** Millijoules of a device that are in none of its jobs; negative where they have more than it. */
export function restOf(device: LedgerDevice, shares: readonly LedgerJobShare[]): number {
  return shares.reduce(
    (rest, share) => (share.deviceIndex === device.deviceIndex ? rest - share.energyMillijoules : rest),
    device.energyMillijoules,
  );
}

function bitsOfDevice(device: LedgerDevice, shares: readonly LedgerJobShare[]): number {
  const isIdle = device.idleMillijoules > 0;
  return (
    ENERGY_KINDS.indexOf(device.kind) |
    (device.meteredMilliseconds === WINDOW_MS ? FULLY_METERED : 0) |
    (device.recoveredMillijoules > 0 ? RECOVERED : 0) |
    (device.integratedMillijoules !== null ? INTEGRATED : 0) |
    (isIdle ? IDLE : 0) |
    (isIdle && device.idleMillijoules === restOf(device, shares) ? IDLE_IS_REST : 0) |
    (device.utilizationRatio !== null ? UTILIZATION : 0)
  );
}

/** @param device that the share is of, where it is there */
function bitsOfShare(share: LedgerJobShare, device: LedgerDevice | undefined): number {
  return (
    JOB_ATTRIBUTIONS.indexOf(share.attribution ?? 'allocation') * ATTRIBUTION_UNIT +
    (share.energyMillijoules === device?.energyMillijoules ? ALL_ENERGY : 0) +
    (share.allocatedMilliseconds === device?.meteredMilliseconds ? ALL_TIME : 0)
  );
}

const deviceOf = ({ deviceIndex }: LedgerJobShare, devices: readonly LedgerDevice[]) =>
  devices.find((device) => device.deviceIndex === deviceIndex);

export function writeShape({ devices, jobShares }: LedgerEpoch): Uint8Array {
  const writer = new ByteWriter();
  writer.unsigned(devices.length);
  for (const device of devices) {
    writer.unsigned(device.deviceIndex);
    writer.byte(bitsOfDevice(device, jobShares));
  }
  writer.unsigned(jobShares.length);
  for (const share of jobShares) {
    writer.unsigned(share.jobNumber);
    writer.unsigned(share.deviceIndex);
    writer.unsigned(bitsOfShare(share, deviceOf(share, devices)));
  }
  return writer.finish();
}

/** Whether `writeShape` would write what this shape was read from; without writing it. */
export function hasShape({ devices, jobShares }: LedgerEpoch, shape: WindowShape): boolean {
  return (
    devices.length === shape.devices.length &&
    jobShares.length === shape.shares.length &&
    devices.every((device, i) => {
      const { deviceIndex, bits } = shape.devices[i]!;
      return device.deviceIndex === deviceIndex && bitsOfDevice(device, jobShares) === bits;
    }) &&
    jobShares.every((share, i) => {
      const { jobNumber, deviceIndex, bits } = shape.shares[i]!;
      return (
        share.jobNumber === jobNumber &&
        share.deviceIndex === deviceIndex &&
        bitsOfShare(share, deviceOf(share, devices)) === bits
      );
    })
  );
}

/** @throws RangeError where the bytes are damaged */
export function readShape(reader: ByteReader): WindowShape {
  const devices: DeviceShape[] = [];
  for (let left = reader.unsigned(); left > 0; left--) {
    const deviceIndex = reader.unsigned();
    const bits = reader.byte();
    devices.push({
      deviceIndex,
      bits,
      kind: ENERGY_KINDS[bits & 3]!,
      isFullyMetered: (bits & FULLY_METERED) !== 0,
      hasRecovered: (bits & RECOVERED) !== 0,
      hasIntegrated: (bits & INTEGRATED) !== 0,
      idle: bits & IDLE_IS_REST ? 'rest' : bits & IDLE ? 'given' : 'none',
      hasUtilization: (bits & UTILIZATION) !== 0,
    });
  }
  const shares: ShareShape[] = [];
  for (let left = reader.unsigned(); left > 0; left--) {
    const jobNumber = reader.unsigned();
    const deviceIndex = reader.unsigned();
    const bits = reader.unsigned();
    const attribution = JOB_ATTRIBUTIONS[Math.floor(bits / ATTRIBUTION_UNIT)];
    if (attribution === undefined)
      throw new RangeError('the encoded hour has a share of an unknown attribution');
    shares.push({
      jobNumber,
      deviceIndex,
      bits,
      attribution,
      hasAllEnergy: (bits & ALL_ENERGY) !== 0,
      hasAllTime: (bits & ALL_TIME) !== 0,
    });
  }
  return { devices, shares };
}
