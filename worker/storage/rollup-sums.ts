/** The sums themselves: of blocks of nodes by hour, and of all of them by group and day. */
import { decodeBlock, decodeDay, encodeBlock, encodeDay } from '../../shared/rollup/codec.ts';
import type { HourSums } from '../../shared/rollup/hour-sums.ts';
import type { RollupGroup } from '../../shared/rollup/roll-up.ts';
import { fromHex, toHex } from './hex.ts';
import { jsonChunks } from './json-chunks.ts';
import {
  blockKey,
  DAYS,
  dayKey,
  hourBits,
  hourOfBlockKey,
  MARKS_PER_DAY,
  markKey,
  parseDayKey,
  RANGE_MARK,
} from './rollup-keys.ts';
import { partHourWithout } from './rollup-marks.ts';
import type { RollupMark } from './rollup-state.ts';

export interface StoredGroup extends RollupGroup {
  readonly number: number;
  /** Since 1970, of which there are sums; null: of none yet. */
  readonly days: { readonly first: number; readonly last: number } | null;
}

/** Sites times models: tens of rows. For `parseGroups`. */
export const GROUPS_AS_JSON = `
  (SELECT json_group_array(json_array(number, site_id, gpu_model,
     (SELECT MIN(key) FROM rollup_days WHERE key >= number * ${DAYS} AND key < (number + 1) * ${DAYS}),
     (SELECT MAX(key) FROM rollup_days WHERE key >= number * ${DAYS} AND key < (number + 1) * ${DAYS})))
   FROM (SELECT * FROM rollup_groups ORDER BY number))`;

export async function readGroups(db: D1Database): Promise<StoredGroup[]> {
  return parseGroups(
    (await db.prepare(`SELECT ${GROUPS_AS_JSON} AS groups`).first<{ groups: string }>())!.groups,
  );
}

export const parseGroups = (json: string): StoredGroup[] =>
  (JSON.parse(json) as [number, string, string, number | null, number | null][]).map(
    ([number, siteId, gpuModel, firstKey, lastKey]) => ({
      number,
      days: firstKey === null ? null : { first: parseDayKey(firstKey).day, last: parseDayKey(lastKey!).day },
      siteId: siteId === '' ? null : siteId,
      gpuModel: gpuModel === '' ? null : gpuModel,
    }),
  );

const ADD_GROUPS = `
  INSERT INTO rollup_groups (site_id, gpu_model)
  SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING`;

/** Adds those that are missing. */
export async function registerGroups(db: D1Database, groups: readonly RollupGroup[]): Promise<void> {
  const rows = groups.map(({ siteId, gpuModel }) => [siteId ?? '', gpuModel ?? '']);
  if (rows.length > 0) await db.prepare(ADD_GROUPS).bind(JSON.stringify(rows)).run();
}

const READ_BLOCKS = `
  SELECT blocks.key AS key, hex(blocks.sums) AS sumsHex
  FROM json_each(?1) AS hour
  CROSS JOIN rollup_blocks AS blocks ON blocks.key >= hour.value ->> 0 AND blocks.key < hour.value ->> 1`;

/** By hour, the sums of each block of nodes that has any. */
export async function readBlocks(
  db: D1Database,
  hours: readonly number[],
): Promise<Map<number, ReadonlyMap<number, HourSums>[]>> {
  const { results } = await db
    .prepare(READ_BLOCKS)
    .bind(JSON.stringify(hours.map((hour) => [blockKey(hour, 0), blockKey(hour + 1, 0)])))
    .all<{ key: number; sumsHex: string }>();
  const byHour = new Map<number, ReadonlyMap<number, HourSums>[]>();
  for (const { key, sumsHex } of results) {
    const hour = hourOfBlockKey(key);
    byHour.set(hour, [...(byHour.get(hour) ?? []), decodeBlock(fromHex(sumsHex))]);
  }
  return byHour;
}

