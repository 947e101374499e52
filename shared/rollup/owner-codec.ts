/**
 * A day of some tens of nodes as bytes, record by record: what its owners had, for a reader of days, and hour by hour, for
 * one that cuts days and for who sums an hour again. Of an hour only what differs from the one before is written. Every
 * integer is exact.
 */
import { ByteReader, ByteWriter } from '../ledger/varint.ts';
import { HOURS_PER_DAY, WINDOWS_PER_HOUR } from '../time/window.ts';
import {
  dayOfHours,
  ENERGY_TABLES,
  isFraction,
  noEnergy,
  nothingBooked,
  type OwnerDay,
  type OwnerKey,
  OwnerSums,
  QUARTERS_PER_DAY,
  VALUES,
} from './owner-sums.ts';

const FORMAT_VERSION = 1;

export interface EncodedDay {
  readonly sums: Uint8Array;
  readonly hours: Uint8Array;
}

/** A record as it is written; who does not change it takes it as it is. */
export interface EncodedRecord extends OwnerKey, EncodedDay {}

export const encodeRecord = ({ hours, ...key }: OwnerDay): EncodedRecord => ({
  ...key,
  sums: written((writer) => writeUnit(writer, dayOfHours(hours), null)),
  hours: written((writer) => writeHours(writer, hours)),
});

function written(write: (writer: ByteWriter) => void): Uint8Array {
  const record = new ByteWriter();
  write(record);
  return record.finish();
}

/**
 * @param records by node number
 * @param maxBytes of one row: what is more goes to the next
 * @returns at least one row, so that a day on which nobody had anything is known to be summed
 */
export function encodeOwnerDays(records: readonly EncodedRecord[], maxBytes: number): EncodedDay[] {
  const rows = [new DayWriter()];
  for (const record of records) {
    if (rows.at(-1)!.length >= maxBytes) rows.push(new DayWriter());
    rows.at(-1)!.add(record);
  }
  return rows.map((row) => row.finish());
}

class DayWriter {
  readonly #sums = new ByteWriter();
  readonly #hours = new ByteWriter();
  #lastNode = 0;

