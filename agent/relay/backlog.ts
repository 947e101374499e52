/**
 * One node's reports that the relay has acknowledged and the server has not: kept as on the node itself, in a durable
 * store of its own, and sent by the same shipper under the node's own token. Once all of it is sent the folder is gone,
 * and the token with it.
 */
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { monotonicMs } from '../../shared/units.ts';
import type { AgentHealth, IngestBody, Inventory } from '../../shared/wire/ingest.ts';
import type { Clock } from '../clock.ts';
import type { HttpClient } from '../http/http-client.ts';
import { createShipper, type ServerTime, type Shipper, type ShipStatus } from '../ship/shipper.ts';
import type { DurableStore, StoreStats } from '../store/durable-store.ts';
import { nodeFileSystem } from '../store/file-system.ts';
import { openStore } from '../store/open-store.ts';

export interface BacklogOptions {
  readonly nodeId: string;
  /** Of this node alone. */
  readonly directory: string;
  readonly url: string;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onServerTime: (time: ServerTime) => void;
  readonly log: (line: string) => void;
}

/** Travels with the reports in one record; the newest that the node said and the server has not heard. */
interface Sender {
  readonly token: string;
  readonly agentVersion: string;
  readonly inventory: Inventory | null;
  readonly health: AgentHealth | null;
}

export interface BacklogStatus {
  readonly nodeId: string;
  readonly reports: number;
  readonly bytes: number;
  /** Start of the oldest window that waits. */
  readonly oldestWindowStartMs: number | null;
  /** How the last request for it ended; null while nothing waits. */
  readonly shipping: ShipStatus | null;
  /** Since the relay started. */
  readonly quarantinedReports: number;
  readonly droppedSeries: number;
  readonly droppedReports: number;
  readonly damagedRecords: number;
  /** Refused by the server for good: they lie in `quarantine/` of the node's folder. */
  readonly setAsideReports: number;
  /** Why the disk takes no writes. */
  readonly error: string | null;
}

/** As much as a body may hold, twice: what a full disk leaves in memory is never shed while it is being judged. */
const LIMITS = { memoryBytes: 8 * 1024 * 1024 };
/** Another request of the node is on its way; its turn comes first. */
const TURN_MS = 1_000;
const IDLE_MS = 24 * 3_600_000;

type Dropped = Pick<StoreStats, 'droppedSeries' | 'droppedReports' | 'damagedRecords'>;

export class Backlog {
  readonly #options: BacklogOptions;
  #store: DurableStore | null = null;
  #shipper: Shipper | null = null;
  #sender: Sender | null = null;
  /** Start of the oldest window that waits: looked up after each round, since a long backlog is not sorted for each look. */
  #oldestMs: number | null = null;
  /** Of stores that are gone. */
  #dropped: Dropped = { droppedSeries: 0, droppedReports: 0, damagedRecords: 0 };
  #quarantined = 0;
  #turn: 'free' | 'node' | 'backlog' = 'free';
  #lastOperation: Promise<unknown> = Promise.resolve();
  #nap: AbortController | null = null;
  #isWoken = false;
  #isStopped = false;
  readonly #ended: Promise<void>;

  constructor(options: BacklogOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  /** Opens what an earlier start left. */
  async resume(): Promise<void> {
    await this.#exclusively(() => this.#open());
    this.#wake();
  }

  /**
   * True once the body's reports, and what it says of the node, would survive a crash; false where the disk refuses. Of
   * each window and epoch the newest revision stays.
   */
  keep(body: IngestBody, token: string): Promise<boolean> {
    return this.#exclusively(async () => {
      const store = await this.#open();
      const wasIdle = !this.#hasWork();
      this.#sender = {
        token,
        agentVersion: body.agentVersion,
        inventory: body.inventory ?? this.#sender?.inventory ?? null,
        health: body.health ?? this.#sender?.health ?? null,
      };
      await store.commit({ meterState: this.#sender, reports: body.reports });
      for (const { windowStartMs } of body.reports)
        this.#oldestMs = Math.min(this.#oldestMs ?? windowStartMs, windowStartMs);
      if (wasIdle) this.#wake();
      const { error, unsyncedReports } = store.stats();
      return error === null && unsyncedReports === 0;
    });
  }

  /** The server took this body from the node itself: none of it has to be sent again, and now is the time for the rest. */
  async overtakenBy(body: IngestBody, token: string): Promise<void> {
    await this.#exclusively(async () => {
      if (this.#store === null) return;
      await this.#store.acknowledge(body.reports);
      await this.#say({
        token,
        agentVersion: body.agentVersion,
        inventory: body.inventory === undefined ? (this.#sender?.inventory ?? null) : null,
        health: body.health === undefined ? (this.#sender?.health ?? null) : null,
      });
    });
    const state = this.#shipper?.status().state;
    const mayGoOn = state === 'retrying' || state === 'waiting' || state === 'unauthorized';
    if (mayGoOn || !this.#hasWork()) this.#wake();
  }

