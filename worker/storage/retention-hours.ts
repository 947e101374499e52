/** What retention does to hours: their series leave, and in the end they do; always by key. */
import type { HourLedger } from '../../shared/ledger/hour.ts';
import { decodeHour } from '../../shared/ledger/hour-codec.ts';
import { decodeSeriesFrame, type StoredSeries } from '../../shared/ledger/series-frame.ts';
import { WINDOW_MS, WINDOWS_PER_HOUR } from '../../shared/time/window.ts';
import { type EpochMs, epochMs } from '../../shared/units.ts';
import { fromHex } from './hex.ts';
import { spansJson } from './key-spans.ts';
import { dayKeyOfHour } from './node-days.ts';
import { parseNodeHourKey } from './node-hour-key.ts';
import type { KeySpan } from './node-hours.ts';
import { BLOCK_NODES } from './rollup-keys.ts';
import { NODES_PER_SHARD } from './shards.ts';

/** An hour as it was read: it loses its series only while it still stands so. */
export interface SeenHour {
  readonly key: number;
  readonly version: number;
}

export interface WindowSeries {
  readonly nodeNumber: number;
  readonly windowStartMs: EpochMs;
  readonly series: readonly StoredSeries[];
}

const COLUMNS = Array.from({ length: WINDOWS_PER_HOUR }, (_, index) => `series${index}`);

const HAS_SERIES = COLUMNS.map((column) => `${column} IS NOT NULL`).join(' OR ');

/** Whether a series is there stands in the row's header: its pages are not read. */
const READ_SERIES = `
  SELECT hours.key, ${COLUMNS.map((column) => `hex(${column}) AS ${column}`).join(', ')}
  FROM json_each(?1) AS span
  CROSS JOIN node_hours AS hours ON hours.key >= span.value ->> 0 AND hours.key < span.value ->> 1
  WHERE received_at_ms <= ?2 AND (${HAS_SERIES})
  ORDER BY hours.key`;

/** Hours that hold a series and have not changed since; the caller keeps to some tens of hours, each up to 1.2 MB in hex. */
export async function readSeriesHours(
  db: D1Database,
  spans: readonly KeySpan[],
  unchangedSinceMs: number,
): Promise<WindowSeries[]> {
  const { results } = await db
    .prepare(READ_SERIES)
    .bind(spansJson(spans), unchangedSinceMs)
    .all<{ readonly key: number } & Record<string, string | number>>();
  return results.flatMap((row) => {
    const { nodeNumber, hourStartMs } = parseNodeHourKey(row.key);
    return COLUMNS.flatMap((column, index) => {
      const series = decodeSeriesFrame(fromHex(String(row[column])));
      if (series.length === 0) return [];
      return [{ nodeNumber, windowStartMs: epochMs(hourStartMs + index * WINDOW_MS), series }];
    });
  });
}

const READ_ROWS = `
  SELECT hours.key, version, received_at_ms AS receivedAtMs, hex(ledger) AS ledgerHex
  FROM json_each(?1) AS span
  CROSS JOIN node_hours AS hours ON hours.key >= span.value ->> 0 AND hours.key < span.value ->> 1
  WHERE received_at_ms <= ?2 ORDER BY hours.key`;

export interface HourRow extends SeenHour {
  readonly receivedAtMs: number;
  readonly ledger: HourLedger;
  /** Of the ledger as it is stored. */
  readonly ledgerBytes: number;
}

/** Hours of the spans that have a row of their own and have not changed since `unchangedSinceMs`. */
export async function readHourRows(
  db: D1Database,
  spans: readonly KeySpan[],
  unchangedSinceMs: number,
): Promise<HourRow[]> {
  const { results } = await db
    .prepare(READ_ROWS)
    .bind(spansJson(spans), unchangedSinceMs)
    .all<Omit<HourRow, 'ledger' | 'ledgerBytes'> & { ledgerHex: string }>();
  return results.map(({ ledgerHex, ...row }) => ({
    ...row,
    ledger: decodeHour(fromHex(ledgerHex)),
    ledgerBytes: ledgerHex.length / 2,
  }));
}

/** The newest hour of a node keeps its row: it tells when the node was last heard of. */
const DELETE_PACKED = `
  DELETE FROM node_hours WHERE key IN (
    SELECT hours.key FROM json_each(?1) AS seen
    CROSS JOIN node_days AS days ON days.key = seen.value ->> 2 AND days.mark = seen.value ->> 3
    CROSS JOIN node_hours AS hours ON hours.key = seen.value ->> 0 AND hours.version = seen.value ->> 1
    WHERE hours.received_at_ms <= ?2
      AND EXISTS (SELECT 1 FROM node_hours AS newer
                   WHERE newer.key > hours.key AND newer.key < ((hours.key >> 21) + 1) << 21))`;

