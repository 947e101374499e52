/** The durable store over segment files: one writer, one operation at a time, every record a whole commit. */
import { join } from 'node:path';
import type { WindowReport } from '../../shared/wire/ingest.ts';
import type { DurableStore, PendingReport, ReportRef, StoreStats, StoreUpdate } from './durable-store.ts';
import { type FileSystem, nodeFileSystem } from './file-system.ts';
import { HeldReports, type SerialReport, serialReport, withoutSeries } from './held-reports.ts';
import { acquireLock, type ProcessIdentity, processIdentity } from './lock.ts';
import { Quarantine } from './quarantine.ts';
import type { Counts, LocatedRecord } from './record.ts';
import { type Location, type OpenedSegment, SegmentLog } from './segment-log.ts';
import { SpoolIndex, windowKey } from './spool-index.ts';

export interface StoreLimits {
  /** All files of the spool together: over a year of an 8-GPU host without its server, its power series shed. */
  readonly spoolBytes: number;
  /** A segment is closed when it has grown to this. */
  readonly segmentBytes: number;
  /** Reports held in memory while the disk takes no writes. */
  readonly memoryBytes: number;
  readonly quarantineBytes: number;
}

export const DEFAULT_LIMITS: StoreLimits = {
  spoolBytes: 64 * 1024 * 1024,
  segmentBytes: 1024 * 1024,
  memoryBytes: 4 * 1024 * 1024,
  quarantineBytes: 8 * 1024 * 1024,
};

export interface StoreOptions {
  readonly limits?: Partial<StoreLimits>;
  readonly fileSystem?: FileSystem;
  readonly identity?: ProcessIdentity;
}

/** Share of the files that pending reports have at least when the spool is full: less would waste the disk, more rewrite for nothing. */
const LIVE_SHARE = 0.75;
/** Room beside that share for what is settled or replaced, so that a small spool is not rewritten all the time. */
const ROOM_SEGMENTS = 2;
/** What one record of a rewrite may hold, as JSON; small beside a segment, so that rewriting needs little room. */
const COPY_BYTES = 256 * 1024;
const NO_COUNTS: Counts = { droppedSeries: 0, droppedReports: 0, damagedRecords: 0, setAsideReports: 0 };

/**
 * Opens the store in `directory` and creates it where there is none. Throws a `StoreLockedError` when another agent
 * runs on it, and what the disk throws when it cannot be read or created.
 */
export async function openStore(directory: string, options: StoreOptions = {}): Promise<DurableStore> {
  const fileSystem = options.fileSystem ?? nodeFileSystem;
  await fileSystem.makeDirectory(directory);
  const unlock = await acquireLock(fileSystem, directory, options.identity ?? processIdentity);
  try {
    const store = new SpoolStore(directory, { ...DEFAULT_LIMITS, ...options.limits }, fileSystem, unlock);
    await store.restore();
    return store;
  } catch (error) {
    await unlock();
    throw error;
  }
}

class SpoolStore implements DurableStore {
  readonly #directory: string;
  readonly #limits: StoreLimits;
  readonly #log: SegmentLog;
  readonly #quarantine: Quarantine;
  readonly #unlock: () => Promise<void>;
  readonly #index = new SpoolIndex();
  readonly #held: HeldReports;
  #restoredMeterState: unknown = null;
  /** As JSON, of the last commit. */
  #meterState = 'null';
  #counts = NO_COUNTS;
  #stateSegment = 0;
  readonly #damagedSegments = new Set<number>();
  #error: string | null = null;
  #lastOperation: Promise<unknown> = Promise.resolve();

  constructor(directory: string, limits: StoreLimits, fileSystem: FileSystem, unlock: () => Promise<void>) {
    this.#directory = directory;
    this.#limits = limits;
    this.#log = new SegmentLog(fileSystem, directory, limits.segmentBytes);
    this.#quarantine = new Quarantine(fileSystem, join(directory, 'quarantine'), limits.quarantineBytes);
    this.#held = new HeldReports(limits.memoryBytes);
    this.#unlock = unlock;
  }

  get restoredMeterState(): unknown {
    return this.#restoredMeterState;
  }

