/** Days of nodes and jobs: a row holds 64 nodes whose numbers follow each other. */
import {
  decodeOwnerHours,
  decodeOwnerSums,
  type EncodedRecord,
  encodedRecords,
  encodeOwnerDays,
  ownersIn,
} from '../../shared/rollup/owner-codec.ts';
import type { OwnerDay, OwnerKey, OwnerSums } from '../../shared/rollup/owner-sums.ts';
import {
  type BlockDays,
  MAX_ROW_BYTES,
  readPages,
  readRows,
  type StoredRow,
  writeRows,
} from './rollup-day-rows.ts';
import type { TakenMarks } from './rollup-sums.ts';

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

/** A row hour by hour, which is long once it is decoded: record by record. */
export interface OwnerRow {
  readonly owners: readonly OwnerKey[];
  readonly records: () => Generator<OwnerDay>;
}

/** What all owners had on a day hour by hour. */
export async function readOwnerRows(
  db: D1Database,
  day: number,
  blocks: readonly number[],
): Promise<OwnerRow[]> {
  const all: OwnerRow[] = [];
  for await (const rows of readPages(db, 'hours', [{ day, blocks }]))
    for (const { bytes } of rows)
      all.push({ owners: ownersIn(bytes), records: () => decodeOwnerHours(bytes, () => true) });
  return all;
}

/** One block's day as it stands, and its rows. */
export async function readBlockDay(
  db: D1Database,
  day: number,
  block: number,
): Promise<{ readonly records: readonly EncodedRecord[]; readonly rows: readonly StoredRow[] }> {
  const rows = await readRows(db, day, block);
  return { records: rows.flatMap(encodedRecords), rows };
}

/**
 * Statements for the batch that takes the marks.
 * @param records by node number
 * @param before its rows as they stood
 */
export function writeOwnerDays(
  db: D1Database,
  taken: TakenMarks,
  block: number,
  records: readonly EncodedRecord[],
  before: readonly StoredRow[],
): Promise<D1PreparedStatement[]> {
  return writeRows(db, taken, block, encodeOwnerDays(records, MAX_ROW_BYTES), before);
}
