/**
 * An hour of the ledger as bytes, the `ledger` column of `node_hours`: its twelve windows, after a digest of them all, since
 * differences make one wrong bit many wrong numbers. An hour of eight GPUs and their job takes a quarter of a page; a row
 * over 2,030 bytes would take one alone.
 */
import { WINDOWS_PER_HOUR } from '../time/window.ts';
import { bytesDigest } from './digest.ts';
import type { HourLedger } from './hour.ts';
import { ByteReader, ByteWriter } from './varint.ts';
import { readWindows, writeWindows } from './window-run.ts';

/** The first byte. Hours of another format are not read. */
export const LEDGER_FORMAT = 6;

export function encodeHour(hour: HourLedger): Uint8Array {
  if (hour.windows.length !== WINDOWS_PER_HOUR)
    throw new RangeError(`an hour has ${WINDOWS_PER_HOUR} windows, got ${hour.windows.length}`);
  const contents = new ByteWriter();
  writeWindows(contents, hour.windows);
  return sealed(contents.finish());
}

/** @throws RangeError where the bytes are damaged or of another format */
export function decodeHour(bytes: Uint8Array): HourLedger {
  return { windows: readWindows(unsealed(bytes), WINDOWS_PER_HOUR) };
}

/** Format and digest. */
export const SEAL_BYTES = 5;

/** Behind the format and their digest. */
export function sealed(contents: Uint8Array): Uint8Array {
  const whole = new ByteWriter();
  whole.byte(LEDGER_FORMAT);
  whole.uint32(bytesDigest(contents));
  whole.raw(contents);
  return whole.finish();
}

/** @throws RangeError where the bytes are damaged or of another format */
export function unsealed(bytes: Uint8Array): ByteReader {
  const whole = new ByteReader(bytes);
  const format = whole.byte();
  if (format !== LEDGER_FORMAT)
    throw new RangeError(`unknown ledger format ${format}: this version reads ${LEDGER_FORMAT}`);
  const digest = whole.uint32();
  const contents = whole.rest();
  if (bytesDigest(contents) !== digest)
    throw new RangeError('the encoded hour is damaged: bytes of it are missing, changed or left over');
  return new ByteReader(contents);
}
