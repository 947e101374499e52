/**
 * The running hour of each node as this isolate wrote it last. A report that goes on from there is merged without reading the
 * hour, and written only if its version still stands: the row itself proves that the memory is right, however old. What does
 * not go on from there is read. Numbers of devices and jobs never change once they are given.
 *
 * An agent mostly speaks to one isolate. Where others write the same hour too, its version is another one: that costs the try,
 * and from then on this hour is read for each report.
 */
import type { HourLedger } from '../../shared/ledger/hour.ts';
import { entriesIn } from '../../shared/ledger/merge.ts';
import { HOUR_MS } from '../../shared/time/window.ts';
import type { WindowReport } from '../../shared/wire/ingest.ts';
import type { HourWrite, StoredHour } from '../storage/ledger-writes.ts';
import { nodeHourKey, parseNodeHourKey } from '../storage/node-hour-key.ts';
import type { Registry } from './ingest-registry.ts';

/** Agents send the last word of an hour within minutes of its end; what comes later also touches rollups and alerts. */
const OPEN_AFTER_MS = 5 * 60_000;

/** Epochs, devices and job shares, some 100 bytes each: of 800 nodes with eight GPUs in a job. An isolate has 128 MB. */
const MAX_ENTRIES = 200_000;

interface KnownHour {
  readonly hour: StoredHour;
  readonly registry: Registry;
}

interface Entry {
  readonly key: number;
  /** Null: others write this hour as well. */
  readonly known: KnownHour | null;
  readonly entries: number;
}

export class IngestMemory {
  /** By node, the one that reported last at the end. */
  readonly #nodes = new Map<number, Entry>();
  #entries = 0;

  /**
   * The hour, where all reports are of it and name devices and jobs that it knows. It is forgotten: who writes it keeps it again,
   * and where the write fails nobody knows what stands.
   */
  take(nodeNumber: number, reports: readonly WindowReport[], nowMs: number): KnownHour | null {
    const entry = this.#nodes.get(nodeNumber);
    if (entry?.known === undefined || entry.known === null || !isOpen(entry.key, nowMs)) return null;
    const { key, known } = entry;
    if (reports.length === 0 || !reports.every((report) => goesOn(report, nodeNumber, key, known.registry)))
      return null;
    this.#forget(nodeNumber);
    return known;
  }

  /** An hour that was just written. @param before as it stood; undefined: there was none */
  keep(
    nodeNumber: number,
    registry: Registry,
    { key, readVersion, ledger, series }: HourWrite,
    before: StoredHour | undefined,
    nowMs: number,
  ): void {
    const entry = this.#nodes.get(nodeNumber);
    const isNewer = entry === undefined || key > entry.key;
    // A node reports one hour at a time; a backlog is of older ones.
    if (!isOpen(key, nowMs) || (!isNewer && (key < entry.key || entry.known === null))) return;
    const seriesOf = new Set([...(before?.seriesOf ?? []), ...series.keys()]);
    const hour = { key, version: readVersion + 1, receivedAtMs: nowMs, ledger, seriesOf };
    this.#set(nodeNumber, { key, known: { hour, registry }, entries: entriesOf(ledger) });
  }

  /** Others write it as well. */
  giveUp(nodeNumber: number, key: number): void {
    this.#set(nodeNumber, { key, known: null, entries: 1 });
  }

  #set(nodeNumber: number, entry: Entry): void {
    this.#forget(nodeNumber);
    this.#nodes.set(nodeNumber, entry);
    this.#entries += entry.entries;
    for (const oldest of this.#nodes.keys()) {
      if (this.#entries <= MAX_ENTRIES) break;
      this.#forget(oldest);
    }
  }

  #forget(nodeNumber: number): void {
    this.#entries -= this.#nodes.get(nodeNumber)?.entries ?? 0;
    this.#nodes.delete(nodeNumber);
  }
}

const isOpen = (key: number, nowMs: number): boolean =>
  nowMs < parseNodeHourKey(key).hourStartMs + HOUR_MS + OPEN_AFTER_MS;

const goesOn = (
  report: WindowReport,
  nodeNumber: number,
  key: number,
  { devices, jobs }: Registry,
): boolean =>
  nodeHourKey(nodeNumber, report.windowStartMs) === key &&
  report.devices.every(({ id }) => devices.has(id)) &&
  report.jobs.every(({ id }) => jobs.has(id));

const entriesOf = ({ windows }: HourLedger): number => 1 + entriesIn(windows.flat());
