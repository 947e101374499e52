/**
 * Days of the ledger whose series have left: a node's hours in one row of `node_days`, and later in a file of the bucket. Whoever
 * reads hours finds them in any; one that has a row in `node_hours` as well counts as it is there, and one in `node_days`
 * before what the file holds.
 */
import { type DayLedger, decodeDay, encodeDay, hoursIn } from '../../shared/ledger/day-codec.ts';
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import { epochMs } from '../../shared/units.ts';
import { type DayFileRow, FILE_COLUMNS, FiledDays, fileSpans } from './day-files.ts';
import { fromHex, toHex } from './hex.ts';
import { jsonChunks } from './json-chunks.ts';
import { spansJson, within } from './key-spans.ts';
import { parseNodeHourKey } from './node-hour-key.ts';
import type { KeySpan, NodeHour } from './node-hours.ts';
import { NODES_PER_SHARD } from './shards.ts';

const DAYS = 2 ** 15;

export const nodeDayKey = (nodeNumber: number, day: number): number => nodeNumber * DAYS + day;

/** SQL: the key of the day that an hour with this key is of. */
export const dayKeyOfHour = (hourKey: string): string =>
  `((${hourKey} >> 21) << 15) + (${hourKey} & ${2 ** 21 - 1}) / 24`;

interface DayRow {
  readonly key: number;
  readonly receivedAtMs: number;
  readonly mark: number;
  /** Of `hours`; where it is a file, of `places`. */
  readonly hex: string;
}

const READ_DAYS = `
  SELECT days.key AS key, days.received_at_ms AS receivedAtMs, days.mark AS mark, hex(days.hours) AS hex
  FROM json_each(?1) AS span
  CROSS JOIN node_days AS days ON days.key >= span.value ->> 0 AND days.key < span.value ->> 1`;

/** One statement, so that no day moves in between. What is a file has no `receivedAtMs`. */
const READ_DAYS_AND_FILES = `
  SELECT key, receivedAtMs, mark, hex FROM (${READ_DAYS} LIMIT ?3)
  UNION ALL
  SELECT key, NULL, mark, hex FROM (
    SELECT ${FILE_COLUMNS} FROM json_each(?2) AS span
    CROSS JOIN day_files AS files ON files.key >= span.value ->> 0 AND files.key < span.value ->> 1)`;

/**
 * Rows for `DaysReader`.
 * @param spans of keys of `node_hours`, each of one node
 * @param most days that have rows: the first of the spans; all where it is not given
 */
export function selectDays(db: D1Database, spans: readonly KeySpan[], most = -1): D1PreparedStatement {
  return db.prepare(READ_DAYS_AND_FILES).bind(daySpans(spans), spansJson(fileSpans(spans)), most);
}

/** JSON of the keys of `node_days`. */
function daySpans(spans: readonly KeySpan[]): string {
  const days: { first: number; end: number }[] = [];
  for (const { first, end } of spans) {
    const from = dayOfHour(first);
    const to = dayOfHour(end - 1) + 1;
    const last = days.at(-1);
    // Spans that follow each other may cut a day.
    if (last !== undefined && from >= last.first && from <= last.end) last.end = Math.max(last.end, to);
    else days.push({ first: from, end: to });
  }
  return spansJson(days);
}

/** The key of its day. @param hourKey of `node_hours` */
export function dayOfHour(hourKey: number): number {
  const { nodeNumber, hourStartMs } = parseNodeHourKey(hourKey);
  return nodeDayKey(nodeNumber, Math.floor(hourStartMs / DAY_MS));
}

/** Hours of days, as one reader comes past them. */
export class DaysReader {
  readonly #filed: FiledDays;

  /** @param spans all that the reader is going to ask for, in order; of keys of `node_hours`, each of one node */
  constructor(db: D1Database, spans: readonly KeySpan[]) {
    this.#filed = new FiledDays(db, spans);
  }

  /** Of two of one hour the later counts. @param rows of `selectDays` of these spans, and of others */
  async hoursOf(rows: readonly unknown[], spans: readonly KeySpan[]): Promise<NodeHour[]> {
    const all = rows as readonly (DayRow | (DayFileRow & { readonly receivedAtMs: null }))[];
    const files = all.filter(({ receivedAtMs }) => receivedAtMs === null);
    const days = all.filter(({ receivedAtMs }) => receivedAtMs !== null) as readonly DayRow[];
    const filed = files.length === 0 ? [] : await this.#filed.hoursOf(files, spans);
    const isAsked = within(spans);
    const nodes = new Set(spans.map(({ first }) => parseNodeHourKey(first).nodeNumber));
    // A day is decoded whole, and most of it let go again before the next.
    return [
      ...filed,
      ...days.flatMap((row) => (nodes.has(Math.floor(row.key / DAYS)) ? toHours(row).filter(isAsked) : [])),
    ];
  }
}

function toHours({ key, receivedAtMs, hex }: DayRow): NodeHour[] {
  const nodeNumber = Math.floor(key / DAYS);
  const dayStartMs = (key % DAYS) * DAY_MS;
  return [...decodeDay(fromHex(hex))].map(([hour, ledger]) => ({
    nodeNumber,
    hourStartMs: epochMs(dayStartMs + hour * HOUR_MS),
    receivedAtMs: epochMs(receivedAtMs),
    ledger,
  }));
}

/** A day as it was read: it is written only while it still stands so. */
export interface StoredDay {
  readonly nodeNumber: number;
  /** Whole days since 1970. */
  readonly day: number;
  readonly receivedAtMs: number;
  readonly mark: number;
  readonly hours: DayLedger;
  /** Of the hours as they are stored. */
  readonly bytes: number;
}

