/**
 * Brings the store's reports to the server: newest window first, then the backlog, one request in flight, for ever.
 * Nothing is forgotten before the server has said, in numbers that add up, that it holds it.
 */
import type { EpochMs, MonotonicMs } from '../../shared/units.ts';
import type { AgentHealth, Inventory } from '../../shared/wire/ingest.ts';
import type { Clock } from '../clock.ts';
import type { HttpClient } from '../http/http-client.ts';
import type { DurableStore } from '../store/durable-store.ts';

/** The server's clock, bracketed by this host's monotonic clock. */
export interface ServerTime {
  readonly serverTimeMs: EpochMs;
  readonly sentAt: MonotonicMs;
  readonly receivedAt: MonotonicMs;
}

export interface ShipperOptions {
  readonly store: DurableStore;
  readonly http: HttpClient;
  /** Base URL of the server, without a trailing slash. */
  readonly url: string;
  readonly token: string;
  readonly agentVersion: string;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Asked for each request; sent once after each start and when it changed. */
  readonly inventory: () => Inventory;
  /** Asked for each request; sent when anything but `spoolBytes` changed. */
  readonly health: () => AgentHealth;
  readonly onServerTime: (time: ServerTime) => void;
  readonly log: (line: string) => void;
}

/** How the last request ended; `waiting` before the first. */
export type ShipState =
  | 'waiting'
  | 'delivered'
  /** No reply, 429, 5xx, or a 200 that was not the server's. */
  | 'retrying'
  /** 401 or 403: asked again every five minutes, nothing discarded. */
  | 'unauthorized'
  /** 409: two agents on one identity. Kept until a person has solved it. */
  | 'conflict';

export interface ShipStatus {
  readonly state: ShipState;
  /** One line for people: what happened and what mends it. */
  readonly detail: string;
  readonly lastDeliveredAtMs: EpochMs | null;
  /** As the server last asked for; 60 before its first reply. */
  readonly reportEverySeconds: number;
  /** Reports that the server set aside in its own quarantine, since the start. */
  readonly quarantinedReports: number;
}

export interface Shipper {
  /**
   * One round: sends until nothing is pending, the round's budget is spent or the server does not take it. Sends one
   * (empty) body when nothing is pending, so that the server knows the agent lives and tells its time. Never throws.
   * Resolves to how long to wait until the next round.
   */
  shipOnce(): Promise<number>;
  /** Rounds until the signal aborts; the first one comes within ten seconds, at random. Ends after a running request. */
  run(signal: AbortSignal): Promise<void>;
  status(): ShipStatus;
}