/** All of them or none: a mark that changed since it was read says that what was summed is not what is there. */
export const STILL_MARKED = `
  ((SELECT COUNT(*) FROM json_each(?2, '$.marks') AS seen
    JOIN rollup_marks ON rollup_marks.key = seen.value ->> 0 AND rollup_marks.nonce = seen.value ->> 1)
   = json_array_length(?2, '$.marks')
   AND (SELECT version FROM rollup_state WHERE id = 1) = COALESCE(?2 ->> 'version', (SELECT version FROM rollup_state WHERE id = 1)))`;

const WRITE_BLOCKS = `
  INSERT INTO rollup_blocks (key, sums)
  SELECT value ->> 0, unhex(value ->> 1) FROM json_each(?1) WHERE ${STILL_MARKED}
  ON CONFLICT (key) DO UPDATE SET sums = excluded.sums WHERE sums <> excluded.sums`;

const WRITE_DAYS = `
  INSERT INTO rollup_days (key, sums)
  SELECT value ->> 0, unhex(value ->> 1) FROM json_each(?1) WHERE ${STILL_MARKED}
  ON CONFLICT (key) DO UPDATE SET sums = excluded.sums WHERE sums <> excluded.sums`;

/**
 * What all blocks of the day come to, or what that is by label, is to be summed next. Whether there are sums by label is asked
 * here: another run may have begun with them since this one did.
 */
const MARK_NEXT = `
  INSERT INTO rollup_marks (key, hours, nonce)
  SELECT value ->> 0, value ->> 1, hex(randomblob(8)) FROM json_each(?1) WHERE ${STILL_MARKED}
    AND (value ->> 0 >= 0 OR EXISTS (SELECT 1 FROM rollup_state WHERE id = 1 AND labels_version IS NOT NULL))
  ON CONFLICT (key) DO UPDATE SET hours = hours | excluded.hours, nonce = excluded.nonce`;

/** With another nonce: a run that read the day before these hours were in it must not write it after. */
const TAKE_HOURS = `
  UPDATE rollup_marks SET hours = hours & ~(?1 + 0), nonce = hex(randomblob(8)), part_hour = ${partHourWithout('(?1 + 0)')},
    part_nodes = IIF(key % ${MARKS_PER_DAY} = ${RANGE_MARK}, NULL, part_nodes)
  WHERE ${STILL_MARKED}
    AND key IN (SELECT value ->> 0 FROM json_each(?2, '$.marks')) AND hours & ~(?1 + 0) <> 0`;

const TAKE_MARKS = `
  DELETE FROM rollup_marks WHERE ${STILL_MARKED}
    AND key IN (SELECT value ->> 0 FROM json_each(?2, '$.marks')) AND hours & ~(?1 + 0) = 0`;

/** The hour goes on with another block. */
const GO_ON = `
  UPDATE rollup_marks SET part_nodes = ?1 + 0, nonce = hex(randomblob(8))
  WHERE ${STILL_MARKED} AND key IN (SELECT value ->> 0 FROM json_each(?2, '$.marks'))`;

/** What a step works on: marks of one day that it has read, and which of their hours it has summed. */
export interface TakenMarks {
  readonly marks: readonly RollupMark[];
  readonly hours: readonly number[];
  /** Of a mark of all blocks that are not all done: with which its hour goes on. */
  readonly nextBlock?: number | null;
}

/** Of single blocks nothing is written once hours of all blocks were marked. */
export const seenOf = ({ marks }: TakenMarks): string =>
  JSON.stringify({
    marks: marks.map(({ key, nonce }) => [key, nonce]),
    version: typeof marks[0]!.block === 'number' ? marks[0]!.version : null,
  });

function bitsOf({ marks, hours }: TakenMarks): number {
  const { day } = marks[0]!;
  return hours.reduce((all, hour) => all | hourBits(day, hour, hour + 1), 0);
}

function takeMarks(db: D1Database, taken: TakenMarks): D1PreparedStatement[] {
  const { nextBlock = null } = taken;
  if (nextBlock !== null) return [db.prepare(GO_ON).bind(nextBlock, seenOf(taken))];
  // Deletes last: whether marks still stand is asked of all of them.
  return [TAKE_HOURS, TAKE_MARKS].map((sql) => db.prepare(sql).bind(bitsOf(taken), seenOf(taken)));
}

