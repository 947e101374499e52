/**
 * An hour of the ledger as bytes, the `ledger` column of `node_hours`. Each device's energy is stored as the difference
 * from the same device's energy in the window before: an eight-GPU hour takes about a kilobyte instead of ten as JSON.
 */

import { WINDOWS_PER_HOUR } from '../time/window.ts';
import { ENERGY_KINDS, JOB_ATTRIBUTIONS } from '../wire/ingest.ts';
import type { HourLedger, LedgerDevice, LedgerEpoch, LedgerJobShare } from './hour.ts';
import { ByteReader, ByteWriter } from './varint.ts';

/** Version 1 did not say how a job came to its share: all were by allocation. */
const FORMAT_VERSION = 2;
const FULL_WINDOW_MS = 300_000;
/** Utilization is kept to 1/10,000: sensors give whole percents. */
const UTILIZATION_STEPS = 10_000;
/** A share's device index and attribution travel in one number: room for more attributions than there are. */
const ATTRIBUTION_STEPS = 8;

// Bits of a device's flag byte; the lowest two hold the kind.
const FULLY_METERED = 4;
const HAS_RECOVERED = 8;
const HAS_INTEGRATED = 16;
const HAS_IDLE = 32;
const HAS_UTILIZATION = 64;

/** Energy of each device in the window before, by device index. */
type Previous = Map<number, number>;

export function encodeHour(hour: HourLedger): Uint8Array {
  if (hour.windows.length !== WINDOWS_PER_HOUR)
    throw new RangeError(`an hour has ${WINDOWS_PER_HOUR} windows, got ${hour.windows.length}`);
  const writer = new ByteWriter();
  writer.byte(FORMAT_VERSION);
  const names = [...new Set(hour.windows.flatMap((epochs) => epochs.map(({ epoch }) => epoch)))];
  writer.unsigned(names.length);
  for (const name of names) writer.text(name);
  const previous: Previous = new Map();
  for (const epochs of hour.windows) {
    writer.unsigned(epochs.length);
    for (const epoch of epochs) writeEpoch(writer, names.indexOf(epoch.epoch), epoch, previous);
  }
  return writer.finish();
}

/** @throws RangeError where the bytes are damaged or of a newer format */
export function decodeHour(bytes: Uint8Array): HourLedger {
  const reader = new ByteReader(bytes);
  const version = reader.byte();
  if (version !== 1 && version !== FORMAT_VERSION)
    throw new RangeError(`unknown ledger format ${version}: this version reads 1 to ${FORMAT_VERSION}`);
  const names = repeat(reader.unsigned(), () => reader.text());
  const previous: Previous = new Map();
  const windows = repeat(WINDOWS_PER_HOUR, () =>
    repeat(reader.unsigned(), () => readEpoch(reader, version, names, previous)),
  );
  if (!reader.done) throw new RangeError('the encoded hour has bytes left over');
  return { windows };
}

function writeEpoch(writer: ByteWriter, nameIndex: number, epoch: LedgerEpoch, previous: Previous): void {
  writer.unsigned(nameIndex);
  writer.unsigned(epoch.revision * 2 + (epoch.final ? 1 : 0));
  writer.unsigned(epoch.contentDigest);
  writer.unsigned(epoch.devices.length);
  for (const device of epoch.devices) writeDevice(writer, device, previous);
  writer.unsigned(epoch.jobShares.length);
  for (const share of epoch.jobShares) writeShare(writer, share);
}

function writeShare(writer: ByteWriter, share: LedgerJobShare): void {
  writer.unsigned(share.jobNumber);
  const attribution = JOB_ATTRIBUTIONS.indexOf(share.attribution ?? 'allocation');
  writer.unsigned(share.deviceIndex * ATTRIBUTION_STEPS + attribution);
  writer.unsigned(share.energyMillijoules);
  writer.unsigned(share.allocatedMilliseconds);
}

