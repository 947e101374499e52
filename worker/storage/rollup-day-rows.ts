/**
 * Rows of a day, each with two columns: `sums` for a reader of days, and `hours`, for one that cuts days and for who sums an hour
 * again. Of old days the hours lie in the bucket, where there is one, in an object that the row names and that is never written again.
 */
import type { EncodedDay } from '../../shared/rollup/day-rows.ts';
import { needAttic } from './attic.ts';
import { fromHex, toHex } from './hex.ts';
import { jsonChunks } from './json-chunks.ts';
import { newMark } from './node-days.ts';
import { blockDayKey, dayOfBlockDayKey, endOfBlockDay } from './rollup-keys.ts';
import { nameOf, noteReplaced } from './rollup-objects.ts';
import { STILL_MARKED, seenOf, type TakenMarks } from './rollup-sums.ts';

/** Of one row: D1 takes a value of 2 MB, and both columns are sent in hex as one. */
export const MAX_ROW_BYTES = 300_000;
/** Rows of one page of the answer: some 2 MB in hex. */
const PAGE_ROWS = { sums: 32, hours: 8 };

const READ_HOURS = `
  SELECT days.key AS key, days.mark AS mark, hex(days.hours) AS hex
  FROM json_each(?1) AS span
  CROSS JOIN rollup_node_days AS days ON days.key >= span.value ->> 0 AND days.key < span.value ->> 1
  ORDER BY days.key`;
const READ_SUMS = READ_HOURS.replace('days.mark', 'NULL').replace('days.hours', 'days.sums');

/** Blocks of one day. */
export interface BlockDays {
  readonly day: number;
  readonly blocks: readonly number[];
}

interface Row {
  readonly key: number;
  /** Null where `hex` is what is asked for. */
  readonly mark: number | null;
  readonly hex: string;
}

async function bytesOf(db: D1Database, { key, mark, hex }: Row): Promise<Uint8Array> {
  return mark === null ? fromHex(hex) : needAttic(db).readWhole(nameOf({ key, mark }));
}

/** One column of these rows, in pages; a day ends before the next begins. */
export async function* readPages(db: D1Database, column: 'sums' | 'hours', days: readonly BlockDays[]) {
  const pairs = days.flatMap(({ day, blocks }) =>
    blocks.map((block) => [blockDayKey(day, block), endOfBlockDay(day, block)]),
  );
  const size = PAGE_ROWS[column];
  for (let i = 0; i < pairs.length; i += size) {
    const { results } = await db
      .prepare(column === 'sums' ? READ_SUMS : READ_HOURS)
      .bind(JSON.stringify(pairs.slice(i, i + size)))
      .all<Row>();
    const bytes = await Promise.all(results.map((row) => bytesOf(db, row)));
    yield results.map(({ key }, row) => ({ day: dayOfBlockDayKey(key), bytes: bytes[row]! }));
  }
}

const WRITE = `
  INSERT INTO rollup_node_days (key, sums, hours, mark)
  SELECT value ->> 0, unhex(value ->> 1), unhex(value ->> 2), value ->> 3 FROM json_each(?1) WHERE ${STILL_MARKED}
  ON CONFLICT (key) DO UPDATE SET sums = excluded.sums, hours = excluded.hours, mark = excluded.mark
  WHERE hours <> excluded.hours OR mark IS NOT excluded.mark`;

const DROP = `DELETE FROM rollup_node_days WHERE key >= ?1 AND key < ?3 AND ${STILL_MARKED}`;

const READ_BLOCK = `
  SELECT key, hex(sums) AS sumsHex, mark, hex(hours) AS hex FROM rollup_node_days
  WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3`;

/** A row as it stands. */
export interface StoredRow extends EncodedDay {
  /** Of the object in the bucket that holds its hours; null: they are here. */
  readonly mark: number | null;
}

const isInBucket = ({ mark }: StoredRow): boolean => mark !== null;