  /** While the node's own request is on its way nothing older may pass it. False: the backlog is being sent. */
  beginDirect(): boolean {
    if (this.#turn !== 'free') return false;
    this.#turn = 'node';
    return true;
  }

  endDirect(): void {
    this.#turn = 'free';
  }

  get bytes(): number {
    return this.#store?.stats().spoolBytes ?? 0;
  }

  status(): BacklogStatus {
    const stats = this.#store?.stats();
    return {
      nodeId: this.#options.nodeId,
      reports: stats?.spoolReports ?? 0,
      bytes: this.bytes,
      oldestWindowStartMs: this.#oldestMs,
      shipping: this.#shipper?.status() ?? null,
      quarantinedReports: this.#quarantined + (this.#shipper?.status().quarantinedReports ?? 0),
      droppedSeries: this.#dropped.droppedSeries + (stats?.droppedSeries ?? 0),
      droppedReports: this.#dropped.droppedReports + (stats?.droppedReports ?? 0),
      damagedRecords: this.#dropped.damagedRecords + (stats?.damagedRecords ?? 0),
      setAsideReports: stats?.setAsideReports ?? 0,
      error: stats?.error ?? null,
    };
  }

  /** After the request that is under way. What waits stays on disk. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    await this.#ended;
    await this.#exclusively(async () => this.#store?.close());
  }

  async #run(): Promise<void> {
    let waitMs = IDLE_MS;
    for (;;) {
      await this.#rest(waitMs);
      if (this.#isStopped) return;
      if (this.#turn !== 'free') {
        waitMs = TURN_MS;
        continue;
      }
      this.#turn = 'backlog';
      waitMs = this.#hasWork() ? await this.#round() : IDLE_MS;
      await this.#tidy();
      this.#turn = 'free';
    }
  }

  /** Reports, or news of the node, that the server has not heard; nothing can be sent before its token is known. */
  #hasWork(): boolean {
    const { inventory, health } = this.#sender ?? {};
    const reports = this.#store?.stats().spoolReports ?? 0;
    return this.#sender !== null && (reports > 0 || !!inventory || !!health);
  }

  async #round(): Promise<number> {
    const shipper = this.#shipper!;
    const sender = this.#sender!;
    let waitMs = await shipper.shipOnce();
    await this.#exclusively(async () => {
      if (shipper.status().state === 'delivered') {
        if (this.#sender === sender) await this.#say({ ...sender, inventory: null, health: null });
        // The node has said more meanwhile, and the server is there.
        else waitMs = 0;
      }
      this.#findOldest();
    });
    return waitMs;
  }

  #findOldest(): void {
    const windows = this.#store!.pending().map(({ windowStartMs }) => windowStartMs);
    this.#oldestMs = windows.length === 0 ? null : Math.min(...windows);
  }

  async #say(sender: Sender): Promise<void> {
    const isNews = JSON.stringify(sender) !== JSON.stringify(this.#sender);
    this.#sender = sender;
    // A crash must not bring an older inventory back after a newer one.
    if (isNews) await this.#store!.commit({ meterState: sender, reports: [] });
  }

  async #open(): Promise<DurableStore> {
    if (this.#store !== null) return this.#store;
    const { directory, ...options } = this.#options;
    const store = await openStore(directory, { limits: LIMITS });
    // A power cut must not take the folder's own name: what lies in it is acknowledged.
    for (const parent of [dirname(directory), dirname(dirname(directory))])
      await nodeFileSystem.syncDirectory(parent);
    this.#store = store;
    this.#sender = store.restoredMeterState as Sender | null;
    this.#findOldest();
    const current = () => this.#sender!;
    this.#shipper = createShipper({
      ...options,
      store,
      get token() {
        return current().token;
      },
      get agentVersion() {
        return current().agentVersion;
      },
      inventory: () => current().inventory,
      health: () => current().health,
      log: (line) => options.log(`${options.nodeId}: ${line}`),
    });
    return store;
  }

  /** Where all is sent the folder goes, but for reports that a person should see. */
  #tidy(): Promise<void> {
    return this.#exclusively(async () => {
      const store = this.#store;
      if (store === null || this.#sender === null || this.#hasWork()) return;
      const stats = store.stats();
      if (stats.setAsideReports > 0) return;
      this.#dropped = {
        droppedSeries: this.#dropped.droppedSeries + stats.droppedSeries,
        droppedReports: this.#dropped.droppedReports + stats.droppedReports,
        damagedRecords: this.#dropped.damagedRecords + stats.damagedRecords,
      };
      this.#quarantined += this.#shipper!.status().quarantinedReports;
      this.#store = null;
      this.#shipper = null;
      this.#sender = null;
      this.#oldestMs = null;
      try {
        await store.close();
        await rm(this.#options.directory, { recursive: true, force: true });
      } catch (error) {
        this.#options.log(`cannot remove ${this.#options.directory}: ${(error as Error).message}`);
      }
    });
  }

  #exclusively<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.#lastOperation.then(operation);
    this.#lastOperation = result.catch(() => {});
    return result;
  }

  async #rest(ms: number): Promise<void> {
    const { clock } = this.#options;
    this.#nap = new AbortController();
    if (!this.#isWoken) await clock.sleepUntil(monotonicMs(clock.monotonicNow() + ms), this.#nap.signal);
    this.#isWoken = false;
    this.#nap = null;
  }

  #wake(): void {
    this.#isWoken = true;
    this.#nap?.abort();
  }
}