function readShare(reader: ByteReader, version: number): LedgerJobShare {
  const jobNumber = reader.unsigned();
  const device = reader.unsigned();
  const deviceIndex = version === 1 ? device : Math.floor(device / ATTRIBUTION_STEPS);
  const attribution = version === 1 ? 'allocation' : JOB_ATTRIBUTIONS[device % ATTRIBUTION_STEPS];
  if (attribution === undefined)
    throw new RangeError('the encoded hour has a share of an unknown attribution');
  return {
    jobNumber,
    deviceIndex,
    energyMillijoules: reader.unsigned(),
    allocatedMilliseconds: reader.unsigned(),
    ...(attribution === 'allocation' ? {} : { attribution }),
  };
}

function readEpoch(
  reader: ByteReader,
  version: number,
  names: readonly string[],
  previous: Previous,
): LedgerEpoch {
  const epoch = names[reader.unsigned()];
  if (epoch === undefined) throw new RangeError('the encoded hour names an epoch that is not in its table');
  const revisionAndFinal = reader.unsigned();
  return {
    epoch,
    revision: Math.floor(revisionAndFinal / 2),
    final: revisionAndFinal % 2 === 1,
    contentDigest: reader.unsigned(),
    devices: repeat(reader.unsigned(), () => readDevice(reader, previous)),
    jobShares: repeat(reader.unsigned(), () => readShare(reader, version)),
  };
}

function writeDevice(writer: ByteWriter, device: LedgerDevice, previous: Previous): void {
  writer.unsigned(device.deviceIndex);
  const {
    meteredMilliseconds,
    recoveredMillijoules,
    integratedMillijoules,
    idleMillijoules,
    utilizationRatio,
  } = device;
  writer.byte(
    ENERGY_KINDS.indexOf(device.kind) |
      (meteredMilliseconds === FULL_WINDOW_MS ? FULLY_METERED : 0) |
      (recoveredMillijoules > 0 ? HAS_RECOVERED : 0) |
      (integratedMillijoules !== null ? HAS_INTEGRATED : 0) |
      (idleMillijoules > 0 ? HAS_IDLE : 0) |
      (utilizationRatio !== null ? HAS_UTILIZATION : 0),
  );
  writer.signed(device.energyMillijoules - (previous.get(device.deviceIndex) ?? 0));
  previous.set(device.deviceIndex, device.energyMillijoules);
  if (meteredMilliseconds !== FULL_WINDOW_MS) writer.unsigned(meteredMilliseconds);
  if (recoveredMillijoules > 0) writer.unsigned(recoveredMillijoules);
  if (integratedMillijoules !== null) writer.signed(integratedMillijoules - device.energyMillijoules);
  if (idleMillijoules > 0) writer.unsigned(idleMillijoules);
  if (utilizationRatio !== null) writer.unsigned(Math.round(utilizationRatio * UTILIZATION_STEPS));
}

function readDevice(reader: ByteReader, previous: Previous): LedgerDevice {
  const deviceIndex = reader.unsigned();
  const flags = reader.byte();
  const energyMillijoules = (previous.get(deviceIndex) ?? 0) + reader.signed();
  previous.set(deviceIndex, energyMillijoules);
  return {
    deviceIndex,
    kind: ENERGY_KINDS[flags & 3]!,
    energyMillijoules,
    meteredMilliseconds: flags & FULLY_METERED ? FULL_WINDOW_MS : reader.unsigned(),
    recoveredMillijoules: flags & HAS_RECOVERED ? reader.unsigned() : 0,
    integratedMillijoules: flags & HAS_INTEGRATED ? energyMillijoules + reader.signed() : null,
    idleMillijoules: flags & HAS_IDLE ? reader.unsigned() : 0,
    utilizationRatio: flags & HAS_UTILIZATION ? reader.unsigned() / UTILIZATION_STEPS : null,
  };
}

/** Calls in order: object literals above evaluate their fields in the order in which the bytes were written. */
function repeat<T>(count: number, read: () => T): T[] {
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(read());
  return items;
}