/** One block's day as it stands; some rows at once, since both columns come. */
export async function readRows(db: D1Database, day: number, block: number): Promise<StoredRow[]> {
  const end = endOfBlockDay(day, block);
  const rows: StoredRow[] = [];
  for (let first = blockDayKey(day, block); first < end; ) {
    const { results } = await db
      .prepare(READ_BLOCK)
      .bind(first, end, PAGE_ROWS.hours)
      .all<Row & { sumsHex: string }>();
    const read = results.map(
      async (row): Promise<StoredRow> => ({
        sums: fromHex(row.sumsHex),
        hours: await bytesOf(db, row),
        mark: row.mark,
      }),
    );
    rows.push(...(await Promise.all(read)));
    if (results.length < PAGE_ROWS.hours) break;
    first = results.at(-1)!.key + 1;
  }
  return rows;
}

/** Whether hours of the day's first row are in the bucket. */
export async function isDayMoved(db: D1Database, day: number): Promise<boolean> {
  const row = await db
    .prepare('SELECT mark FROM rollup_node_days WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT 1')
    .bind(blockDayKey(day, 0), blockDayKey(day + 1, 0))
    .first<{ mark: number | null }>();
  return row !== null && row.mark !== null;
}

/**
 * Statements for the batch that takes the marks: the day of one block as it is now. Where its hours are in the bucket, they go
 * there again, and count with that batch.
 * @param before its rows as they stood
 */
export async function writeRows(
  db: D1Database,
  taken: TakenMarks,
  block: number,
  days: readonly EncodedDay[],
  before: readonly StoredRow[],
  isMoved = before.some(isInBucket),
): Promise<D1PreparedStatement[]> {
  const { day } = taken.marks[0]!;
  const rows: string[] = [];
  const kept: number[] = [];
  for (const [part, { sums, hours }] of days.entries()) {
    const key = blockDayKey(day, block, part);
    const stored = before[part];
    if (!isMoved) rows.push(JSON.stringify([key, toHex(sums), toHex(hours), null]));
    else if (stored === undefined || stored.mark === null || toHex(stored.hours) !== toHex(hours))
      rows.push(JSON.stringify([key, toHex(sums), '', await putHours(db, key, hours)]));
    else kept.push(key);
  }
  const drop = () =>
    db.prepare(DROP).bind(blockDayKey(day, block) + days.length, seenOf(taken), endOfBlockDay(day, block));
  return [
    ...(before.some(isInBucket) ? [noteReplaced(db, taken, block, kept)] : []),
    ...jsonChunks(rows).map((chunk) => db.prepare(WRITE).bind(chunk, seenOf(taken))),
    ...(days.length < before.length ? [drop()] : []),
  ];
}

/** @returns the mark that names them */
async function putHours(db: D1Database, key: number, hours: Uint8Array): Promise<number> {
  const mark = newMark();
  await needAttic(db).write(nameOf({ key, mark }), hours);
  return mark;
}

const READ_TO_MOVE = `
  SELECT key, mark, hex(hours) AS hex FROM rollup_node_days WHERE key >= ?1 AND key < ?2 AND mark IS NULL`;

const MOVE = `
  UPDATE rollup_node_days SET hours = x'', mark = ?2 WHERE key = ?1 AND mark IS NULL AND hours = unhex(?3)`;

/** Puts hours of a block's day into the bucket. @returns statements that let go of them here, where they still stand so: a row each */
export async function moveHours(
  db: D1Database,
  day: number,
  block: number,
): Promise<{ readonly bytes: number; readonly statements: readonly D1PreparedStatement[] }> {
  const { results } = await db
    .prepare(READ_TO_MOVE)
    .bind(blockDayKey(day, block), endOfBlockDay(day, block))
    .all<Row>();
  let bytes = 0;
  const statements: D1PreparedStatement[] = [];
  for (const { key, hex } of results) {
    const mark = await putHours(db, key, fromHex(hex));
    bytes += hex.length / 2;
    statements.push(db.prepare(MOVE).bind(key, mark, hex));
  }
  return { bytes, statements };
}
