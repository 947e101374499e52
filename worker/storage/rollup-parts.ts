/** An hour of a block that is summed in parts: how far it is stands with its mark. */
import { decodeBlock, encodeBlock } from '../../shared/rollup/codec.ts';
import type { HourSums } from '../../shared/rollup/hour-sums.ts';
import { HOUR_MS, HOURS_PER_DAY } from '../../shared/time/window.ts';
import { fromHex, toHex } from './hex.ts';
import { dayKeyOfHour } from './node-days.ts';
import { nodeHourKey, parseNodeHourKey } from './node-hour-key.ts';
import { STILL_MARKED, seenOf, type TakenMarks } from './rollup-sums.ts';

export interface PartOfHour {
  /** Since 1970. */
  readonly hour: number;
  /** Of the block: those at places before it are summed. */
  readonly nodes: number;
  /** Their sums, by number of the group. */
  readonly sums: ReadonlyMap<number, HourSums>;
}

const READ_PART = `
  SELECT part_hour AS hour, part_nodes AS nodes, hex(part_sums) AS sumsHex
  FROM rollup_marks WHERE key = ?1 AND nonce = ?2 AND part_hour IS NOT NULL`;

/** Null where none of its hours was begun, or it has changed since. */
export async function readPart(
  db: D1Database,
  { key, nonce, day }: { readonly key: number; readonly nonce: string; readonly day: number },
): Promise<PartOfHour | null> {
  const row = await db
    .prepare(READ_PART)
    .bind(key, nonce)
    .first<{ hour: number; nodes: number; sumsHex: string }>();
  if (row === null) return null;
  const { hour, nodes, sumsHex } = row;
  return { hour: day * HOURS_PER_DAY + hour, nodes, sums: decodeBlock(fromHex(sumsHex)) };
}

/** With another nonce: a run that read the mark before must not write after. */
const KEEP_PART = `
  UPDATE rollup_marks SET part_hour = ?1 ->> 0, part_nodes = ?1 ->> 1, part_sums = unhex(?1 ->> 2),
                          nonce = hex(randomblob(8))
  WHERE key = (?1 ->> 3) AND ${STILL_MARKED}`;

/** Commits what was summed of an hour so far. Nothing where another run was faster. */
export async function keepPart(
  db: D1Database,
  taken: TakenMarks,
  { hour, nodes, sums }: PartOfHour,
  others: readonly D1PreparedStatement[],
): Promise<void> {
  const part = [hour % HOURS_PER_DAY, nodes, toHex(encodeBlock(sums)), taken.marks[0]!.key];
  await db.batch([...others, db.prepare(KEEP_PART).bind(JSON.stringify(part), seenOf(taken))]);
}

/** Of the work of an hour a third is its decoding, and a day is decoded whole for one of its hours. */
const DECODING = 1 / 3;

const READ_BYTES = `
  SELECT node.value AS key,
         COALESCE(length(hours.ledger), 0) + COALESCE(length(days.hours), 0) * ${DECODING} AS bytes
  FROM json_each(?1) AS node
  LEFT JOIN node_hours AS hours ON hours.key = node.value
  LEFT JOIN node_days AS days ON days.key = ${dayKeyOfHour('node.value')}`;

/** By number of the node, the bytes of an hour that take as long to sum as this one; 0 where neither it nor its day has a row. */
export async function readLedgerBytes(
  db: D1Database,
  nodeNumbers: readonly number[],
  hour: number,
): Promise<ReadonlyMap<number, number>> {
  const keys = nodeNumbers.map((number) => nodeHourKey(number, hour * HOUR_MS));
  const { results } = await db
    .prepare(READ_BYTES)
    .bind(JSON.stringify(keys))
    .all<{ key: number; bytes: number }>();
  return new Map(results.map(({ key, bytes }) => [parseNodeHourKey(key).nodeNumber, bytes]));
}
