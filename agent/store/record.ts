/**
 * The bytes of a segment: a header with the format's version, then records of `length u32 | crc32 u32 | payload`, little
 * endian, the payload JSON. Every record holds the whole state, so the last good one is all that a start needs of it.
 */
import type { WindowReport } from '../../shared/wire/ingest.ts';
import { crc32 } from './crc32.ts';
import type { ReportRef } from './durable-store.ts';

const FORMAT_VERSION = 1;
const MAGIC = 'WSSPOOL';
const PREFIX_BYTES = 8;
/** `{}`; a run of zeros, as a power cut leaves it, would otherwise be a row of empty records with a right checksum. */
const SHORTEST_PAYLOAD = 2;

export const SEGMENT_HEADER = Buffer.from([...Buffer.from(MAGIC), FORMAT_VERSION]);

export interface Counts {
  readonly droppedSeries: number;
  readonly droppedReports: number;
  readonly damagedRecords: number;
  readonly setAsideReports: number;
}

export interface RecordBody {
  readonly meterState: unknown;
  readonly counts: Counts;
  readonly reports: readonly WindowReport[];
  /** No longer pending, up to and including these revisions. */
  readonly settled: readonly ReportRef[];
}

export interface LocatedRecord {
  readonly offset: number;
  /** With its prefix. */
  readonly length: number;
  readonly body: RecordBody;
}

export interface Span {
  readonly offset: number;
  readonly length: number;
}

export interface SegmentScan {
  readonly records: readonly LocatedRecord[];
  /** Unreadable bytes with a good record behind them. */
  readonly damaged: readonly Span[];
  /** Where the last good record ends; what follows is torn. 0 when not even the header is whole. */
  readonly goodLength: number;
}

/** `payload` is the JSON of a `RecordBody`. */
export function encodeRecord(payload: string): Buffer {
  const bytes = Buffer.from(payload);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32LE(bytes.length, 0);
  prefix.writeUInt32LE(crc32(bytes), 4);
  return Buffer.concat([prefix, bytes]);
}

/** The record that starts at the offset, or null when there is no whole one. */
export function recordAt(segment: Buffer, offset: number): LocatedRecord | null {
  const start = offset + PREFIX_BYTES;
  if (start + SHORTEST_PAYLOAD > segment.length) return null;
  const payloadLength = segment.readUInt32LE(offset);
  if (payloadLength < SHORTEST_PAYLOAD || start + payloadLength > segment.length) return null;
  const payload = segment.subarray(start, start + payloadLength);
  if (crc32(payload) !== segment.readUInt32LE(offset + 4)) return null;
  return {
    offset,
    length: PREFIX_BYTES + payloadLength,
    body: JSON.parse(payload.toString('utf8')) as RecordBody,
  };
}

/**
 * Every good record of a segment. Behind a bad one it looks at each further byte for the next: JSON text read as a
 * length is far beyond any segment, so that costs no checksum.
 * Throws when the segment was written by another version of the format.
 */
export function scanSegment(segment: Buffer, path: string): SegmentScan {
  const header = segment.subarray(0, SEGMENT_HEADER.length);
  if (header.length < SEGMENT_HEADER.length) return { records: [], damaged: [], goodLength: 0 };
  if (header.toString('latin1', 0, MAGIC.length) === MAGIC && header[MAGIC.length] !== FORMAT_VERSION) {
    throw new Error(
      `${path} has spool format ${header[MAGIC.length]}, this agent knows ${FORMAT_VERSION}: run the newer agent, or move the file away (its unsent reports are then lost)`,
    );
  }
  const records: LocatedRecord[] = [];
  const damaged: Span[] = [];
  let goodLength = header.equals(SEGMENT_HEADER) ? SEGMENT_HEADER.length : 0;
  for (let offset = goodLength; offset < segment.length; ) {
    const record = recordAt(segment, offset);
    if (record === null) {
      offset += 1;
      continue;
    }
    if (offset > goodLength) damaged.push({ offset: goodLength, length: offset - goodLength });
    records.push(record);
    offset += record.length;
    goodLength = offset;
  }
  return { records, damaged, goodLength };
}
