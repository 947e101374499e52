/** How sums of a day are laid out, whatever they are of: rows of records, each as a whole day and hour by hour. */
import { ByteReader, ByteWriter } from '../ledger/varint.ts';
import { HOURS_PER_DAY } from '../time/window.ts';

/** A row, or one of its records: the same ones in both, in one order. */
export interface EncodedDay {
  readonly sums: Uint8Array;
  readonly hours: Uint8Array;
}

export function written(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  write(writer);
  return writer.finish();
}

type WriteKey<R> = (writer: ByteWriter, record: R, before: R | null) => void;

/**
 * @param maxBytes of one row: what is more goes to the next
 * @param writeKey whose the record is; `before` within the row
 * @returns at least one row
 */
export function encodeRows<R extends EncodedDay>(
  records: readonly R[],
  maxBytes: number,
  version: number,
  writeKey: WriteKey<R>,
): EncodedDay[] {
  const rows = [new RowWriter(version, writeKey)];
  for (const record of records) {
    if (rows.at(-1)!.length >= maxBytes) rows.push(new RowWriter(version, writeKey));
    rows.at(-1)!.add(record);
  }
  return rows.map((row) => row.finish());
}

class RowWriter<R extends EncodedDay> {
  readonly #sums = new ByteWriter();
  readonly #hours = new ByteWriter();
  readonly #writeKey: WriteKey<R>;
  #before: R | null = null;

  constructor(version: number, writeKey: WriteKey<R>) {
    for (const writer of [this.#sums, this.#hours]) writer.byte(version);
    this.#writeKey = writeKey;
  }

  get length(): number {
    return Math.max(this.#sums.length, this.#hours.length);
  }

  add(record: R): void {
    for (const [writer, bytes] of [
      [this.#sums, record.sums],
      [this.#hours, record.hours],
    ] as const) {
      this.#writeKey(writer, record, this.#before);
      // A reader who does not want it goes on to the next.
      writer.unsigned(bytes.length);
      writer.raw(bytes);
    }
    this.#before = record;
  }

  finish(): EncodedDay {
    return { sums: this.#sums.finish(), hours: this.#hours.finish() };
  }
}

/**
 * The records of one column of a row, as they are.
 * @param what the rows hold, for who reads the error
 * @throws RangeError where the bytes are damaged or of another format
 */
export function* readRow<K>(
  row: Uint8Array,
  version: number,
  what: string,
  readKey: (reader: ByteReader, before: K | null) => K,
): Generator<{ readonly key: K; readonly record: Uint8Array }> {
  const reader = new ByteReader(row);
  const found = reader.byte();
  if (found !== version)
    throw new RangeError(`unknown format ${found} of ${what}: this version reads ${version}`);
  let before: K | null = null;
  while (!reader.done) {
    const key = readKey(reader, before);
    yield { key, record: reader.take(reader.unsigned()) };
    before = key;
  }
}

/** Hours by hour of the day; of each what differs from the one before is written. */
export function writeHours<U>(
  writer: ByteWriter,
  hours: ReadonlyMap<number, U>,
  write: (writer: ByteWriter, unit: U, before: U | null) => void,
): void {
  let which = 0;
  for (const hour of hours.keys()) which |= 1 << hour;
  writer.uint32(which);
  let before: U | null = null;
  for (let hour = 0; hour < HOURS_PER_DAY; hour++) {
    const unit = hours.get(hour);
    if (unit === undefined) continue;
    write(writer, unit, before);
    before = unit;
  }
}

export function readHours<U>(
  reader: ByteReader,
  read: (reader: ByteReader, before: U | null) => U,
): Map<number, U> {
  const which = reader.uint32();
  const hours = new Map<number, U>();
  let before: U | null = null;
  for (let hour = 0; hour < HOURS_PER_DAY; hour++) {
    if (((which >>> hour) & 1) === 0) continue;
    before = read(reader, before);
    hours.set(hour, before);
  }
  return hours;
}
