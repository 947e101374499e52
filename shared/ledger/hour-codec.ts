/**
 * An hour of the ledger as bytes, the `ledger` column of `node_hours`. What is alike from window to window (which devices
 * and shares there are, and which of their fields say anything) is written once, as a shape; the numbers follow as
 * differences from the window before, in as many bits as they need. So an hour of eight GPUs and their job takes a quarter
 * of a page; a row over 2,030 bytes would take one alone. A digest of it all stands before it: differences make one wrong bit
 * many wrong numbers.
 */

import { WINDOWS_PER_HOUR } from '../time/window.ts';
import { bytesDigest } from './digest.ts';
import type { HourLedger, LedgerEpoch } from './hour.ts';
import { readShape, sameBytes, type WindowShape, writeShape } from './hour-shape.ts';
import { readValues, WindowBefore, writeValues } from './hour-values.ts';
import { RiceReader, RiceWriter } from './rice.ts';
import { ByteReader, ByteWriter } from './varint.ts';

/** The first byte. Hours of another format are not read. */
export const LEDGER_FORMAT = 4;

export function encodeHour(hour: HourLedger): Uint8Array {
  if (hour.windows.length !== WINDOWS_PER_HOUR)
    throw new RangeError(`an hour has ${WINDOWS_PER_HOUR} windows, got ${hour.windows.length}`);
  const head = new ByteWriter();
  const values = new RiceWriter();
  const names = [...new Set(hour.windows.flatMap((epochs) => epochs.map(({ epoch }) => epoch)))];
  head.unsigned(names.length);
  for (const name of names) head.text(name);
  let before = new WindowBefore();
  let last: { readonly bytes: Uint8Array; readonly shape: WindowShape } | null = null;
  for (const epochs of hour.windows) {
    head.unsigned(epochs.length);
    for (const epoch of epochs) {
      head.unsigned(names.indexOf(epoch.epoch));
      head.unsigned(epoch.revision * 2 + (epoch.final ? 1 : 0));
      head.uint32(epoch.contentDigest);
      const bytes = writeShape(epoch);
      const isSame: boolean = last !== null && sameBytes(bytes, last.bytes);
      head.byte(isSame ? 0 : 1);
      if (!isSame) {
        head.raw(bytes);
        before = before.withoutShares();
        last = { bytes, shape: readShape(new ByteReader(bytes)) };
      }
      writeValues(values, last!.shape, epoch, before);
      before.keep(epoch);
    }
  }
  head.raw(values.finish());
  const contents = head.finish();
  const whole = new ByteWriter();
  whole.byte(LEDGER_FORMAT);
  whole.uint32(bytesDigest(contents));
  whole.raw(contents);
  return whole.finish();
}

type Head = Pick<LedgerEpoch, 'epoch' | 'revision' | 'final' | 'contentDigest'>;

/** @throws RangeError where the bytes are damaged or of another format */
export function decodeHour(bytes: Uint8Array): HourLedger {
  const reader = undamaged(bytes);
  const names = repeat(reader.unsigned(), () => reader.text());
  let shape: WindowShape | null = null;
  const heads = repeat(WINDOWS_PER_HOUR, () =>
    repeat(reader.unsigned(), () => {
      const head = readHead(reader, names);
      const isNew = reader.byte() !== 0;
      if (isNew) shape = readShape(reader);
      if (shape === null) throw new RangeError('the encoded hour begins without a shape');
      return { head, shape, isNew };
    }),
  );
  const values = new RiceReader(reader.rest());
  let before = new WindowBefore();
  const windows = heads.map((epochs) =>
    epochs.map(({ head, shape, isNew }): LedgerEpoch => {
      if (isNew) before = before.withoutShares();
      const contents = readValues(values, shape, before);
      before.keep(contents);
      return { ...head, ...contents };
    }),
  );
  if (!values.done) throw new RangeError('the encoded hour has bytes left over');
  return { windows };
}

function undamaged(bytes: Uint8Array): ByteReader {
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

function readHead(reader: ByteReader, names: readonly string[]): Head {
  const epoch = names[reader.unsigned()];
  if (epoch === undefined) throw new RangeError('the encoded hour names an epoch that is not in its table');
  const revisionAndFinal = reader.unsigned();
  return {
    epoch,
    revision: Math.floor(revisionAndFinal / 2),
    final: revisionAndFinal % 2 === 1,
    contentDigest: reader.uint32(),
  };
}

function repeat<T>(count: number, read: () => T): T[] {
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(read());
  return items;
}
