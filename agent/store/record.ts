/**
 * The bytes of a segment: a header with the format's version, then records of `length u32 | crc32 u32 | payload`, little
 * endian. The payload is deflated text of two lines: a `RecordBody` and the meter's state, both JSON. Every record holds the
 * whole state, so the last good one is all that a start needs of it, and the only one that it parses. Version 1 had plain
 * JSON with the state in it: still read.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { WindowReport } from '../../shared/wire/ingest.ts';
import { crc32 } from './crc32.ts';
import type { ReportRef } from './durable-store.ts';

export const FORMAT_VERSION = 2;
const PLAIN_VERSION = 1;
/**
 * A record is a few dozen KB of text: the third level takes half the time of the sixth for a tenth more bytes, and a window
 * of 8 KB as many bytes as one of 32 KB with a quarter of the memory.
 */
const DEFLATE = { level: 3, windowBits: 13, memLevel: 6 };
const MAGIC = 'WSSPOOL';
const PREFIX_BYTES = 8;
/** A run of zeros, as a power cut leaves it, would otherwise be a row of empty records with a right checksum. */
const SHORTEST_PAYLOAD = 2;

export const SEGMENT_HEADER = Buffer.from([...Buffer.from(MAGIC), FORMAT_VERSION]);

export interface Counts {
  readonly droppedSeries: number;
  readonly droppedReports: number;
  readonly damagedRecords: number;
  readonly setAsideReports: number;
}

export interface RecordBody {
  readonly counts: Counts;
  readonly reports: readonly WindowReport[];
  /** No longer pending, up to and including these revisions. */
  readonly settled: readonly ReportRef[];
}

export interface LocatedRecord {
  readonly offset: number;
  /** With its prefix. */
  readonly length: number;
  /** Of the payload, inflated. */
  readonly textLength: number;
  readonly body: RecordBody;
  /** JSON. */
  readonly meterState: string;
}

export type FormatVersion = typeof FORMAT_VERSION | typeof PLAIN_VERSION;

export interface Span {
  readonly offset: number;
  readonly length: number;
}

export interface SegmentScan {
  readonly version: FormatVersion;
  readonly records: readonly LocatedRecord[];
  /** Unreadable bytes with a good record behind them. */
  readonly damaged: readonly Span[];
  /** Where the last good record ends; what follows is torn. 0 when not even the header is whole. */
  readonly goodLength: number;
}

/** `text` is the JSON of a `RecordBody`, a line feed, and the JSON of the state. */
export function encodeRecord(text: string): Buffer {
  const bytes = deflateRawSync(text, DEFLATE);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32LE(bytes.length, 0);
  prefix.writeUInt32LE(crc32(bytes), 4);
  return Buffer.concat([prefix, bytes]);
}

/** The record that starts at the offset, or null when there is no whole one. */
export function recordAt(segment: Buffer, offset: number, version: FormatVersion): LocatedRecord | null {
  const start = offset + PREFIX_BYTES;
  if (start + SHORTEST_PAYLOAD > segment.length) return null;
  const payloadLength = segment.readUInt32LE(offset);
  if (payloadLength < SHORTEST_PAYLOAD || start + payloadLength > segment.length) return null;
  const payload = segment.subarray(start, start + payloadLength);
  if (crc32(payload) !== segment.readUInt32LE(offset + 4)) return null;
  const place = { offset, length: PREFIX_BYTES + payloadLength };
  return { ...place, ...(version === PLAIN_VERSION ? readPlain(payload) : readDeflated(payload)) };
}

type Content = Pick<LocatedRecord, 'textLength' | 'body' | 'meterState'>;

function readDeflated(payload: Buffer): Content {
  const text = inflateRawSync(payload);
  const endOfBody = text.indexOf('\n');
  return {
    textLength: text.length,
    body: JSON.parse(text.toString('utf8', 0, endOfBody)) as RecordBody,
    meterState: text.toString('utf8', endOfBody + 1),
  };
}

function readPlain(payload: Buffer): Content {
  const { meterState, ...body } = JSON.parse(payload.toString('utf8')) as RecordBody & {
    readonly meterState: unknown;
  };
  return { textLength: payload.length, body, meterState: JSON.stringify(meterState) };
}

/**
 * Every good record of a segment. Behind a bad one it looks at each further byte for the next: of the places where none
 * begins, few read as a length within the segment, so that costs few checksums.
 * Throws when the segment was written by another version of the format.
 */
export function scanSegment(segment: Buffer, path: string): SegmentScan {
  const header = segment.subarray(0, SEGMENT_HEADER.length);
  const hasMagic = header.toString('latin1', 0, MAGIC.length) === MAGIC;
  const named = header[MAGIC.length];
  const version = hasMagic && named === PLAIN_VERSION ? PLAIN_VERSION : FORMAT_VERSION;
  if (header.length < SEGMENT_HEADER.length) return { version, records: [], damaged: [], goodLength: 0 };
  if (hasMagic && named !== version) {
    throw new Error(
      `${path} has spool format ${named}, this agent knows ${FORMAT_VERSION}: run the newer agent, or move the file away (its unsent reports are then lost)`,
    );
  }
  const records: LocatedRecord[] = [];
  const damaged: Span[] = [];
  let goodLength = hasMagic ? SEGMENT_HEADER.length : 0;
  for (let offset = goodLength; offset < segment.length; ) {
    const record = recordAt(segment, offset, version);
    if (record === null) {
      offset += 1;
      continue;
    }
    if (offset > goodLength) damaged.push({ offset: goodLength, length: offset - goodLength });
    records.push(record);
    offset += record.length;
    goodLength = offset;
  }
  return { version, records, damaged, goodLength };
}
