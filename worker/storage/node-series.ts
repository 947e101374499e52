/** Reading stored power series: one node's hours by key range. */

import type { LedgerEpoch } from '../../shared/ledger/hour.ts';
import { decodeSeriesFrame, type StoredSeries } from '../../shared/ledger/series-frame.ts';
import { WINDOW_MS, WINDOWS_PER_HOUR } from '../../shared/time/window.ts';
import { type EpochMs, epochMs } from '../../shared/units.ts';
import { fromHex } from './hex.ts';
import { nodeHourKeyRange, parseNodeHourKey } from './node-hour-key.ts';
import { readHourSpans } from './node-hours.ts';

export interface PowerWindow {
  readonly windowStartMs: EpochMs;
  readonly epochs: readonly LedgerEpoch[];
  /** Empty where none came, or where the hot span is over. */
  readonly series: readonly StoredSeries[];
}

const COLUMNS = Array.from({ length: WINDOWS_PER_HOUR }, (_, index) => `series${index}`);

const READ_SERIES = `
  SELECT key, ${COLUMNS.map((column) => `hex(${column}) AS ${column}`).join(', ')}
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
  const rows = new Map(results.map((row) => [parseNodeHourKey(Number(row.key)).hourStartMs, row]));
  const windows: PowerWindow[] = [];
  // Read after the series: hours that have just been moved into their day are found there.
  for await (const { hourStartMs, ledger } of readHourSpans(db, [{ first, end }])) {
    const row = rows.get(hourStartMs);
    ledger.windows.forEach((epochs, index) => {
      const windowStartMs = epochMs(hourStartMs + index * WINDOW_MS);
      if (epochs.length === 0 || windowStartMs < fromMs || windowStartMs >= toMs) return;
      const series = decodeSeriesFrame(fromHex(String(row?.[`series${index}`] ?? '')));
      windows.push({ windowStartMs, epochs, series });
    });
  }
  return windows;
}
