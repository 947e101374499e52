/**
 * Writing the ledger: read the touched hours, merge in pure code, write them back under their version. One row is written
 * per hour that changed, series included, and none otherwise.
 */

import type { HourLedger } from '../../shared/ledger/hour.ts';
import { decodeHour, encodeHour } from '../../shared/ledger/hour-codec.ts';
import { energyOfHour, isSettled } from '../../shared/ledger/settled.ts';
import { HOUR_MS, WINDOWS_PER_HOUR } from '../../shared/time/window.ts';
import { markLateHours } from './alert-late-hours.ts';
import { type Author, CHANGE_COLUMNS } from './changes.ts';
import { fromHex, toHex } from './hex.ts';
import { noteJobs } from './job-nodes.ts';
import { jsonChunks } from './json-chunks.ts';
import { DaysReader, selectDays } from './node-days.ts';
import { nodeHourKey, parseNodeHourKey } from './node-hour-key.ts';
import type { NodeHour } from './node-hours.ts';
import { markLateReports } from './rollup-marks.ts';

export interface StoredHour {
  readonly key: number;
  /** 0 for an hour that has no row of its own: none yet, or it is in the row of its day. */
  readonly version: number;
  /** When its newest change arrived. */
  readonly receivedAtMs: number;
  readonly ledger: HourLedger;
  /** Windows of the hour whose power series is stored. */
  readonly seriesOf: ReadonlySet<number>;
}

export interface HourWrite {
  readonly key: number;
  /** Version that was read; the write happens only if it still stands. */
  readonly readVersion: number;
  /** As it was read. */
  readonly oldLedger: HourLedger;
  readonly ledger: HourLedger;
  /** Series frames by window of the hour; one that is stored already stays as it is. */
  readonly series: ReadonlyMap<number, Uint8Array>;
}

const SERIES_COLUMNS = Array.from({ length: WINDOWS_PER_HOUR }, (_, index) => `series${index}`);

/** Whether a series is there stands in the row's header: its pages are not read. */
const READ_HOURS = `
  SELECT key, version, received_at_ms AS receivedAtMs, hex(ledger) AS ledgerHex,
         ${SERIES_COLUMNS.map((column, index) => `((${column} IS NOT NULL) << ${index})`).join(' | ')} AS seriesBits
  FROM node_hours WHERE key IN (SELECT value FROM json_each(?1))`;

export interface HourRow {
  readonly key: number;
  readonly version: number;
  readonly receivedAtMs: number;
  readonly ledgerHex: string;
  /** Bit n: window n of the hour has a series. */
  readonly seriesBits: number;
}

export function selectStoredHours(db: D1Database, keys: readonly number[]): D1PreparedStatement {
  return db.prepare(READ_HOURS).bind(JSON.stringify(keys));
}

export async function readStoredHours(
  db: D1Database,
  keys: readonly number[],
): Promise<Map<number, StoredHour>> {
  const [rows, days] = await db.batch([selectStoredHours(db, keys), selectDaysOf(db, keys)]);
  return storedHours(rows!.results as HourRow[], await hoursInDays(db, keys, days!.results));
}

const spansOf = (keys: readonly number[]) =>
  [...keys].sort((a, b) => a - b).map((key) => ({ first: key, end: key + 1 }));

/** The days that may hold hours with these keys. */
export function selectDaysOf(db: D1Database, keys: readonly number[]): D1PreparedStatement {
  return selectDays(db, spansOf(keys));
}

/** @param rows of `selectDaysOf` of these keys */
export async function hoursInDays(
  db: D1Database,
  keys: readonly number[],
  rows: readonly unknown[],
): Promise<NodeHour[]> {
  if (rows.length === 0) return [];
  return new DaysReader(db, spansOf(keys)).hoursOf(rows, spansOf(keys));
}

/** By key, from the rows of `selectStoredHours` and what `hoursInDays` made of days. */
export function storedHours(rows: readonly HourRow[], days: readonly NodeHour[]): Map<number, StoredHour> {
  const ofDays = days.map(({ nodeNumber, hourStartMs, receivedAtMs, ledger }): StoredHour => {
    const key = nodeHourKey(nodeNumber, hourStartMs);
    return { key, version: 0, receivedAtMs, ledger, seriesOf: new Set() };
  });
  const ofRows = rows.map((row): StoredHour => toStored(row));
  // A row goes before what its day holds.
  return new Map([...ofDays, ...ofRows].map((hour) => [hour.key, hour]));
}

function toStored({ key, version, receivedAtMs, ledgerHex, seriesBits }: HourRow): StoredHour {
  return {
    key,
    version,
    receivedAtMs,
    ledger: decodeHour(fromHex(ledgerHex)),
    seriesOf: new Set(SERIES_COLUMNS.flatMap((_, window) => ((seriesBits >> window) & 1 ? [window] : []))),
  };
}

