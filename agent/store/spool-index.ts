/** Where the newest unacknowledged report of each window and epoch lies. The reports themselves stay on disk. */
import type { PendingReport, ReportRef } from './durable-store.ts';

export interface SpoolEntry extends PendingReport {
  readonly hasSeries: boolean;
  /** Its share of the record, as deflated. */
  readonly storedBytes: number;
  readonly segment: number;
  /** Of the record that holds the report. */
  readonly offset: number;
  readonly length: number;
}

/** One window of one epoch; revisions of it replace each other. */
export function windowKey(ref: Pick<ReportRef, 'windowStartMs' | 'epoch'>): string {
  return `${ref.windowStartMs}/${ref.epoch}`;
}

export class SpoolIndex {
  readonly #entries = new Map<string, SpoolEntry>();
  #storedBytes = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** What all entries take of the files. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** The entry for exactly this revision. */
  find(ref: ReportRef): SpoolEntry | undefined {
    const entry = this.#entries.get(windowKey(ref));
    return entry?.revision === ref.revision ? entry : undefined;
  }

  /** Takes the place of the same and of older revisions. */
  put(entry: SpoolEntry): void {
    const known = this.#entries.get(windowKey(entry));
    if (known !== undefined && known.revision > entry.revision) return;
    this.#entries.set(windowKey(entry), entry);
    this.#storedBytes += entry.storedBytes - (known?.storedBytes ?? 0);
  }

  /** Removes this and older revisions; false when there was none. */
  settle(ref: ReportRef): boolean {
    const entry = this.#entries.get(windowKey(ref));
    if (entry === undefined || entry.revision > ref.revision) return false;
    this.#entries.delete(windowKey(ref));
    this.#storedBytes -= entry.storedBytes;
    return true;
  }

  inSegment(segment: number): SpoolEntry[] {
    return [...this.#entries.values()].filter((entry) => entry.segment === segment);
  }

  oldestFirst(): SpoolEntry[] {
    return [...this.#entries.values()].sort(
      (a, b) => a.windowStartMs - b.windowStartMs || (a.epoch < b.epoch ? -1 : 1),
    );
  }

  /** The newest window, then the rest from the oldest on. */
  newestThenOldest(): SpoolEntry[] {
    const ordered = this.oldestFirst();
    const newest = ordered.at(-1)?.windowStartMs;
    const live = ordered.filter((entry) => entry.windowStartMs === newest);
    return [...live, ...ordered.slice(0, ordered.length - live.length)];
  }
}