/**
 * Rows of hours that a day holds, after the write of that day in the same batch. One row written per hour.
 * @param mark of that write: where it was refused, nothing goes
 */
export function deletePacked(
  db: D1Database,
  days: readonly { readonly dayKey: number; readonly mark: number; readonly rows: readonly SeenHour[] }[],
  unchangedSinceMs: number,
): D1PreparedStatement {
  const seen = days.flatMap(({ dayKey, mark, rows }) =>
    rows.map(({ key, version }) => [key, version, dayKey, mark]),
  );
  return db.prepare(DELETE_PACKED).bind(JSON.stringify(seen), unchangedSinceMs);
}

const DROP_SERIES = `
  UPDATE node_hours SET ${COLUMNS.map((column) => `${column} = NULL`).join(', ')}
  FROM json_each(?1) AS seen
  WHERE node_hours.key = seen.value ->> 0 AND node_hours.version = seen.value ->> 1 AND (${HAS_SERIES})`;

/** One row written per hour that still has one. */
export function dropSeries(db: D1Database, seen: readonly SeenHour[]): D1PreparedStatement {
  return db.prepare(DROP_SERIES).bind(JSON.stringify(seen.map(({ key, version }) => [key, version])));
}

const SELECT_OLD = `
  SELECT hours.key FROM json_each(?1) AS span
  CROSS JOIN node_hours AS hours ON hours.key >= span.value ->> 0 AND hours.key < span.value ->> 1
  WHERE hours.received_at_ms <= ?2`;

/** A row whose day is there as well, or in a file, is an hour of that day: counted there. */
const COUNT_OLD = `
  SELECT COUNT(*) AS count FROM (${SELECT_OLD}) AS old
  WHERE NOT EXISTS (SELECT 1 FROM node_days WHERE node_days.key = ${dayKeyOfHour('old.key')})
    AND NOT EXISTS (SELECT 1 FROM day_files
      WHERE day_files.key = (((old.key >> 21) & ${NODES_PER_SHARD - 1}) / ${BLOCK_NODES} << 15) + (old.key & ${2 ** 21 - 1}) / 24)`;

export async function countHours(
  db: D1Database,
  spans: readonly KeySpan[],
  unchangedSinceMs: number,
): Promise<number> {
  return (await db.prepare(COUNT_OLD).bind(spansJson(spans), unchangedSinceMs).first<{ count: number }>())!
    .count;
}

/** One row written per hour. */
export function deleteHours(
  db: D1Database,
  spans: readonly KeySpan[],
  unchangedSinceMs: number,
): D1PreparedStatement {
  return db
    .prepare(`DELETE FROM node_hours WHERE key IN (${SELECT_OLD})`)
    .bind(spansJson(spans), unchangedSinceMs);
}

const READ_LATE =
  'SELECT id, hour_key AS key, recorded_at_ms AS recordedAtMs FROM ledger_revisions WHERE id > ?1 ORDER BY id LIMIT ?2';

/**
 * Hours that changed after they had settled, in order of the changes: up to the first that was recorded later than
 * `recordedUntilMs`, since of two requests at once the later row may have the earlier time, and none may be passed over.
 */
export async function readLateHours(
  db: D1Database,
  afterId: number,
  recordedUntilMs: number,
  limit: number,
): Promise<{ readonly id: number; readonly key: number }[]> {
  const { results } = await db
    .prepare(READ_LATE)
    .bind(afterId, limit)
    .all<{ id: number; key: number; recordedAtMs: number }>();
  const tooNew = results.findIndex(({ recordedAtMs }) => recordedAtMs > recordedUntilMs);
  return tooNew < 0 ? results : results.slice(0, tooNew);
}

/** By number, of the nodes `[first, end)`. */
export async function readNodeIds(
  db: D1Database,
  { first, end }: KeySpan,
): Promise<ReadonlyMap<number, string>> {
  const { results } = await db
    .prepare('SELECT number, id FROM nodes WHERE number >= ?1 AND number < ?2')
    .bind(first, end)
    .all<{ number: number; id: string }>();
  return new Map(results.map(({ number, id }) => [number, id]));
}

export async function readLastNodeNumber(db: D1Database): Promise<number> {
  return (
    (await db.prepare('SELECT MAX(number) AS last FROM nodes').first<{ last: number | null }>())!.last ?? 0
  );
}
