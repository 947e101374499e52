/** A day of labels as bytes: each as a whole day and hour by hour, as the days of nodes are (`owner-codec.ts`), with its sets. */
import { ByteReader, type ByteWriter } from '../ledger/varint.ts';
import { NumberSet } from '../number-set.ts';
import { WINDOWS_PER_HOUR } from '../time/window.ts';
import { readSet, writeSet } from './codec.ts';
import { type EncodedDay, encodeRows, readHours, readRow, writeHours, written } from './day-rows.ts';
import { LABEL_KINDS, type LabelDay, type LabelKey, LabelSums, labelDayOf } from './label-sums.ts';
import { readUnit, writeUnit } from './owner-codec.ts';
import { OwnerSums, QUARTERS_PER_DAY } from './owner-sums.ts';

const FORMAT_VERSION = 1;

/** A label as it is written; who does not change it takes it as it is. */
export interface EncodedLabel extends LabelKey, EncodedDay {}

export const encodeLabel = ({ hours, ...key }: LabelDay): EncodedLabel => ({
  ...key,
  sums: written((writer) => writeSums(writer, labelDayOf(hours), null)),
  hours: written((writer) => writeHours(writer, hours, writeSums)),
});

/**
 * @param labels by name
 * @param maxBytes of one row: what is more goes to the next
 * @returns at least one row
 */
export const encodeLabelRows = (labels: readonly EncodedLabel[], maxBytes: number): EncodedDay[] =>
  encodeRows(labels, maxBytes, FORMAT_VERSION, writeKey);

/**
 * The labels of a row as they are: its columns hold the same ones.
 * @throws RangeError where the bytes are damaged or of another format
 */
export function encodedLabels(row: EncodedDay): EncodedLabel[] {
  const ofHours = [...keysIn(row.hours)];
  return [...keysIn(row.sums)].map(({ key, record }, i) => ({
    ...key,
    sums: record,
    hours: ofHours[i]!.record,
  }));
}

export const decodeLabel = ({ sums: _, hours, ...key }: EncodedLabel): LabelDay => ({
  ...key,
  hours: readHoursOf(hours),
});

function writeKey(writer: ByteWriter, { group, kind, value }: LabelKey): void {
  writer.unsigned(group);
  writer.byte(LABEL_KINDS.indexOf(kind));
  if (kind !== 'job') return;
  writer.byte(value === null ? 0 : 1);
  if (value !== null) writer.text(toAscii(value));
}

/** As JSON tells it, and whatever is beyond ASCII by its code. */
const toAscii = (value: string): string =>
  JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
const fromAscii = (text: string): string => JSON.parse(text);

const keysIn = (row: Uint8Array) =>
  readRow(row, FORMAT_VERSION, 'sums by label', (reader): LabelKey => {
    const group = reader.unsigned();
    const code = reader.byte();
    const kind = LABEL_KINDS[code];
    if (kind === undefined) throw new RangeError(`unknown kind ${code} of a label`);
    const isSaid = kind === 'job' && reader.byte() === 1;
    const value = isSaid ? fromAscii(reader.text()) : null;
    return { group, kind, value };
  });

export type IsLabelWanted = (key: LabelKey) => boolean;

/** @throws RangeError where the bytes are damaged or of another format */
export function* decodeLabelSums(
  row: Uint8Array,
  isWanted: IsLabelWanted,
): Generator<LabelKey & { readonly sums: LabelSums }> {
  for (const { key, record } of keysIn(row))
    if (isWanted(key)) yield { ...key, sums: readSums(new ByteReader(record), QUARTERS_PER_DAY, null) };
}

/** @throws RangeError where the bytes are damaged or of another format */
export function* decodeLabelHours(row: Uint8Array, isWanted: IsLabelWanted): Generator<LabelDay> {
  for (const { key, record } of keysIn(row)) if (isWanted(key)) yield { ...key, hours: readHoursOf(record) };
}

const readHoursOf = (record: Uint8Array): Map<number, LabelSums> =>
  readHours(new ByteReader(record), (reader, before: LabelSums | null) =>
    readSums(reader, WINDOWS_PER_HOUR, before),
  );

const NOTHING = new LabelSums(new OwnerSums(WINDOWS_PER_HOUR), new NumberSet());

function writeSums(writer: ByteWriter, own: LabelSums, before: LabelSums | null): void {
  writeUnit(writer, own.sums, before?.sums ?? null);
  writeSet(writer, own.present, (before ?? NOTHING).present);
  // Mostly those on which it was.
  writeSet(writer, own.reporting, own.present);
  writeSet(writer, own.gpus, (before ?? NOTHING).gpus);
}

function readSums(reader: ByteReader, slots: number, before: LabelSums | null): LabelSums {
  const sums = readUnit(reader, slots, before?.sums ?? null);
  const present = readSet(reader, (before ?? NOTHING).present);
  const reporting = readSet(reader, present);
  return new LabelSums(sums, present, reporting, readSet(reader, (before ?? NOTHING).gpus));
}
