/** The numbers of one window, each as its difference from what the window before lets expect. */
import { WINDOW_MS } from '../time/window.ts';
import type { LedgerDevice, LedgerEpoch, LedgerJobShare } from './hour.ts';
import { restOf, type WindowShape } from './hour-shape.ts';
import type { RiceReader, RiceWriter } from './rice.ts';

/** Utilization is kept to 1/10,000: sensors give whole percents. */
const UTILIZATION_STEPS = 10_000;

/** Numbers that are alike: a first value is larger than the differences that follow it. */
const COLUMNS = {
  firstEnergy: 0,
  energy: 1,
  metered: 2,
  recovered: 3,
  firstExcess: 4,
  excess: 5,
  firstUtilization: 6,
  utilization: 7,
  idle: 8,
  firstShare: 9,
  share: 10,
  allocated: 11,
} as const;

type Contents = Pick<LedgerEpoch, 'devices' | 'jobShares'>;

interface DeviceBefore {
  readonly energyMillijoules: number;
  /** Of the integrated power over the counter. */
  readonly excessMillijoules: number | null;
  readonly utilizationSteps: number | null;
}

interface ShareBefore {
  /** Of the device's energy. */
  readonly ratio: number;
  readonly allocatedMilliseconds: number;
}

/** The window before, as far as writer and reader both know it. */
export class WindowBefore {
  readonly #devices: Map<number, DeviceBefore>;
  readonly #shares: ShareBefore[] = [];

  constructor(devices = new Map<number, DeviceBefore>()) {
    this.#devices = devices;
  }

  /** Shares are told apart by their places, which mean something else in another shape. */
  withoutShares(): WindowBefore {
    return new WindowBefore(this.#devices);
  }

  device(deviceIndex: number): DeviceBefore | undefined {
    return this.#devices.get(deviceIndex);
  }

  share(place: number): ShareBefore | undefined {
    return this.#shares[place];
  }

  keep({ devices, jobShares }: Contents): void {
    const energyOf = new Map(devices.map((device) => [device.deviceIndex, device.energyMillijoules]));
    for (const { deviceIndex, energyMillijoules, integratedMillijoules, utilizationRatio } of devices)
      this.#devices.set(deviceIndex, {
        energyMillijoules,
        excessMillijoules: integratedMillijoules === null ? null : integratedMillijoules - energyMillijoules,
        utilizationSteps: utilizationRatio === null ? null : toSteps(utilizationRatio),
      });
    jobShares.forEach(({ deviceIndex, energyMillijoules, allocatedMilliseconds }, place) => {
      const all = energyOf.get(deviceIndex) ?? 0;
      this.#shares[place] = { ratio: all === 0 ? 0 : energyMillijoules / all, allocatedMilliseconds };
    });
  }
}

const toSteps = (ratio: number) => Math.round(ratio * UTILIZATION_STEPS);

/** Column and expectation: what was there before, or nothing. */
const after = (was: number | null | undefined, first: number, next: number): readonly [number, number] =>
  was === null || was === undefined ? [first, 0] : [next, was];

const expectedEnergy = (was: DeviceBefore | undefined) =>
  after(was?.energyMillijoules, COLUMNS.firstEnergy, COLUMNS.energy);
const expectedExcess = (was: DeviceBefore | undefined) =>
  after(was?.excessMillijoules, COLUMNS.firstExcess, COLUMNS.excess);
const expectedUtilization = (was: DeviceBefore | undefined) =>
  after(was?.utilizationSteps, COLUMNS.firstUtilization, COLUMNS.utilization);
const expectedShare = (was: ShareBefore | undefined, deviceMillijoules: number) =>
  after(was && Math.round(was.ratio * deviceMillijoules), COLUMNS.firstShare, COLUMNS.share);

