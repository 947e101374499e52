/**
 * Agents of the real shipping code on a clock that is set: each tells the truth of its node, keeps what was not
 * acknowledged, and comes back when its shipper says so.
 */
import type { HttpClient } from '../../agent/http/http-client.ts';
import { createShipper, type Shipper } from '../../agent/ship/shipper.ts';
import type { DurableStore, PendingReport, ReportRef } from '../../agent/store/durable-store.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import { epochMs, monotonicMs } from '../../shared/units.ts';
import type { WindowReport } from '../../shared/wire/ingest.ts';
import { reportOf, START_MS } from './truth.ts';

export interface AgentOptions {
  readonly node: number;
  readonly nodeId: string;
  readonly token: string;
  readonly url: string;
  readonly http: HttpClient;
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly series: readonly string[];
}

export class SimulatedAgent {
  /** When it comes next. */
  dueMs: number;
  readonly #options: AgentOptions;
  readonly #store = new MemoryStore();
  readonly #shipper: Shipper;
  /** The window at work, and what it was last told under. */
  #window: number;
  #revision = 0;

  constructor(options: AgentOptions, dueMs: number) {
    this.#options = options;
    this.dueMs = dueMs;
    this.#window = Math.floor((options.nowMs() - START_MS) / WINDOW_MS);
    this.#shipper = createShipper({
      ...options,
      store: this.#store,
      agentVersion: '0.1.0',
      clock: {
        wallNow: () => epochMs(options.nowMs()),
        monotonicNow: () => monotonicMs(options.nowMs() - START_MS),
        sleepUntil: () => Promise.resolve(),
      },
      inventory: () => null,
      health: () => null,
      onServerTime: () => {},
      log: () => {},
    });
  }

  /** Reports that wait, of windows that ended before this instant. */
  waitingBefore(endMs: number): number {
    return this.#store.pending().filter(({ windowStartMs }) => windowStartMs + WINDOW_MS <= endMs).length;
  }

  async come(): Promise<void> {
    const nowMs = this.#options.nowMs();
    this.meter(nowMs);
    this.dueMs = nowMs + (await this.#shipper.shipOnce());
  }

  /** Closes the windows that are over, and tells so far of the one that is not. */
  meter(nowMs: number): void {
    const current = Math.floor((nowMs - START_MS) / WINDOW_MS);
    for (; this.#window < current; this.#window++) {
      this.#say(WINDOW_MS);
      this.#revision = 0;
    }
    const elapsedMs = nowMs - START_MS - current * WINDOW_MS;
    if (elapsedMs > 0) this.#say(elapsedMs);
  }

  #say(elapsedMs: number): void {
    const { node, series } = this.#options;
    this.#revision++;
    this.#store.keep(reportOf({ node, window: this.#window, revision: this.#revision, elapsedMs, series }));
  }
}

/** The newest report of each window until it is acknowledged; `npm run bench -- kill` is about the one on disk. */
class MemoryStore implements DurableStore {
  readonly restoredMeterState = null;
  readonly #reports = new Map<number, WindowReport>();

  keep(report: WindowReport): void {
    this.#reports.set(report.windowStartMs, report);
  }

  pending(): readonly PendingReport[] {
    const oldestFirst = [...this.#reports.values()]
      .sort((a, b) => a.windowStartMs - b.windowStartMs)
      .map((report) => ({ ...report, bytes: JSON.stringify(report).length }));
    const newest = oldestFirst.pop();
    return newest === undefined ? [] : [newest, ...oldestFirst];
  }

  async read(refs: readonly ReportRef[]): Promise<readonly WindowReport[]> {
    return refs.flatMap(({ windowStartMs, revision }) => {
      const report = this.#reports.get(windowStartMs);
      return report?.revision === revision ? [report] : [];
    });
  }

  async acknowledge(refs: readonly ReportRef[]): Promise<void> {
    for (const report of await this.read(refs)) this.#reports.delete(report.windowStartMs);
  }

  async setAside(report: WindowReport, code: string): Promise<void> {
    throw new Error(`the server refused window ${report.windowStartMs}: ${code}`);
  }

  async commit(): Promise<void> {}

  async close(): Promise<void> {}

  stats() {
    return {
      spoolBytes: 0,
      spoolReports: this.#reports.size,
      unsyncedReports: 0,
      droppedSeries: 0,
      droppedReports: 0,
      damagedRecords: 0,
      setAsideReports: 0,
      error: null,
    };
  }
}