  constructor() {
    for (const writer of [this.#sums, this.#hours]) writer.byte(FORMAT_VERSION);
  }

  get length(): number {
    return Math.max(this.#sums.length, this.#hours.length);
  }

  add({ nodeNumber, group, owner, sums, hours }: EncodedRecord): void {
    for (const [writer, bytes] of [[this.#sums, sums] as const, [this.#hours, hours] as const]) {
      writer.unsigned(nodeNumber - this.#lastNode);
      writer.unsigned(group);
      writer.unsigned(owner);
      // A reader who does not want it goes on to the next.
      writer.unsigned(bytes.length);
      writer.raw(bytes);
    }
    this.#lastNode = nodeNumber;
  }

  finish(): EncodedDay {
    return { sums: this.#sums.finish(), hours: this.#hours.finish() };
  }
}

function writeHours(writer: ByteWriter, hours: ReadonlyMap<number, OwnerSums>): void {
  let which = 0;
  for (const hour of hours.keys()) which |= 1 << hour;
  writer.uint32(which);
  let before: OwnerSums | null = null;
  for (let hour = 0; hour < HOURS_PER_DAY; hour++) {
    const unit = hours.get(hour);
    if (unit === undefined) continue;
    writeUnit(writer, unit, before);
    before = unit;
  }
}

type IsWanted = (key: OwnerKey) => boolean;

/** @throws RangeError where the bytes are damaged or of another format */
export function* decodeOwnerSums(
  bytes: Uint8Array,
  isWanted: IsWanted,
): Generator<OwnerKey & { readonly sums: OwnerSums }> {
  const reader = new ByteReader(bytes);
  for (const key of keysOf(reader, isWanted))
    yield { ...key, sums: readUnit(reader, QUARTERS_PER_DAY, null) };
}

/** @throws RangeError where the bytes are damaged or of another format */
export function* decodeOwnerHours(bytes: Uint8Array, isWanted: IsWanted): Generator<OwnerDay> {
  const reader = new ByteReader(bytes);
  for (const key of keysOf(reader, isWanted)) yield { ...key, hours: readHours(reader) };
}

function readHours(reader: ByteReader): Map<number, OwnerSums> {
  const which = reader.uint32();
  const hours = new Map<number, OwnerSums>();
  let before: OwnerSums | null = null;
  for (let hour = 0; hour < HOURS_PER_DAY; hour++) {
    if (((which >>> hour) & 1) === 0) continue;
    before = readUnit(reader, WINDOWS_PER_HOUR, before);
    hours.set(hour, before);
  }
  return hours;
}

export const decodeRecord = ({ sums: _, hours, ...key }: EncodedRecord): OwnerDay => ({
  ...key,
  hours: readHours(new ByteReader(hours)),
});

/**
 * The records of a row as they are: its columns hold the same ones.
 * @throws RangeError where the bytes are damaged or of another format
 */
export function encodedRecords(row: EncodedDay): EncodedRecord[] {
  const ofHours = [...recordsOf(row.hours)];
  return [...recordsOf(row.sums)].map(({ bytes, ...key }, i) => ({
    ...key,
    sums: bytes,
    hours: ofHours[i]!.bytes,
  }));
}

function* recordsOf(row: Uint8Array): Generator<OwnerKey & { readonly bytes: Uint8Array }> {
  const reader = new ByteReader(row);
  for (const { key, length } of headsOf(reader)) yield { ...key, bytes: reader.take(length) };
}

/** Of the records that are wanted; the reader stands before each when its key is given. */
function* keysOf(reader: ByteReader, isWanted: IsWanted): Generator<OwnerKey> {
  for (const { key, length } of headsOf(reader)) {
    if (isWanted(key)) yield key;
    else reader.take(length);
  }
}

/** The reader stands before each record when its head is given. */
function* headsOf(reader: ByteReader): Generator<{ readonly key: OwnerKey; readonly length: number }> {
  const version = reader.byte();
  if (version !== FORMAT_VERSION)
    throw new RangeError(`unknown format ${version} of sums by node: this version reads ${FORMAT_VERSION}`);
  let nodeNumber = 0;
  while (!reader.done) {
    nodeNumber += reader.unsigned();
    const key = { nodeNumber, group: reader.unsigned(), owner: reader.unsigned() };
    yield { key, length: reader.unsigned() };
  }
}

const IN_FLEET = 1;
const REPORTING = 2;
const HAS_ENERGY = 4;
/** Every slot has some. */
const IS_FULL = 8;
const HAS_LOW = 16;
/** All of it, or some, was seen by no meter of the whole node. */
const ALL_COMPONENTS = 32;
const SOME_COMPONENTS = 64;
const SAME_GPUS = 128;

function writeUnit(writer: ByteWriter, unit: OwnerSums, before: OwnerSums | null): void {
  const { all, lowUtilization, componentsOnly } = unit.energies;
  let booked = 0;
  let isSame = true;
  let isNone = true;
  let hasLow = false;
  for (let slot = 0; slot < all.length; slot++) {
    if (all[slot]! < 0) continue;
    booked++;
    if (componentsOnly[slot] !== all[slot]) isSame = false;
    if (componentsOnly[slot] !== 0) isNone = false;
    if (lowUtilization[slot] !== 0) hasLow = true;
  }
  const sameGpus = areSame(unit.gpus, before?.gpus ?? []);
  writer.byte(
    (unit.inFleet ? IN_FLEET : 0) |
      (unit.reporting ? REPORTING : 0) |
      (booked > 0 ? HAS_ENERGY : 0) |
      (booked === all.length ? IS_FULL : 0) |
      (hasLow ? HAS_LOW : 0) |
      (isNone ? 0 : isSame ? ALL_COMPONENTS : SOME_COMPONENTS) |
      (sameGpus ? SAME_GPUS : 0),
  );
  if (booked > 0 && booked < all.length) writeBits(writer, all);
  const write = (energies: readonly number[]) => {
    for (let slot = 0; slot < all.length; slot++) if (all[slot]! >= 0) writer.unsigned(energies[slot]!);
  };
  write(all);
  if (hasLow) write(lowUtilization);
  if (!isNone && !isSame) write(componentsOnly);
  writeValues(writer, unit, before);
  if (sameGpus) return;
  writer.unsigned(unit.gpus.length);
  let last = 0;
  for (const index of unit.gpus) {
    writer.unsigned(index - last);
    last = index;
  }
}

const areSame = (a: readonly number[], b: readonly number[]): boolean =>
  a === b || (a.length === b.length && a.every((index, i) => index === b[i]));

function readUnit(reader: ByteReader, slots: number, before: OwnerSums | null): OwnerSums {
  const unit = new OwnerSums(slots);
  const flags = reader.byte();
  unit.inFleet = (flags & IN_FLEET) !== 0;
  unit.reporting = (flags & REPORTING) !== 0;
  if ((flags & HAS_ENERGY) !== 0) {
    const all = (flags & IS_FULL) !== 0 ? noEnergy(slots) : readBits(reader, slots);
    const read = (energies: number[]) => {
      for (let slot = 0; slot < slots; slot++) if (all[slot]! >= 0) energies[slot] = reader.unsigned();
      return energies;
    };
    read(all);
    const low = (flags & HAS_LOW) !== 0 ? read(noEnergy(slots)) : null;
    const some = (flags & SOME_COMPONENTS) !== 0 ? read(noEnergy(slots)) : null;
    unit.setEnergies(all, low, (flags & ALL_COMPONENTS) !== 0 ? all : some);
  }
  readValues(reader, unit, before);
  if ((flags & SAME_GPUS) !== 0) {
    unit.gpus = before?.gpus ?? [];
    return unit;
  }
  let index = 0;
  unit.gpus = Array.from({ length: reader.unsigned() }, () => {
    index += reader.unsigned();
    return index;
  });
  return unit;
}

function writeBits(writer: ByteWriter, all: readonly number[]): void {
  for (let first = 0; first < all.length; first += 8) {
    let bits = 0;
    for (let i = 0; i < 8 && first + i < all.length; i++) if (all[first + i]! >= 0) bits |= 1 << i;
    writer.byte(bits);
  }
}

/** 0 where something was booked. */
function readBits(reader: ByteReader, slots: number): number[] {
  const all = nothingBooked(slots);
  for (let first = 0; first < slots; first += 8) {
    const bits = reader.byte();
    for (let i = 0; i < 8 && first + i < slots; i++) if ((bits >>> i) & 1) all[first + i] = 0;
  }
  return all;
}

/** Written as it is, as a fraction, or as what those before it leave of the energy; such a table begins with `first`. */
const ROLES = Array.from({ length: VALUES }, (_, i): 'plain' | 'fraction' | 'first' | 'left' => {
  if (isFraction(i)) return 'fraction';
  const table = ENERGY_TABLES.find(({ first, end }) => i >= first && i < end);
  return table === undefined ? 'plain' : i === table.first ? 'first' : 'left';
});

function writeValues(writer: ByteWriter, unit: OwnerSums, before: OwnerSums | null): void {
  const { values } = unit;
  let present = 0;
  let same = 0;
  for (let i = 0; i < VALUES; i++) {
    if (values[i] !== 0) present |= 1 << i;
    if (before !== null && values[i] === before.values[i]) same |= 1 << i;
  }
  writer.uint32(present);
  if (before !== null) writer.uint32(same);
  const written = present & ~same;
  const energy = unit.energyMillijoules;
  let left = energy;
  for (let i = 0; i < VALUES; i++) {
    const value = values[i]!;
    const role = ROLES[i]!;
    if (role === 'first') left = energy;
    if ((written >>> i) & 1) {
      if (role === 'fraction') writer.float64(value);
      else if (role === 'plain') writer.unsigned(value);
      else writer.signed(left - value);
    }
    left -= value;
  }
}

function readValues(reader: ByteReader, unit: OwnerSums, before: OwnerSums | null): void {
  const { values } = unit;
  const present = reader.uint32();
  const same = before === null ? 0 : reader.uint32();
  const energy = unit.energyMillijoules;
  let left = energy;
  for (let i = 0; i < VALUES; i++) {
    const role = ROLES[i]!;
    if (role === 'first') left = energy;
    if ((same >>> i) & 1) values[i] = before!.values[i]!;
    else if ((present >>> i) & 1) {
      if (role === 'fraction') values[i] = reader.float64();
      else if (role === 'plain') values[i] = reader.unsigned();
      else values[i] = left - reader.signed();
    }
    left -= values[i]!;
  }
}
