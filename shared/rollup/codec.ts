/**
 * Rolled-up hours as bytes. Sets of nodes and GPUs are written as what differs from the hour before: in a fleet that
 * stands, nothing. Every integer is exact.
 */
import { ByteReader, ByteWriter } from '../ledger/varint.ts';
import type { NumberSet } from '../number-set.ts';
import { HOURS_PER_DAY } from '../time/window.ts';
import { COUNTS, FRACTIONS, HourSums, type RolledWindow, TABLES } from './hour-sums.ts';

const FORMAT_VERSION = 1;
const CHUNK_BYTES = 32;

/** Group number to its sums: one hour of a block of nodes. */
export function encodeBlock(groups: ReadonlyMap<number, HourSums>): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(FORMAT_VERSION);
  writer.unsigned(groups.size);
  for (const [number, sums] of groups) {
    writer.unsigned(number);
    writeHour(writer, sums, NOTHING);
  }
  return writer.finish();
}

/** @throws RangeError where the bytes are damaged or of another format */
export function decodeBlock(bytes: Uint8Array): Map<number, HourSums> {
  const reader = begin(bytes);
  const groups = new Map<number, HourSums>();
  for (let left = reader.unsigned(); left > 0; left--)
    groups.set(reader.unsigned(), readHour(reader, NOTHING));
  return groups;
}

/** Hours of one group and day, by hour of the day; those that are missing hold nothing. */
export function encodeDay(hours: ReadonlyMap<number, HourSums>): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(FORMAT_VERSION);
  let before = NOTHING;
  for (let hour = 0; hour < HOURS_PER_DAY; hour++) {
    const sums = hours.get(hour);
    writer.byte(sums === undefined ? 0 : 1);
    if (sums === undefined) continue;
    writeHour(writer, sums, before);
    before = sums;
  }
  return writer.finish();
}

/** @throws RangeError where the bytes are damaged or of another format */
export function decodeDay(bytes: Uint8Array): Map<number, HourSums> {
  const reader = begin(bytes);
  const hours = new Map<number, HourSums>();
  let before = NOTHING;
  for (let hour = 0; hour < HOURS_PER_DAY; hour++) {
    if (reader.byte() === 0) continue;
    before = readHour(reader, before);
    hours.set(hour, before);
  }
  return hours;
}

function begin(bytes: Uint8Array): ByteReader {
  const reader = new ByteReader(bytes);
  const version = reader.byte();
  if (version !== FORMAT_VERSION)
    throw new RangeError(`unknown rollup format ${version}: this version reads ${FORMAT_VERSION}`);
  return reader;
}

const NOTHING = new HourSums();

function writeHour(writer: ByteWriter, sums: HourSums, before: HourSums): void {
  for (const window of sums.windows) {
    writer.byte(window === null ? 0 : 1);
    if (window === null) continue;
    const { all, idle, jobs, lowUtilization, componentsOnly } = window;
    writer.unsigned(all);
    writer.unsigned(idle);
    // Mostly all of it, so what is left is short.
    writer.signed(all - idle - jobs);
    writer.unsigned(lowUtilization);
    writer.unsigned(all - componentsOnly);
  }
  for (const name of COUNTS) writer.unsigned(sums.figures[name]);
  for (const name of TABLES) for (const count of Object.values(sums.figures[name])) writer.unsigned(count);
  writer.raw(new Uint8Array(Float64Array.from(FRACTIONS, (name) => sums.figures[name]).buffer));
  writeSet(writer, sums.expected, before.expected);
  writeSet(writer, sums.reporting, before.reporting);
  writeSet(writer, sums.gpus, before.gpus);
}

/** Integers of an hour, in the order in which they are written. */
const TABLE_KEYS = TABLES.map((name) => [name, Object.keys(NOTHING.figures[name])] as const);
const INTEGERS = COUNTS.length + TABLE_KEYS.reduce((sum, [, keys]) => sum + keys.length, 0);
const FRACTION_BYTES = FRACTIONS.length * Float64Array.BYTES_PER_ELEMENT;

/** Field by field: a month of a large fleet is some ten thousand of them. */
function readHour(reader: ByteReader, before: HourSums): HourSums {
  const windows: (RolledWindow | null)[] = [];
  for (let i = 0; i < NOTHING.windows.length; i++)
    windows.push(reader.byte() === 0 ? null : readWindow(reader));
  const integers: number[] = [];
  for (let i = 0; i < INTEGERS; i++) integers.push(reader.unsigned());
  const fractions = new Float64Array(reader.take(FRACTION_BYTES).slice().buffer);
  const sums = new HourSums(
    readSet(reader, before.expected),
    readSet(reader, before.reporting),
    readSet(reader, before.gpus),
  );
  for (let i = 0; i < windows.length; i++) sums.windows[i] = windows[i]!;
  let next = 0;
  for (const name of COUNTS) sums.figures[name] = integers[next++]!;
  for (const [name, keys] of TABLE_KEYS) {
    const table: Record<string, number> = sums.figures[name];
    for (const key of keys) table[key] = integers[next++]!;
  }
  FRACTIONS.forEach((name, i) => {
    sums.figures[name] = fractions[i]!;
  });
  return sums;
}

function readWindow(reader: ByteReader): RolledWindow {
  const all = reader.unsigned();
  const idle = reader.unsigned();
  const jobs = all - idle - reader.signed();
  return { all, idle, jobs, lowUtilization: reader.unsigned(), componentsOnly: all - reader.unsigned() };
}

/** What differs: each chunk by its distance from the last, which of its bytes, and those. */
export function writeSet(writer: ByteWriter, set: NumberSet, before: NumberSet): void {
  const differences = [...set.differences(before)].sort(([a], [b]) => a - b);
  writer.unsigned(differences.length);
  let last = 0;
  for (const [index, bits] of differences) {
    writer.unsigned(index - last);
    last = index;
    let which = 0;
    bits.forEach((byte, i) => {
      if (byte !== 0) which |= 1 << i;
    });
    writer.uint32(which);
    for (const byte of bits) if (byte !== 0) writer.byte(byte);
  }
}

/** The same set as before, where nothing differs. */
export function readSet(reader: ByteReader, before: NumberSet): NumberSet {
  const count = reader.unsigned();
  if (count === 0) return before;
  const differences = new Map<number, Uint8Array>();
  let index = 0;
  for (let left = count; left > 0; left--) {
    index += reader.unsigned();
    const which = reader.uint32();
    const bits = new Uint8Array(CHUNK_BYTES);
    for (let i = 0; i < CHUNK_BYTES; i++) if ((which >>> i) & 1) bits[i] = reader.byte();
    differences.set(index, bits);
  }
  return before.toggled(differences);
}
