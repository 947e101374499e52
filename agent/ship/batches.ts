/** Cuts what is pending into bodies that the server takes. */
import { WINDOW_MS } from '../../shared/time/window.ts';
import type { PendingReport } from '../store/durable-store.ts';

/** The contract's bound on a body as sent. */
export const MAX_COMPRESSED_BYTES = 256 * 1024;
/** Plain JSON of a body's reports: below the bound even if nothing can be compressed, with room for the inventory. */
const MAX_BATCH_BYTES = 200 * 1024;
const MAX_BATCH_REPORTS = 100;

export interface Pending {
  /** The newest window that ever was, and those that ended since a node would have reported last. */
  readonly live: readonly PendingReport[];
  readonly backlog: readonly PendingReport[];
}

/** What is live in the order it came, the newest window first; the backlog from its oldest window on. */
export function splitBacklog(
  pending: readonly PendingReport[],
  newestMs: number,
  reportEverySeconds: number,
): Pending {
  const liveFromMs = newestMs - Math.ceil((reportEverySeconds * 1_000) / WINDOW_MS) * WINDOW_MS;
  return {
    live: pending.filter(({ windowStartMs }) => windowStartMs >= liveFromMs),
    backlog: pending
      .filter(({ windowStartMs }) => windowStartMs < liveFromMs)
      .sort((a, b) => a.windowStartMs - b.windowStartMs),
  };
}

/** In order. No body holds two epochs of one window: the reply's quarantine names windows only. */
export function* batchesOf(pending: readonly PendingReport[]): Generator<readonly PendingReport[]> {
  let batch: PendingReport[] = [];
  let bytes = 0;
  for (const report of pending) {
    const isFull = bytes + report.bytes > MAX_BATCH_BYTES || batch.length === MAX_BATCH_REPORTS;
    const isTwin = batch.some((other) => other.windowStartMs === report.windowStartMs);
    if (batch.length > 0 && (isFull || isTwin)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(report);
    bytes += report.bytes;
  }
  yield batch;
}

export function halves<T>(batch: readonly T[]): [readonly T[], readonly T[]] {
  const middle = Math.ceil(batch.length / 2);
  return [batch.slice(0, middle), batch.slice(middle)];
}