export function writeValues(
  writer: RiceWriter,
  { devices, shares }: WindowShape,
  epoch: Contents,
  before: WindowBefore,
): void {
  const write = ([column, expected]: readonly [number, number], value: number) =>
    writer.signed(column, value - expected);
  const energyOf = new Map<number, number>();
  devices.forEach((shape, i) => {
    const device = epoch.devices[i]!;
    const was = before.device(shape.deviceIndex);
    energyOf.set(shape.deviceIndex, device.energyMillijoules);
    write(expectedEnergy(was), device.energyMillijoules);
    if (!shape.isFullyMetered) writer.unsigned(COLUMNS.metered, device.meteredMilliseconds);
    if (shape.hasRecovered) writer.unsigned(COLUMNS.recovered, device.recoveredMillijoules);
    if (shape.hasIntegrated)
      write(expectedExcess(was), device.integratedMillijoules! - device.energyMillijoules);
    if (shape.hasUtilization) write(expectedUtilization(was), toSteps(device.utilizationRatio!));
    if (shape.idle === 'given') writer.unsigned(COLUMNS.idle, device.idleMillijoules);
  });
  shares.forEach(({ deviceIndex, hasAllEnergy, hasAllTime }, place) => {
    const share = epoch.jobShares[place]!;
    const was = before.share(place);
    if (!hasAllEnergy) write(expectedShare(was, energyOf.get(deviceIndex) ?? 0), share.energyMillijoules);
    if (!hasAllTime) write([COLUMNS.allocated, was?.allocatedMilliseconds ?? 0], share.allocatedMilliseconds);
  });
}

/** @throws RangeError where the bytes are damaged */
export function readValues(
  reader: RiceReader,
  { devices: deviceShapes, shares }: WindowShape,
  before: WindowBefore,
): Contents {
  const read = ([column, expected]: readonly [number, number]) => expected + reader.signed(column);
  // Fields in the order in which they were written: an object literal evaluates them so.
  const metered = deviceShapes.map((shape): LedgerDevice => {
    const was = before.device(shape.deviceIndex);
    const energyMillijoules = read(expectedEnergy(was));
    return {
      deviceIndex: shape.deviceIndex,
      kind: shape.kind,
      energyMillijoules,
      meteredMilliseconds: shape.isFullyMetered ? WINDOW_MS : reader.unsigned(COLUMNS.metered),
      recoveredMillijoules: shape.hasRecovered ? reader.unsigned(COLUMNS.recovered) : 0,
      integratedMillijoules: shape.hasIntegrated ? energyMillijoules + read(expectedExcess(was)) : null,
      utilizationRatio: shape.hasUtilization ? read(expectedUtilization(was)) / UTILIZATION_STEPS : null,
      idleMillijoules: shape.idle === 'given' ? reader.unsigned(COLUMNS.idle) : 0,
    };
  });
  const byIndex = new Map(metered.map((device) => [device.deviceIndex, device]));
  const jobShares = shares.map((shape, place): LedgerJobShare => {
    const device = byIndex.get(shape.deviceIndex);
    if (device === undefined && (shape.hasAllEnergy || shape.hasAllTime))
      throw new RangeError('the encoded hour has a share of all of a device that it does not have');
    const was = before.share(place);
    return {
      jobNumber: shape.jobNumber,
      deviceIndex: shape.deviceIndex,
      energyMillijoules: shape.hasAllEnergy
        ? device!.energyMillijoules
        : read(expectedShare(was, device?.energyMillijoules ?? 0)),
      allocatedMilliseconds: shape.hasAllTime
        ? device!.meteredMilliseconds
        : read([COLUMNS.allocated, was?.allocatedMilliseconds ?? 0]),
      ...(shape.attribution === 'allocation' ? {} : { attribution: shape.attribution }),
    };
  });
  const devices = metered.map((device, i) =>
    deviceShapes[i]!.idle === 'rest' ? { ...device, idleMillijoules: restOf(device, jobShares) } : device,
  );
  return { devices, jobShares };
}
