/**
 * The agent's one durable record: the meter's state, and per window and epoch the newest report that the server has not
 * acknowledged. Both are written together and synced before anything is sent, so a restart never says under one
 * revision something else than was sent before.
 */
import type { WindowReport } from '../../shared/wire/ingest.ts';

/** Written as one record: after a crash either all of it is there or none. */
export interface StoreUpdate {
  /** Opaque JSON; comes back from `restoredMeterState` after a restart. */
  readonly meterState: unknown;
  /** Windows that changed since the last commit, under a revision that grew. */
  readonly reports: readonly WindowReport[];
}

/** Which saying of which window: an acknowledgement of an older revision leaves a newer one pending. */
export interface ReportRef {
  readonly windowStartMs: number;
  readonly epoch: string;
  readonly revision: number;
}

export interface PendingReport extends ReportRef {
  /** Size as JSON, for cutting batches. */
  readonly bytes: number;
}

export interface StoreStats {
  /** Bytes of all files of the spool, acknowledged records that are not collected yet included. */
  readonly spoolBytes: number;
  /** Reports that wait for an acknowledgement, those that only memory holds included. */
  readonly spoolReports: number;
  /** Of these, how many could not be written yet; they are not sent before they are. */
  readonly unsyncedReports: number;
  /** The rest counts from when the state on disk began. */
  readonly droppedSeries: number;
  readonly droppedReports: number;
  readonly damagedRecords: number;
  /** Reports that the server refused for good; they lie in `quarantine/`. */
  readonly setAsideReports: number;
  /** Why the last write failed and how to mend it; null while the disk takes writes. */
  readonly error: string | null;
}

export interface DurableStore {
  /** The state of the last commit before this start; null on a fresh or damaged disk: begin a new epoch. */
  readonly restoredMeterState: unknown;
  /**
   * Appends one record and resolves once it is synced. Where the disk refuses (full, failing, read-only) it resolves as
   * well: the update stays in bounded memory, `stats().error` says why, and the next commit tries again.
   */
  commit(update: StoreUpdate): Promise<void>;
  /** Durable and unacknowledged: the newest window first, then the backlog from its oldest window on. */
  pending(): readonly PendingReport[];
  /** The reports behind the refs, in their order; one that is no longer pending, or damaged on disk, is left out. */
  read(refs: readonly ReportRef[]): Promise<readonly WindowReport[]>;
  /** Not synced: an acknowledgement lost in a crash means one report sent twice, which is harmless. */
  acknowledge(refs: readonly ReportRef[]): Promise<void>;
  /** The server refused it for good: kept in `quarantine/` with the reason, no longer pending, counted. */
  setAside(report: WindowReport, code: string): Promise<void>;
  stats(): StoreStats;
  /** Tries once more to write what only memory holds, then gives the lock back. */
  close(): Promise<void>;
}