/** An hour that was read in a row and has moved into its day since is not written: it is read again. */
export const writeHoursWhere = (condition: string) => `
  INSERT INTO node_hours (key, version, received_at_ms, ledger, ${SERIES_COLUMNS.join(', ')})
  SELECT value ->> 'key', value ->> 'version', ?2, unhex(value ->> 'ledger'), ${SERIES_COLUMNS.map((column) => `unhex(value ->> '${column}')`).join(', ')}
  FROM json_each(?1)
  WHERE (value ->> 'version' = 1 OR EXISTS (SELECT 1 FROM node_hours WHERE key = value ->> 'key')) AND (${condition})
  ON CONFLICT (key) DO UPDATE SET version = excluded.version, received_at_ms = excluded.received_at_ms, ledger = excluded.ledger,
    ${SERIES_COLUMNS.map((column) => `${column} = COALESCE(${column}, excluded.${column})`).join(', ')}
  WHERE node_hours.version = excluded.version - 1
  RETURNING key`;

const WRITE_HOURS = writeHoursWhere('true');

/** Before the write, and only for hours that it is going to change: what stands in a row there is copied, never sent. */
const STILL_STANDS = `
  FROM json_each(?1) AS late
  LEFT JOIN node_hours AS hours ON hours.key = late.value ->> 0
  JOIN nodes ON nodes.number = ?3
 WHERE COALESCE(hours.version, 0) = late.value ->> 1`;

const KEEP_HOURS = `
  INSERT INTO ledger_revisions (hour_key, recorded_at_ms, old_ledger)
  SELECT late.value ->> 0, ?2, COALESCE(hours.ledger, unhex(late.value ->> 5)) ${STILL_STANDS}`;

const LOG_ENERGY = `
  INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?2, COALESCE(?4, 'node:' || nodes.id), 'node:' || nodes.id, 'energy',
         json_object('energyMillijoules', SUM(late.value ->> 2)),
         json_object('energyMillijoules', SUM(late.value ->> 3), 'hours', COUNT(*)),
         MIN(late.value ->> 4), MAX(late.value ->> 4) + ${HOUR_MS}, COALESCE(?5, IIF(?4 IS NULL, 'reported after the hour had settled', NULL)) ${STILL_STANDS}
  HAVING COUNT(*) > 0`;

/**
 * One statement for all hours (more where they are over a megabyte). Hours that had settled are kept as they were, and
 * logged, in the same transaction.
 * @param author who vouches for it; null: the node itself
 * @returns keys that were written; a key that is missing lost a race with another request and wants to be merged again
 */
export async function writeHours(
  db: D1Database,
  nodeNumber: number,
  writes: readonly HourWrite[],
  receivedAtMs: number,
  author: Author | null,
): Promise<Set<number>> {
  if (writes.length === 0) return new Set();
  const late = writes.flatMap(({ key, readVersion, oldLedger, ledger }) => {
    const { hourStartMs } = parseNodeHourKey(key);
    return isSettled(hourStartMs, receivedAtMs)
      ? [
          [
            key,
            readVersion,
            energyOfHour(oldLedger),
            energyOfHour(ledger),
            hourStartMs,
            oldHex(readVersion, oldLedger),
          ],
        ]
      : [];
  });
  const json = JSON.stringify(late);
  const keep = [
    db.prepare(KEEP_HOURS).bind(json, receivedAtMs, nodeNumber),
    db.prepare(LOG_ENERGY).bind(json, receivedAtMs, nodeNumber, author?.who ?? null, author?.why ?? null),
  ];
  const write = jsonChunks(writes.map(hourToJson)).map((chunk) =>
    db.prepare(WRITE_HOURS).bind(chunk, receivedAtMs),
  );
  const hourStartsMs = writes.map(({ key }) => parseNodeHourKey(key).hourStartMs);
  const answers = await db.batch<{ key: number }>([
    ...(late.length === 0 ? [] : keep),
    ...noteJobs(db, writes),
    ...write,
    ...markLateHours(db, hourStartsMs, receivedAtMs),
    ...markLateReports(db, nodeNumber, hourStartsMs, receivedAtMs),
  ]);
  return new Set(answers.flatMap(({ results }) => results.map(({ key }) => key)));
}

/** Null where there is a row to copy it from, and where nothing was reported. */
function oldHex(readVersion: number, oldLedger: HourLedger): string | null {
  return readVersion > 0 || oldLedger.windows.every((epochs) => epochs.length === 0)
    ? null
    : toHex(encodeHour(oldLedger));
}

export function hourToJson({ key, readVersion, ledger, series }: HourWrite): string {
  const columns = Object.fromEntries([...series].map(([window, frame]) => [`series${window}`, toHex(frame)]));
  return JSON.stringify({ key, version: readVersion + 1, ledger: toHex(encodeHour(ledger)), ...columns });
}
