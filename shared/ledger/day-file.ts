/**
 * A day of some tens of nodes in one file: the rows of `node_days` one after the other, each with its own length, so that the file
 * can be read without the places that are kept beside it, and one node can be read without the others.
 */
import { hoursIn } from './day-codec.ts';
import { ByteReader, ByteWriter } from './varint.ts';

export interface FiledDay {
  /** Number of the node within its block. */
  readonly place: number;
  /** When the newest change of its hours arrived, in epoch milliseconds. */
  readonly receivedAtMs: number;
  /** As `encodeDay` gave it. */
  readonly hours: Uint8Array;
}

/** Where the day of one node stands in the file. */
export interface FilePlace {
  readonly place: number;
  /** Bytes before it. */
  readonly offset: number;
  /** In bytes. */
  readonly length: number;
}

export interface DayFile {
  readonly bytes: Uint8Array;
  /** For `decodePlaces`. */
  readonly places: Uint8Array;
  /** Node-hours that it holds. */
  readonly hours: number;
}

/** @param days by place */
export function encodeDayFile(days: readonly FiledDay[]): DayFile {
  const file = new ByteWriter();
  const places = new ByteWriter();
  let lastPlace = 0;
  for (const { place, receivedAtMs, hours } of days) {
    const before = file.length;
    file.unsigned(place);
    file.unsigned(receivedAtMs);
    file.unsigned(hours.length);
    file.raw(hours);
    places.unsigned(place - lastPlace);
    places.unsigned(file.length - before);
    lastPlace = place;
  }
  const hours = days.reduce((sum, day) => sum + hoursIn(day.hours), 0);
  return { bytes: file.finish(), places: places.finish(), hours };
}

/** In the order of the file. */
export function decodePlaces(places: Uint8Array): FilePlace[] {
  const reader = new ByteReader(places);
  const decoded: FilePlace[] = [];
  let place = 0;
  let offset = 0;
  while (!reader.done) {
    place += reader.unsigned();
    const length = reader.unsigned();
    decoded.push({ place, offset, length });
    offset += length;
  }
  return decoded;
}

/** Days that follow each other in the file. @throws RangeError where the bytes end within one */
export function decodeFiledDays(bytes: Uint8Array): FiledDay[] {
  const reader = new ByteReader(bytes);
  const days: FiledDay[] = [];
  while (!reader.done) {
    const place = reader.unsigned();
    const receivedAtMs = reader.unsigned();
    days.push({ place, receivedAtMs, hours: reader.take(reader.unsigned()) });
  }
  return days;
}
