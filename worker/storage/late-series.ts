/** Power series that join those of their window after it was written. */
import { decodeSeriesFrame, encodeSeriesFrame, type StoredSeries } from '../../shared/ledger/series-frame.ts';
import { WINDOWS_PER_HOUR, windowOfHour } from '../../shared/time/window.ts';
import { fromHex, toHex } from './hex.ts';
import { nodeHourKey } from './node-hour-key.ts';

/** By window of the hour. */
const READ = Array.from(
  { length: WINDOWS_PER_HOUR },
  (_, window) => `SELECT version, hex(series${window}) AS frameHex FROM node_hours WHERE key = ?1`,
);

/** Another version, so that whoever merges the hour meanwhile reads it again; it was not received anew. */
const WRITE = Array.from(
  { length: WINDOWS_PER_HOUR },
  (_, window) =>
    `UPDATE node_hours SET series${window} = unhex(?2), version = version + 1 WHERE key = ?1 AND version = ?3`,
);

/** Reports of the same hour may come in between. */
const MAX_ATTEMPTS = 10;

/**
 * Adds the series of devices that have none in this window.
 * @returns `gone`: the hour keeps no series any more; `full`: they would take more than `maxBytes`; `busy`: reports kept
 *   changing the hour
 */
export async function addSeries(
  db: D1Database,
  nodeNumber: number,
  windowStartMs: number,
  series: readonly StoredSeries[],
  maxBytes: number,
): Promise<'added' | 'gone' | 'full' | 'busy'> {
  const key = nodeHourKey(nodeNumber, windowStartMs);
  const window = windowOfHour(windowStartMs);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const row = await db.prepare(READ[window]!).bind(key).first<{ version: number; frameHex: string }>();
    if (row === null) return 'gone';
    const known = decodeSeriesFrame(fromHex(row.frameHex));
    const fresh = series.filter(({ deviceIndex }) => !known.some((each) => each.deviceIndex === deviceIndex));
    if (fresh.length === 0) return 'added';
    const frame = encodeSeriesFrame([...known, ...fresh]);
    if (frame.length > maxBytes) return 'full';
    const written = await db.prepare(WRITE[window]!).bind(key, toHex(frame), row.version).run();
    if (written.meta.changes === 1) return 'added';
  }
  return 'busy';
}
