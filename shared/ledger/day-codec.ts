/** A node's day of the ledger as bytes, the `hours` column of `node_days`: hours that have settled long ago, together. */
import { HOURS_PER_DAY, WINDOWS_PER_HOUR } from '../time/window.ts';
import type { HourLedger, LedgerEpoch } from './hour.ts';
import { SEAL_BYTES, sealed, unsealed } from './hour-codec.ts';
import { ByteReader, ByteWriter } from './varint.ts';
import { readWindows, writeWindows } from './window-run.ts';

/** By hour of the day, 0 to 23. */
export type DayLedger = ReadonlyMap<number, HourLedger>;

export function encodeDay(day: DayLedger): Uint8Array {
  const contents = new ByteWriter();
  const hours = [...day].sort(([a], [b]) => a - b);
  contents.unsigned(hours.reduce((bits, [hour]) => bits + 2 ** hour, 0));
  writeWindows(
    contents,
    hours.flatMap(([, { windows }]) => windows),
  );
  return sealed(contents.finish());
}

/** @throws RangeError where the bytes are damaged or of another format */
export function decodeDay(bytes: Uint8Array): DayLedger {
  const reader = unsealed(bytes);
  const hours = hoursOf(reader.unsigned());
  const windows = readWindows(reader, hours.length * WINDOWS_PER_HOUR);
  return new Map(
    hours.map((hour, place) => [
      hour,
      { windows: windows.slice(place * WINDOWS_PER_HOUR, (place + 1) * WINDOWS_PER_HOUR) },
    ]),
  );
}

/** How many hours a day holds, from its first 16 bytes. */
export function hoursIn(start: Uint8Array): number {
  return hoursOf(new ByteReader(start.subarray(SEAL_BYTES)).unsigned()).length;
}

const hoursOf = (bits: number): number[] =>
  Array.from({ length: HOURS_PER_DAY }, (_, hour) => hour).filter((hour) => ((bits >> hour) & 1) === 1);

/**
 * What answers are made from: without the power that stands beside a counter, and without the digest that tells a resend of
 * the same revision from a conflict.
 */
export function figuresOf({ windows }: HourLedger): HourLedger {
  const figures = (epoch: LedgerEpoch): LedgerEpoch => ({
    ...epoch,
    contentDigest: null,
    devices: epoch.devices.map((device) => ({ ...device, integratedMillijoules: null })),
  });
  return { windows: windows.map((epochs) => epochs.map(figures)) };
}
