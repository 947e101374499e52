/** Reading stored power series: one node's hours by key range. */

import type { LedgerEpoch } from '../../shared/ledger/hour.ts';
import { decodeHour } from '../../shared/ledger/hour-codec.ts';
import { decodeSeriesFrame, type StoredSeries } from '../../shared/ledger/series-frame.ts';
import { HOUR_MS, WINDOW_MS, WINDOWS_PER_HOUR } from '../../shared/time/window.ts';
import { type EpochMs, epochMs } from '../../shared/units.ts';
import { fromHex } from './hex.ts';
import { nodeHourKeyRange, parseNodeHourKey } from './node-hour-key.ts';

export interface PowerWindow {
  readonly windowStartMs: EpochMs;
  readonly epochs: readonly LedgerEpoch[];
  /** Empty where none came, or where the hot span is over. */
  readonly series: readonly StoredSeries[];
}

const SERIES_COLUMNS = Array.from(
  { length: WINDOWS_PER_HOUR },
  (_, index) => `hex(series${index}) AS series${index}`,
);

const READ_SERIES = `
  SELECT key, hex(ledger) AS ledger, ${SERIES_COLUMNS.join(', ')}
  FROM node_hours WHERE key >= ?1 AND key < ?2 ORDER BY key`;

/** Windows of the node that start in `[fromMs, toMs)` and hold anything, in order of time; the caller bounds the range. */
export async function readPowerWindows(
  db: D1Database,
  nodeNumber: number,
  fromMs: number,
  toMs: number,
): Promise<PowerWindow[]> {
  const { first, end } = nodeHourKeyRange(nodeNumber, fromMs, toMs);
  const { results } = await db.prepare(READ_SERIES).bind(first, end).all<Record<string, string | number>>();
  return results.flatMap((row) => {
    const { hourStartMs } = parseNodeHourKey(Number(row.key));
    const { windows } = decodeHour(fromHex(String(row.ledger)));
    return windows
      .map((epochs, index) => ({
        windowStartMs: epochMs(hourStartMs + index * WINDOW_MS),
        epochs,
        series: decodeSeriesFrame(fromHex(String(row[`series${index}`] ?? ''))),
      }))
      .filter(
        ({ windowStartMs, epochs }) =>
          epochs.length > 0 &&
          windowStartMs >= fromMs &&
          windowStartMs < toMs &&
          windowStartMs < hourStartMs + HOUR_MS,
      );
  });
}
