/** Days of nodes and jobs: a row holds 64 nodes whose numbers follow each other. */
import {
  decodeOwnerHours,
  decodeOwnerSums,
  type EncodedRecord,
  encodedRecords,
  encodeOwnerDays,
} from '../../shared/rollup/owner-codec.ts';
import type { OwnerDay, OwnerKey, OwnerSums } from '../../shared/rollup/owner-sums.ts';
import { fromHex, toHex } from './hex.ts';
import { jsonChunks } from './json-chunks.ts';
import { blockDayKey, dayOfBlockDayKey, endOfBlockDay } from './rollup-keys.ts';
import { STILL_MARKED, seenOf, type TakenMarks } from './rollup-sums.ts';

/** Of one row: D1 takes a value of 2 MB, and both columns are sent in hex as one. */
const MAX_ROW_BYTES = 300_000;
/** Rows of one page of the answer: some 2 MB in hex. */
const PAGE_ROWS = { sums: 32, hours: 8 };

const READ_HOURS = `
  SELECT days.key AS key, hex(days.hours) AS hex
  FROM json_each(?1) AS span
  CROSS JOIN rollup_node_days AS days ON days.key >= span.value ->> 0 AND days.key < span.value ->> 1
  ORDER BY days.key`;
const READ_SUMS = READ_HOURS.replace('days.hours', 'days.sums');

/** Blocks of one day. */
export interface BlockDays {
  readonly day: number;
  readonly blocks: readonly number[];
}

interface Row {
  readonly key: number;
  readonly hex: string;
}

async function* readPages(db: D1Database, column: 'sums' | 'hours', days: readonly BlockDays[]) {
  const pairs = days.flatMap(({ day, blocks }) =>
    blocks.map((block) => [blockDayKey(day, block), endOfBlockDay(day, block)]),
  );
  const size = PAGE_ROWS[column];
  for (let i = 0; i < pairs.length; i += size) {
    const { results } = await db
      .prepare(column === 'sums' ? READ_SUMS : READ_HOURS)
      .bind(JSON.stringify(pairs.slice(i, i + size)))
      .all<Row>();
    yield results.map(({ key, hex }) => ({ day: dayOfBlockDayKey(key), bytes: fromHex(hex) }));
  }
}

export interface OwnerDaySums extends OwnerKey {
  readonly day: number;
  /** By quarter of an hour. */
  readonly sums: OwnerSums;
}

/** What owners had of whole days, in pages; a day ends before the next begins. */
export async function* readOwnerDays(
  db: D1Database,
  days: readonly BlockDays[],
  isWanted: (key: OwnerKey) => boolean,
): AsyncGenerator<OwnerDaySums[]> {
  for await (const rows of readPages(db, 'sums', days))
    yield rows.flatMap(({ day, bytes }) =>
      [...decodeOwnerSums(bytes, isWanted)].map((record) => ({ day, ...record })),
    );
}

/** The same hour by hour. */
export async function* readOwnerHours(
  db: D1Database,
  days: readonly BlockDays[],
  isWanted: (key: OwnerKey) => boolean,
): AsyncGenerator<(OwnerDay & { readonly day: number })[]> {
  for await (const rows of readPages(db, 'hours', days))
    yield rows.flatMap(({ day, bytes }) =>
      [...decodeOwnerHours(bytes, isWanted)].map((record) => ({ day, ...record })),
    );
}

const WRITE = `
  INSERT INTO rollup_node_days (key, sums, hours)
  SELECT value ->> 0, unhex(value ->> 1), unhex(value ->> 2) FROM json_each(?1) WHERE ${STILL_MARKED}
  ON CONFLICT (key) DO UPDATE SET sums = excluded.sums, hours = excluded.hours WHERE hours <> excluded.hours`;

const DROP = `DELETE FROM rollup_node_days WHERE key >= ?1 AND key < ?3 AND ${STILL_MARKED}`;

const READ_BLOCK = `
  SELECT hex(sums) AS sums, hex(hours) AS hours FROM rollup_node_days WHERE key >= ?1 AND key < ?2 ORDER BY key`;

/** One block's day as it stands, and in how many rows. */
export async function readBlockDay(
  db: D1Database,
  day: number,
  block: number,
): Promise<{ readonly records: readonly EncodedRecord[]; readonly rows: number }> {
  const { results } = await db
    .prepare(READ_BLOCK)
    .bind(blockDayKey(day, block), endOfBlockDay(day, block))
    .all<{ sums: string; hours: string }>();
  const records = results.flatMap(({ sums, hours }) =>
    encodedRecords({ sums: fromHex(sums), hours: fromHex(hours) }),
  );
  return { records, rows: results.length };
}

/**
 * Statements for the batch that takes the marks: the day of one block as it stands now.
 * @param records by node number
 * @param before in how many rows it stood
 */
export function writeOwnerDays(
  db: D1Database,
  taken: TakenMarks,
  block: number,
  records: readonly EncodedRecord[],
  before: number,
): D1PreparedStatement[] {
  const { day } = taken.marks[0]!;
  const days = encodeOwnerDays(records, MAX_ROW_BYTES);
  const rows = days.map(({ sums, hours }, part) =>
    JSON.stringify([blockDayKey(day, block, part), toHex(sums), toHex(hours)]),
  );
  const drop = () =>
    db.prepare(DROP).bind(blockDayKey(day, block, days.length), seenOf(taken), endOfBlockDay(day, block));
  return [
    ...jsonChunks(rows).map((chunk) => db.prepare(WRITE).bind(chunk, seenOf(taken))),
    ...(days.length < before ? [drop()] : []),
  ];
}
