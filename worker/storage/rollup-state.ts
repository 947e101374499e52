/** How far the rollups are, and what is marked. */
import { ROLLUP_VERSION } from '../../shared/rollup/roll-up.ts';
import {
  dayOf,
  hourBits,
  hoursOf,
  MARKS_PER_DAY,
  type Marked,
  markKey,
  parseMarkKey,
  RANGE_MARK,
} from './rollup-keys.ts';
import { FIRST_HOUR, KEPT_FROM_HOUR, markAll, partHourWithout } from './rollup-marks.ts';

/** Hours since 1970. */
interface RollupProgress {
  readonly doneHour: number;
  readonly markedHour: number;
  readonly openToMs: number | null;
  readonly nextOpenToMs: number | null;
}

export interface RollupState extends RollupProgress {
  readonly version: number;
  /** Null before the first turn. */
  readonly madeWith: string | null;
  /** Hours before it have left: only their sums are there. */
  readonly keptFromHour: number;
  /** Null where no sums by label are kept. */
  readonly labelsVersion: number | null;
  /** 1 where they hold all days. */
  readonly areLabelsReady: 0 | 1;
}

/** A `RollupState`. */
export const STATE_COLUMNS = `
  version, done_hour AS doneHour, marked_hour AS markedHour, open_to_ms AS openToMs, next_open_to_ms AS nextOpenToMs,
  made_with AS madeWith, ${KEPT_FROM_HOUR} AS keptFromHour, labels_version AS labelsVersion, labels_ready AS areLabelsReady`;

const READ = `SELECT ${STATE_COLUMNS} FROM rollup_state WHERE id = 1`;

/** Null before the first start. */
export async function readRollupState(db: D1Database): Promise<RollupState | null> {
  return db.prepare(READ).first<RollupState>();
}

const BEGIN = `
  INSERT INTO rollup_state (id, version, done_hour, marked_hour)
  SELECT 1, 1, first.hour, first.hour FROM (SELECT (${FIRST_HOUR}) AS hour) AS first
  WHERE first.hour IS NOT NULL
  ON CONFLICT (id) DO NOTHING`;

/** Begins when the first node enrolled or, before that, reported: what it did not report is a figure too. Null without nodes. */
export async function beginRollups(db: D1Database): Promise<RollupState | null> {
  await db.prepare(BEGIN).run();
  return readRollupState(db);
}

/** All hours that are there are to be summed again, with this. */
export async function beginAnew(db: D1Database, madeWith: string, nowMs: number): Promise<void> {
  const note = db.prepare('UPDATE rollup_state SET made_with = ?1 WHERE id = 1').bind(madeWith);
  await db.batch([markAll(db, nowMs), note]);
}

const ADVANCE = `
  UPDATE rollup_state SET version = version + 1, done_hour = ?2, marked_hour = ?3, open_to_ms = ?4, next_open_to_ms = ?5
  WHERE id = 1 AND version = ?1 RETURNING version`;

/** Those of all blocks begin again at the first. */
const MARK_BLOCKS = `
  INSERT INTO rollup_marks (key, hours, nonce)
  SELECT (day.value ->> 0) + block.value, day.value ->> 1, hex(randomblob(8))
  FROM json_each(?1) AS day, json_each(?2) AS block
  WHERE EXISTS (SELECT 1 FROM rollup_state WHERE id = 1 AND version = ?3)
  ON CONFLICT (key) DO UPDATE SET hours = hours | excluded.hours, nonce = excluded.nonce,
    part_hour = ${partHourWithout('excluded.hours')},
    part_nodes = IIF(key % ${MARKS_PER_DAY} = ${RANGE_MARK}, NULL, part_nodes)`;

interface HoursToMark {
  readonly fromHour: number;
  readonly toHour: number;
  /** Each block by itself, so many of them, or all by one mark. */
  readonly blocks: number | 'range';
}

/**
 * Commits where the rollups stand, and marks the hours `[fromHour, toHour)`.
 * @returns false where another run was faster
 */
export async function advanceRollups(
  db: D1Database,
  { version }: RollupState,
  to: RollupProgress,
  mark: HoursToMark | null = null,
): Promise<boolean> {
  const advance = db.prepare(ADVANCE).bind(version, to.doneHour, to.markedHour, to.openToMs, to.nextOpenToMs);
  if (mark === null) return (await advance.all()).results.length > 0;
  const days: [number, number][] = [];
  for (let day = dayOf(mark.fromHour); day <= dayOf(mark.toHour - 1); day++)
    days.push([markKey(day, 0), hourBits(day, mark.fromHour, mark.toHour)]);
  const blocks =
    mark.blocks === 'range' ? [RANGE_MARK] : Array.from({ length: mark.blocks }, (_, block) => block);
  const marks = db.prepare(MARK_BLOCKS).bind(JSON.stringify(days), JSON.stringify(blocks), version);
  return (await db.batch([marks, advance])).at(-1)!.results.length > 0;
}

export interface RollupMark {
  readonly key: number;
  readonly day: number;
  readonly block: Marked;
  readonly hours: number;
  readonly nonce: string;
  /** Of all blocks: those before it are in for the first of the hours. */
  readonly firstBlock: number;
  /** Of `rollup_state`, when it was read. */
  readonly version: number;
}

export interface NextMark extends RollupMark {
  /** Another one: what was read of nodes and settings before may not be what is there by now. */
  readonly knownAs: string;
}