  async restore(): Promise<void> {
    let stateIsOld = false;
    let damagedRecords = 0;
    await this.#log.open(async (segment) => {
      for (const { offset, length, textLength, body, meterState } of segment.records) {
        this.#meterState = meterState;
        this.#counts = body.counts;
        this.#stateSegment = segment.segment;
        const location = { segment: segment.segment, offset, length };
        for (const report of body.reports) this.#place(serialReport(report), location, textLength);
        for (const ref of body.settled) this.#index.settle(ref);
      }
      const lastRecord = segment.records.at(-1)?.offset ?? -1;
      if (segment.records.length > 0) stateIsOld = false;
      for (const { offset, length } of segment.damaged) {
        // Behind it no record says what the state was: an older one would count energy that was reported already.
        if (offset > lastRecord) stateIsOld = true;
        damagedRecords += 1;
        this.#damagedSegments.add(segment.segment);
        await this.#keepDamaged(segment, offset, length);
      }
    });
    if (stateIsOld) this.#meterState = 'null';
    this.#restoredMeterState = JSON.parse(this.#meterState);
    this.#add({ damagedRecords });
  }

  commit(update: StoreUpdate): Promise<void> {
    // As text at once: the caller goes on changing its state while the disk works.
    const meterState = JSON.stringify(update.meterState) ?? 'null';
    const reports = update.reports.map(serialReport);
    return this.#exclusively(async () => {
      this.#meterState = meterState;
      for (const report of reports) this.#held.put(report);
      this.#add(this.#held.shed());
      await this.#guarded(async () => {
        await this.#write({ sync: true });
        await this.#maintain();
      });
    });
  }

  pending(): readonly PendingReport[] {
    return this.#index.newestThenOldest();
  }

  read(refs: readonly ReportRef[]): Promise<readonly WindowReport[]> {
    return this.#exclusively(async () => {
      let reports: readonly SerialReport[] = [];
      await this.#guarded(async () => {
        reports = await this.#load(refs);
      });
      return reports.map((report) => JSON.parse(report.json) as WindowReport);
    });
  }

  acknowledge(refs: readonly ReportRef[]): Promise<void> {
    return this.#exclusively(() =>
      this.#guarded(async () => {
        await this.#settle(refs);
        await this.#maintain();
      }),
    );
  }

  setAside(report: WindowReport, code: string): Promise<void> {
    return this.#exclusively(() =>
      this.#guarded(async () => {
        const name = `refused-${report.windowStartMs}-${report.epoch}-${report.revision}.json`;
        const kept = await this.#quarantine.keep(name, Buffer.from(JSON.stringify({ code, report })));
        this.#add(kept ? { setAsideReports: 1 } : { droppedReports: 1 });
        await this.#settle([report]);
      }),
    );
  }

  stats(): StoreStats {
    const unsyncedOnly = this.#held.keys().filter((key) => !this.#index.has(key)).length;
    return {
      spoolBytes: this.#log.totalBytes,
      spoolReports: this.#index.size + unsyncedOnly,
      unsyncedReports: this.#held.size,
      ...this.#counts,
      error: this.#error,
    };
  }

  close(): Promise<void> {
    return this.#exclusively(async () => {
      if (this.#held.size > 0) await this.#guarded(() => this.#write({ sync: true }).then(() => {}));
      await this.#guarded(() => this.#log.seal());
      await this.#unlock();
    });
  }

  #exclusively<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.#lastOperation.then(operation);
    this.#lastOperation = result.catch(() => {});
    return result;
  }

  /** A disk that refuses costs no metering: it is said in `stats()` and tried again with the next operation. */
  async #guarded(operation: () => Promise<void>): Promise<void> {
    try {
      await operation();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#error = `the spool in ${this.#directory} fails: ${reason}. Metering goes on in memory; ${adviceFor(error)}`;
    }
  }

  /** One record: the state, what memory holds, and what is given; all of it or nothing. */
  async #write(given: {
    readonly copies?: readonly SerialReport[];
    readonly settled?: readonly ReportRef[];
    readonly sync: boolean;
  }): Promise<void> {
    const reports = [...this.#held.all(), ...(given.copies ?? [])];
    const settled = (given.settled ?? []).map(({ windowStartMs, epoch, revision }) => ({
      windowStartMs,
      epoch,
      revision,
    }));
    const json = reports.map((report) => report.json).join(',');
    const body = `{"counts":${JSON.stringify(this.#counts)},"reports":[${json}],"settled":${JSON.stringify(settled)}}`;
    const text = `${body}\n${this.#meterState}`;
    const location = await this.#log.append(text, given.sync || reports.length > 0);
    this.#stateSegment = location.segment;
    this.#held.clear();
    this.#error = null;
    for (const report of reports) this.#place(report, location, Buffer.byteLength(text));
  }

  async #settle(refs: readonly ReportRef[]): Promise<void> {
    const settled = refs.filter((ref) => this.#index.settle(ref));
    if (settled.length > 0) await this.#write({ settled, sync: false });
  }

  /** @param textLength of the record, before it is deflated */
  #place(report: SerialReport, location: Location, textLength: number): void {
    const { windowStartMs, epoch, revision, bytes, hasSeries } = report;
    const storedBytes = Math.ceil((location.length * bytes) / textLength);
    this.#index.put({ windowStartMs, epoch, revision, bytes, hasSeries, storedBytes, ...location });
  }

  /** Reads reports from disk; a damaged record is counted and its reports are given up. */
  async #load(refs: readonly ReportRef[]): Promise<SerialReport[]> {
    const reports: SerialReport[] = [];
    let last: { readonly location: Location; readonly record: LocatedRecord | null } | null = null;
    for (const ref of refs) {
      const entry = this.#index.find(ref);
      if (entry === undefined) continue;
      // A rewritten record holds many reports: read it once for a row of them.
      if (last?.location.segment !== entry.segment || last.location.offset !== entry.offset) {
        last = { location: entry, record: await this.#log.read(entry) };
      }
      const record = last.record;
      const report = record?.body.reports.find((candidate) => windowKey(candidate) === windowKey(ref));
      if (report !== undefined) {
        reports.push(serialReport(report));
        continue;
      }
      this.#index.settle(ref);
      this.#add({ damagedRecords: 1, droppedReports: 1 });
    }
    return reports;
  }

  /**
   * Keeps the files within their bound: sheds what is pending, then rewrites what is pending in the oldest segments and
   * removes them. Always from the oldest on: a later one says which reports of the earlier ones are settled.
   */
  async #maintain(): Promise<void> {
    await this.#shed();
    const newestDamaged = Math.max(0, ...this.#damagedSegments);
    for (const { segment } of this.#log.sealed()) {
      const roomy = this.#index.storedBytes / LIVE_SHARE + ROOM_SEGMENTS * this.#limits.segmentBytes;
      if (this.#log.totalBytes <= roomy && segment > newestDamaged) return;
      for (const copies of batches(this.#index.inSegment(segment))) {
        await this.#write({ copies: await this.#load(copies), sync: true });
      }
      // The newest state stays: it is here, or what carried it was given up and the next record says it again.
      if (segment === this.#stateSegment || !this.#log.has(this.#stateSegment)) return;
      // The state has moved on, but an acknowledgement that carried it may not be on disk yet.
      await this.#log.sync();
      await this.#log.remove(segment);
      this.#damagedSegments.delete(segment);
    }
  }

  /** Series of the oldest windows first, then whole reports from the oldest; the newest window is never touched. */
  async #shed(): Promise<void> {
    const { spoolBytes, segmentBytes } = this.#limits;
    // One more segment for the one that is being written, one for a rewrite before its source is removed.
    const budget = (spoolBytes - (ROOM_SEGMENTS + 2) * segmentBytes) * LIVE_SHARE;
    if (this.#index.storedBytes <= budget) return;
    const oldest = this.#index.oldestFirst();
    const sheddable = oldest.filter((entry) => entry.windowStartMs !== oldest.at(-1)?.windowStartMs);
    for (const batch of batches(sheddable.filter((entry) => entry.hasSeries))) {
      if (this.#index.storedBytes <= budget) return;
      const stripped = (await this.#load(batch)).map(withoutSeries);
      this.#add({ droppedSeries: stripped.length });
      await this.#write({ copies: stripped, sync: true });
    }
    const dropped: ReportRef[] = [];
    for (const entry of sheddable) {
      if (this.#index.storedBytes <= budget) break;
      if (this.#index.settle(entry)) dropped.push(entry);
    }
    this.#add({ droppedReports: dropped.length });
    if (dropped.length > 0) await this.#write({ settled: dropped, sync: true });
  }

  async #keepDamaged(segment: OpenedSegment, offset: number, length: number): Promise<void> {
    const bytes = segment.bytes.subarray(offset, offset + length);
    await this.#guarded(async () => {
      await this.#quarantine.keep(`damaged-${segment.segment}-${offset}.bin`, bytes);
    });
  }

  #add(more: Partial<Counts>): void {
    this.#counts = {
      droppedSeries: this.#counts.droppedSeries + (more.droppedSeries ?? 0),
      droppedReports: this.#counts.droppedReports + (more.droppedReports ?? 0),
      damagedRecords: this.#counts.damagedRecords + (more.damagedRecords ?? 0),
      setAsideReports: this.#counts.setAsideReports + (more.setAsideReports ?? 0),
    };
  }
}

/** Cut where the next report would make a rewritten record too large. */
function* batches<T extends PendingReport>(entries: readonly T[]): Generator<T[]> {
  let batch: T[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (batch.length > 0 && bytes + entry.bytes > COPY_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(entry);
    bytes += entry.bytes;
  }
  if (batch.length > 0) yield batch;
}

function adviceFor(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'free space on that disk';
    case 'EROFS':
      return 'mount that file system writable';
    case 'EACCES':
    case 'EPERM':
      return 'give the agent the right to write there';
    default:
      return 'check that disk';
  }
}
