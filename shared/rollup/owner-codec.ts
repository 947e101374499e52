/**
 * A day of some tens of nodes as bytes, record by record: what its owners had, for a reader of days, and hour by hour, for
 * one that cuts days and for who sums an hour again. Of an hour only what differs from the one before is written. Every
 * integer is exact.
 */
import { ByteReader, type ByteWriter } from '../ledger/varint.ts';
import { WINDOWS_PER_HOUR } from '../time/window.ts';
import { type EncodedDay, encodeRows, readHours, readRow, writeHours, written } from './day-rows.ts';
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

/** A record as it is written; who does not change it takes it as it is. */
export interface EncodedRecord extends OwnerKey, EncodedDay {}

export const encodeRecord = ({ hours, ...key }: OwnerDay): EncodedRecord => ({
  ...key,
  sums: written((writer) => writeUnit(writer, dayOfHours(hours), null)),
  hours: written((writer) => writeHours(writer, hours, writeUnit)),
});

/**
 * @param records by node number
 * @param maxBytes of one row: what is more goes to the next
 * @returns at least one row, so that a day on which nobody had anything is known to be summed
 */
export const encodeOwnerDays = (records: readonly EncodedRecord[], maxBytes: number): EncodedDay[] =>
  encodeRows(records, maxBytes, FORMAT_VERSION, (writer, { nodeNumber, group, owner }, before) => {
    writer.unsigned(nodeNumber - (before?.nodeNumber ?? 0));
    writer.unsigned(group);
    writer.unsigned(owner);
  });

type IsWanted = (key: OwnerKey) => boolean;

/** @throws RangeError where the bytes are damaged or of another format */
export function* decodeOwnerSums(
  bytes: Uint8Array,
  isWanted: IsWanted,
): Generator<OwnerKey & { readonly sums: OwnerSums }> {
  for (const { key, record } of keysIn(bytes))
    if (isWanted(key)) yield { ...key, sums: readUnit(new ByteReader(record), QUARTERS_PER_DAY, null) };
}

/** @throws RangeError where the bytes are damaged or of another format */
export function* decodeOwnerHours(bytes: Uint8Array, isWanted: IsWanted): Generator<OwnerDay> {
  for (const { key, record } of keysIn(bytes))
    if (isWanted(key)) yield { ...key, hours: readOwnerHours(record) };
}

/** Whose the records are, without reading them. */
export const ownersIn = (row: Uint8Array): OwnerKey[] => [...keysIn(row)].map(({ key }) => key);

const readOwnerHours = (bytes: Uint8Array): Map<number, OwnerSums> =>
  readHours(new ByteReader(bytes), (reader, before: OwnerSums | null) =>
    readUnit(reader, WINDOWS_PER_HOUR, before),
  );

export const decodeRecord = ({ sums: _, hours, ...key }: EncodedRecord): OwnerDay => ({
  ...key,
  hours: readOwnerHours(hours),
});

/**
 * The records of a row as they are: its columns hold the same ones.
 * @throws RangeError where the bytes are damaged or of another format
 */
export function encodedRecords(row: EncodedDay): EncodedRecord[] {
  const ofHours = [...keysIn(row.hours)];
  return [...keysIn(row.sums)].map(({ key, record }, i) => ({
    ...key,
    sums: record,
    hours: ofHours[i]!.record,
  }));
}

const keysIn = (row: Uint8Array) =>
  readRow(row, FORMAT_VERSION, 'sums by node', (reader, before: OwnerKey | null) => ({
    nodeNumber: (before?.nodeNumber ?? 0) + reader.unsigned(),
    group: reader.unsigned(),
    owner: reader.unsigned(),
  }));

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

export function writeUnit(writer: ByteWriter, unit: OwnerSums, before: OwnerSums | null): void {
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

export function readUnit(reader: ByteReader, slots: number, before: OwnerSums | null): OwnerSums {
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