function markNext(db: D1Database, taken: TakenMarks, next: 'sum' | 'labels'): D1PreparedStatement {
  const mark = JSON.stringify([[markKey(taken.marks[0]!.day, next), bitsOf(taken)]]);
  return db.prepare(MARK_NEXT).bind(mark, seenOf(taken));
}

/**
 * Commits the sums of blocks, by hour and block, and marks the day's own sums. Nothing where another run was faster.
 * @param others statements that ask `STILL_MARKED` themselves
 */
export async function writeBlocks(
  db: D1Database,
  taken: TakenMarks,
  blocks: readonly {
    readonly hour: number;
    readonly block: number;
    readonly groups: ReadonlyMap<number, HourSums>;
  }[],
  others: readonly D1PreparedStatement[],
): Promise<void> {
  const rows = blocks.map(({ hour, block, groups }) =>
    JSON.stringify([blockKey(hour, block), toHex(encodeBlock(groups))]),
  );
  await db.batch([
    ...jsonChunks(rows).map((chunk) => db.prepare(WRITE_BLOCKS).bind(chunk, seenOf(taken))),
    ...others,
    markNext(db, taken, 'sum'),
    ...takeMarks(db, taken),
  ]);
}

const READ_DAYS = `
  SELECT days.key AS key, hex(days.sums) AS sumsHex
  FROM json_each(?1) AS span
  CROSS JOIN rollup_days AS days ON days.key >= span.value ->> 0 AND days.key < span.value ->> 1
  ORDER BY days.key`;

export interface DaySums {
  /** Number. */
  readonly group: number;
  readonly day: number;
  /** By hour of the day. */
  readonly hours: Map<number, HourSums>;
}

export interface StoredDay extends Pick<DaySums, 'group' | 'day'> {
  /** Decodes them, by hour of the day: ten times as long as they are stored. */
  readonly hours: () => DaySums['hours'];
}

/** Days `[firstDay, endDay)` of these groups. */
export async function readDays(
  db: D1Database,
  groups: readonly number[],
  firstDay: number,
  endDay: number,
): Promise<StoredDay[]> {
  const spans = groups.map((group) => [dayKey(group, firstDay), dayKey(group, endDay)]);
  const { results } = await db
    .prepare(READ_DAYS)
    .bind(JSON.stringify(spans))
    .all<{ key: number; sumsHex: string }>();
  return results.map(({ key, sumsHex }) => ({
    ...parseDayKey(key),
    hours: () => decodeDay(fromHex(sumsHex)),
  }));
}

/**
 * Commits days whose hours were summed anew. Nothing where another run was faster.
 * @param withLabels whether there is room for their sums by label, which are made next where they are kept
 */
export async function writeDays(
  db: D1Database,
  taken: TakenMarks,
  days: readonly DaySums[],
  withLabels: boolean,
): Promise<void> {
  const rows = days.map(({ group, day, hours }) =>
    JSON.stringify([dayKey(group, day), toHex(encodeDay(hours))]),
  );
  await db.batch([
    ...jsonChunks(rows).map((chunk) => db.prepare(WRITE_DAYS).bind(chunk, seenOf(taken))),
    ...(withLabels ? [markNext(db, taken, 'labels')] : []),
    ...takeMarks(db, taken),
  ]);
}

/** Commits what was made of hours, by statements that ask `STILL_MARKED` themselves. */
export async function commitTaken(
  db: D1Database,
  taken: TakenMarks,
  statements: readonly D1PreparedStatement[],
): Promise<void> {
  await db.batch([...statements, ...takeMarks(db, taken)]);
}

/** Blocks of hours before this one, whose hours of nodes have left: they are not summed again. */
export function deleteBlocks(db: D1Database, beforeHour: number): D1PreparedStatement {
  return db.prepare('DELETE FROM rollup_blocks WHERE key < ?1').bind(blockKey(beforeHour, 0));
}
