/** Days of labels of jobs over all nodes: among the rows of a day the last. */
import {
  decodeLabelHours,
  decodeLabelSums,
  type EncodedLabel,
  encodedLabels,
  encodeLabelRows,
  type IsLabelWanted,
} from '../../shared/rollup/label-codec.ts';
import type { LabelDay, LabelKey, LabelSums, LabelTable } from '../../shared/rollup/label-sums.ts';
import { MAX_ROW_BYTES, readPages, readRows, type StoredRow, writeRows } from './rollup-day-rows.ts';
import { labelBlock } from './rollup-keys.ts';
import type { TakenMarks } from './rollup-sums.ts';

const rowsOf = (days: readonly number[], tables: readonly LabelTable[]) =>
  days.map((day) => ({ day, blocks: tables.map(labelBlock) }));

export interface LabelDaySums extends LabelKey {
  readonly day: number;
  /** By quarter of an hour. */
  readonly sums: LabelSums;
}

/** What labels had of whole days, in pages; a day ends before the next begins. */
export async function* readLabelDays(
  db: D1Database,
  days: readonly number[],
  tables: readonly LabelTable[],
  isWanted: IsLabelWanted,
): AsyncGenerator<LabelDaySums[]> {
  for await (const rows of readPages(db, 'sums', rowsOf(days, tables)))
    yield rows.flatMap(({ day, bytes }) =>
      [...decodeLabelSums(bytes, isWanted)].map((record) => ({ ...record, day })),
    );
}

/** The same hour by hour. */
export async function* readLabelHours(
  db: D1Database,
  days: readonly number[],
  tables: readonly LabelTable[],
  isWanted: IsLabelWanted,
): AsyncGenerator<(LabelDay & { readonly day: number })[]> {
  for await (const rows of readPages(db, 'hours', rowsOf(days, tables)))
    yield rows.flatMap(({ day, bytes }) =>
      [...decodeLabelHours(bytes, isWanted)].map((record) => ({ ...record, day })),
    );
}

/** One table's day as it stands, and its rows. */
export async function readLabelDay(
  db: D1Database,
  day: number,
  table: LabelTable,
): Promise<{ readonly labels: readonly EncodedLabel[]; readonly rows: readonly StoredRow[] }> {
  const rows = await readRows(db, day, labelBlock(table));
  return { labels: rows.flatMap(encodedLabels), rows };
}

/**
 * @param labels by name
 * @param before its rows as they stood
 * @param isMoved whether hours of that day are in the bucket
 */
export async function writeLabelDay(
  db: D1Database,
  taken: TakenMarks,
  table: LabelTable,
  labels: readonly EncodedLabel[],
  before: readonly StoredRow[],
  isMoved: boolean,
): Promise<D1PreparedStatement[]> {
  if (labels.length === 0 && before.length === 0) return [];
  return writeRows(db, taken, labelBlock(table), encodeLabelRows(labels, MAX_ROW_BYTES), before, isMoved);
}