/** Days that have rows. */
export async function readDays(db: D1Database, spans: readonly KeySpan[]): Promise<StoredDay[]> {
  const { results } = await db.prepare(READ_DAYS).bind(daySpans(spans)).all<DayRow>();
  return results.map(({ key, receivedAtMs, mark, hex }) => ({
    nodeNumber: Math.floor(key / DAYS),
    day: key % DAYS,
    receivedAtMs,
    mark,
    hours: decodeDay(fromHex(hex)),
    bytes: hex.length / 2,
  }));
}

/** A day whose hours have left by their age does not come back by a run that read it before. */
const FIRST_TIME = `
  INSERT INTO node_days (key, received_at_ms, mark, hours)
  SELECT value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 3) FROM json_each(?1)
  WHERE NOT EXISTS (SELECT 1 FROM retention_tasks AS gone
    WHERE gone.task = 'hours' AND (gone.day > (value ->> 0 & ${DAYS - 1})
      OR (gone.day = (value ->> 0 & ${DAYS - 1}) AND gone.position > (value ->> 0 >> 15 & ${NODES_PER_SHARD - 1}))))
  ON CONFLICT (key) DO NOTHING`;

const DELETE_MARKED = `
  DELETE FROM node_days WHERE key IN (
    SELECT days.key FROM json_each(?1) AS day
    CROSS JOIN node_days AS days ON days.key = day.value ->> 0 AND days.mark = day.value ->> 1)`;

const AGAIN = `
  UPDATE node_days SET received_at_ms = day.value ->> 1, mark = day.value ->> 2, hours = unhex(day.value ->> 3)
  FROM json_each(?1) AS day
  WHERE node_days.key = day.value ->> 0 AND node_days.mark = day.value ->> 4`;

/**
 * Days that have become shorter, written anew: a row that shrinks where it stands would keep a page for itself, one that comes
 * new shares it with the day before. Two rows written per day; none where another run has written it since it was read.
 */
export function shortenDays(db: D1Database, writes: readonly DayWrite[]): D1PreparedStatement[] {
  const marks = JSON.stringify(
    writes.map(({ day: { nodeNumber, day }, before }) => [nodeDayKey(nodeNumber, day), before]),
  );
  return [
    db.prepare(DELETE_MARKED).bind(marks),
    ...writeDays(
      db,
      writes.map((write) => ({ ...write, before: null })),
    ),
  ];
}

/** A day as it is to be. */
export interface DayWrite {
  readonly day: Omit<StoredDay, 'mark' | 'bytes'>;
  /** Its mark as it was read; null: it had no row. */
  readonly before: number | null;
  /** As `newMark` gave it. */
  readonly mark: number;
}

/** No two writes of a day have the same. */
export const newMark = (): number => crypto.getRandomValues(new Uint32Array(1))[0]!;

/** One row written per day; none where another run has written it since it was read. */
export function writeDays(db: D1Database, writes: readonly DayWrite[]): D1PreparedStatement[] {
  const statements = (sql: string, some: readonly DayWrite[]) =>
    jsonChunks(some.map(toJson)).map((chunk) => db.prepare(sql).bind(chunk));
  return [
    ...statements(
      FIRST_TIME,
      writes.filter(({ before }) => before === null),
    ),
    ...statements(
      AGAIN,
      writes.filter(({ before }) => before !== null),
    ),
  ];
}

const toJson = ({ day: { nodeNumber, day, receivedAtMs, hours }, before, mark }: DayWrite): string =>
  JSON.stringify([nodeDayKey(nodeNumber, day), receivedAtMs, mark, toHex(encodeDay(hours)), before]);

const COUNT_HOURS = `
  SELECT hex(substr(hours, 1, 16)) AS startHex FROM node_days
  WHERE key IN (SELECT value FROM json_each(?1)) AND received_at_ms <= ?2`;

/** Hours in the day of these nodes. @param nodes numbers */
export async function countDayHours(
  db: D1Database,
  nodes: KeySpan,
  day: number,
  unchangedSinceMs: number,
): Promise<number> {
  const { results } = await db
    .prepare(COUNT_HOURS)
    .bind(keysOf(nodes, day), unchangedSinceMs)
    .all<{ startHex: string }>();
  return results.reduce((sum, { startHex }) => sum + hoursIn(fromHex(startHex)), 0);
}

/** One row written per day. @param nodes numbers */
export function deleteDays(
  db: D1Database,
  nodes: KeySpan,
  day: number,
  unchangedSinceMs: number,
): D1PreparedStatement {
  return db
    .prepare('DELETE FROM node_days WHERE key IN (SELECT value FROM json_each(?1)) AND received_at_ms <= ?2')
    .bind(keysOf(nodes, day), unchangedSinceMs);
}

const keysOf = ({ first, end }: KeySpan, day: number) =>
  JSON.stringify(Array.from({ length: end - first }, (_, place) => nodeDayKey(first + place, day)));

/** Later than any hour. */
export const NO_HOUR = 2 ** 21;

/** SQL over `nodes`: hours since 1970 to the oldest hour of node `number`; it stands first among its keys. `NO_HOUR` where there is none. */
export const OLDEST_HOUR = `MIN(
  COALESCE((SELECT key - (number << 21) FROM node_hours WHERE key >= number << 21 AND key < (number + 1) << 21 ORDER BY key LIMIT 1), ${NO_HOUR}),
  COALESCE((SELECT (key - (number << 15)) * 24 FROM node_days WHERE key >= number << 15 AND key < (number + 1) << 15 ORDER BY key LIMIT 1), ${NO_HOUR}),
  COALESCE(first_filed_day * 24, ${NO_HOUR}))`;
