/**
 * Append-only segment files `000001.spool`, `000002.spool`, ... Every file is written by one process through one
 * descriptor: a start, and any error, begins a new one. After a failed fsync the kernel may call pages clean that never
 * reached the disk, so the same descriptor is never asked again.
 */
import { join } from 'node:path';
import { type AppendFile, type FileSystem, hasCode } from './file-system.ts';
import {
  encodeRecord,
  FORMAT_VERSION,
  type FormatVersion,
  type LocatedRecord,
  recordAt,
  SEGMENT_HEADER,
  type SegmentScan,
  scanSegment,
} from './record.ts';

export interface Location {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
}

export interface OpenedSegment extends SegmentScan {
  readonly segment: number;
  readonly bytes: Buffer;
}

interface ActiveSegment {
  readonly segment: number;
  readonly file: AppendFile;
  size: number;
  /** Up to here the disk has it for sure; 0 until the file's name is synced as well. */
  syncedSize: number;
}

const NAME = /^(\d{6,})\.spool$/;

export class SegmentLog {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #sizes = new Map<number, number>();
  /** Of segments from before this start. */
  readonly #versions = new Map<number, FormatVersion>();
  #active: ActiveSegment | null = null;
  #lastSegment = 0;
  /** Takes back what a failed write left, where the disk refused that as well. */
  #takeBack: (() => Promise<void>) | null = null;

  constructor(fileSystem: FileSystem, directory: string, segmentBytes: number) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#segmentBytes = segmentBytes;
  }

  /**
   * Hands each segment to `visit`, oldest first. A torn tail of the last one, where a power cut ends, is cut off first;
   * anywhere else unreadable bytes are damage and are reported as such.
   */
  async open(visit: (segment: OpenedSegment) => Promise<void>): Promise<void> {
    const names = await this.#fileSystem.list(this.#directory);
    const segments = names.flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number);
    segments.sort((a, b) => a - b);
    this.#lastSegment = segments.at(-1) ?? 0;
    for (const segment of segments) {
      const bytes = await this.#fileSystem.readAll(this.#path(segment));
      const scan = scanSegment(bytes, this.#path(segment));
      const torn = { offset: scan.goodLength, length: bytes.length - scan.goodLength };
      this.#sizes.set(segment, bytes.length);
      this.#versions.set(segment, scan.version);
      if (segment === this.#lastSegment) {
        if (scan.records.length === 0 && scan.damaged.length === 0) await this.remove(segment);
        else if (torn.length > 0) await this.#cut(segment, scan.goodLength);
        await visit({ ...scan, segment, bytes });
      } else {
        const damaged = torn.length > 0 ? [...scan.damaged, torn] : scan.damaged;
        await visit({ ...scan, damaged, segment, bytes });
      }
    }
  }

  get totalBytes(): number {
    let total = 0;
    for (const size of this.#sizes.values()) total += size;
    return total;
  }

  has(segment: number): boolean {
    return this.#sizes.has(segment);
  }

  /** Segments that nothing is appended to any more, oldest first. */
  sealed(): { readonly segment: number; readonly size: number }[] {
    return [...this.#sizes]
      .filter(([segment]) => segment !== this.#active?.segment)
      .map(([segment, size]) => ({ segment, size }))
      .sort((a, b) => a.segment - b.segment);
  }

  /** On an error the segment is given up, with what was not synced in it, and the next call begins a new one. */
  async append(text: string, sync: boolean): Promise<Location> {
    try {
      if (this.#active !== null && this.#active.size >= this.#segmentBytes) await this.seal();
      this.#active ??= await this.#begin();
      const active = this.#active;
      const location = { segment: active.segment, offset: active.size, length: 0 };
      const record = encodeRecord(text);
      await active.file.append(record);
      active.size += record.length;
      this.#sizes.set(active.segment, active.size);
      if (sync) await this.#sync(active);
      return { ...location, length: record.length };
    } catch (error) {
      await this.#giveUp();
      throw error;
    }
  }

  /** Null when the record is damaged, or somebody removed its file. Throws what the disk throws. */
  async read(location: Location): Promise<LocatedRecord | null> {
    const { segment, offset, length } = location;
    const path = this.#path(segment);
    const bytes = await unlessGone(this.#fileSystem.readRange(path, offset, length));
    if (bytes === null) await this.#forget(segment);
    return bytes === null ? null : recordAt(bytes, 0, this.#versions.get(segment) ?? FORMAT_VERSION);
  }

  /** The name's removal is not synced: a segment that comes back says nothing new. */
  async remove(segment: number): Promise<void> {
    await unlessGone(this.#fileSystem.remove(this.#path(segment)));
    this.#sizes.delete(segment);
  }

  /** Its file is gone: what is appended to it would be as well. */
  async #forget(segment: number): Promise<void> {
    this.#sizes.delete(segment);
    if (this.#active?.segment !== segment) return;
    const { file } = this.#active;
    this.#active = null;
    await file.close().catch(() => {});
  }

  /** Nothing more is appended to the segment: what is not synced in it would look like damage once another follows. */
  async seal(): Promise<void> {
    await this.sync();
    await this.#active?.file.close();
    this.#active = null;
  }

  /** What was appended without it. On an error the segment is given up. */
  async sync(): Promise<void> {
    const active = this.#active;
    if (active === null || active.syncedSize === active.size) return;
    try {
      await this.#sync(active);
    } catch (error) {
      await this.#giveUp();
      throw error;
    }
  }

  /** First takes back what is left of the one given up: behind another segment it would look like damage. */
  async #begin(): Promise<ActiveSegment> {
    await this.#finishTakingBack();
    this.#lastSegment += 1;
    const segment = this.#lastSegment;
    const file = await this.#fileSystem.create(this.#path(segment));
    this.#active = { segment, file, size: 0, syncedSize: 0 };
    await file.append(SEGMENT_HEADER);
    this.#active.size = SEGMENT_HEADER.length;
    return this.#active;
  }

  async #sync(active: ActiveSegment): Promise<void> {
    await active.file.sync();
    if (active.syncedSize === 0) await this.#fileSystem.syncDirectory(this.#directory);
    active.syncedSize = active.size;
  }

  /** Takes back what may be half there; where the disk refuses, before the next segment begins. */
  async #giveUp(): Promise<void> {
    const active = this.#active;
    this.#active = null;
    if (active === null) return;
    await active.file.close().catch(() => {});
    this.#sizes.set(active.segment, active.size);
    this.#takeBack =
      active.syncedSize === 0
        ? () => this.remove(active.segment)
        : () => this.#cut(active.segment, active.syncedSize);
    await this.#finishTakingBack().catch(() => {});
  }

  async #finishTakingBack(): Promise<void> {
    await this.#takeBack?.();
    this.#takeBack = null;
  }

  async #cut(segment: number, length: number): Promise<void> {
    const done = await unlessGone(this.#fileSystem.truncate(this.#path(segment), length).then(() => true));
    if (done === null) this.#sizes.delete(segment);
    else this.#sizes.set(segment, length);
  }

  #path(segment: number): string {
    return join(this.#directory, `${String(segment).padStart(6, '0')}.spool`);
  }
}

/** Null where somebody removed the file: asked for again it would fail for ever, and with it every write. */
async function unlessGone<T>(result: Promise<T>): Promise<T | null> {
  try {
    return await result;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}