type MarkRow = Omit<RollupMark, 'day' | 'block'>;

const toMark = <Row extends MarkRow>(row: Row) => ({ ...row, ...parseMarkKey(row.key) });

const MARK = `
  key, hours, nonce, COALESCE(part_nodes, 0) AS firstBlock, (SELECT version FROM rollup_state WHERE id = 1) AS version`;

/** Whatever changes a node, where it stands or what its hardware accrues is a setting, of here or followed from shard 0. */
const KNOWN_AS = `
  COALESCE((SELECT MAX(id) FROM settings), 0) || ' ' ||
  (SELECT version || ' ' || followed_change_id FROM rollup_state WHERE id = 1) AS knownAs`;

/**
 * All blocks come before single ones: a day of a block is read, changed and written, and two steps under two marks would undo each
 * other. While hours of all blocks are marked none of a single one is begun, and one that was begun before fails by its `version`.
 */
const READ_NEXT = `
  SELECT ${MARK}, ${KNOWN_AS} FROM rollup_marks
  WHERE key >= MAX(0, ((SELECT MAX(key) FROM rollup_marks) >> 15) << 15)
  ORDER BY key % ${MARKS_PER_DAY} = ${RANGE_MARK} DESC, key LIMIT ?1`;

/** Of the newest day that has any: its blocks first, then their sum. */
export async function readNextMarks(db: D1Database, limit: number): Promise<NextMark[]> {
  const { results } = await db.prepare(READ_NEXT).bind(limit).all<MarkRow & Pick<NextMark, 'knownAs'>>();
  return results.map((row) => toMark(row));
}

const MARK_EACH = `
  INSERT INTO rollup_marks (key, hours, nonce)
  SELECT mark.key - mark.key % ${MARKS_PER_DAY} + block.value, mark.hours, hex(randomblob(8))
  FROM rollup_marks AS mark, json_each(?2) AS block WHERE mark.key = (?1 ->> 0) AND mark.nonce = (?1 ->> 1)
  ON CONFLICT (key) DO UPDATE SET hours = hours | excluded.hours, nonce = excluded.nonce,
    part_hour = ${partHourWithout('excluded.hours')}`;

/** In place of the mark of all blocks one for each: where the runs have become small. */
export async function markEachBlock(
  db: D1Database,
  { key, nonce }: RollupMark,
  blocks: number,
): Promise<void> {
  const seen = JSON.stringify([key, nonce]);
  const numbers = JSON.stringify(Array.from({ length: blocks }, (_, block) => block));
  await db.batch([
    db.prepare(MARK_EACH).bind(seen, numbers),
    db.prepare('DELETE FROM rollup_marks WHERE key = (?1 ->> 0) AND nonce = (?1 ->> 1)').bind(seen),
  ]);
}

const READ_NEXT_LABELS = `SELECT ${MARK} FROM rollup_marks WHERE key < 0 ORDER BY key LIMIT 1`;

/** Of sums by label the newest day; null: none is marked. */
export async function readNextLabelMark(db: D1Database): Promise<RollupMark | null> {
  const row = await db.prepare(READ_NEXT_LABELS).first<MarkRow>();
  return row === null ? null : toMark(row);
}

/** First key and end. */
export const keysOfDays = (firstDay: number, endDay: number, which: MarkedSums): [number, number] =>
  which === 'ofNodes'
    ? [markKey(firstDay, 0), markKey(endDay, 0)]
    : [markKey(endDay, 'labels') + 1, markKey(firstDay, 'labels') + 1];

const READ_BETWEEN = `SELECT ${MARK} FROM rollup_marks WHERE key >= ?1 AND key < ?2`;

/** Of sums of places and nodes, or of those by label. */
export type MarkedSums = 'ofNodes' | 'ofLabels';

/** Hours of `[fromHour, toHour)` that are marked: at most a row for each day and 64 nodes, mostly none. */
export async function readMarkedHours(
  db: D1Database,
  fromHour: number,
  toHour: number,
  which: MarkedSums = 'ofNodes',
): Promise<ReadonlySet<number>> {
  const hours = new Set<number>();
  if (fromHour >= toHour) return hours;
  const { results } = await db
    .prepare(READ_BETWEEN)
    .bind(...keysOfDays(dayOf(fromHour), dayOf(toHour - 1) + 1, which))
    .all<MarkRow>();
  for (const { day, hours: bits } of results.map((row) => toMark(row)))
    for (const hour of hoursOf(day, bits)) if (hour >= fromHour && hour < toHour) hours.add(hour);
  return hours;
}

/**
 * Days before it are in the rollups, as this version sums, and nothing of them is marked. 0 until the first turn has begun:
 * where nothing is summed, and marks may not be there yet, nothing is safe to leave.
 */
export async function readSummedDay(db: D1Database): Promise<number> {
  const state = await readRollupState(db);
  if (state === null || state.madeWith?.startsWith(`${ROLLUP_VERSION}/`) !== true) return 0;
  const row = await db
    .prepare('SELECT MIN(key) AS key FROM rollup_marks WHERE key >= 0')
    .first<{ key: number | null }>();
  const marked = row === null || row.key === null ? Number.POSITIVE_INFINITY : parseMarkKey(row.key).day;
  return Math.min(dayOf(state.doneHour), marked);
}
