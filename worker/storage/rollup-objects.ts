/**
 * Objects of the bucket that hold hours of sums. Which of them a row does not name any more is noted when another takes its place,
 * in the batch that names that one: the bucket is never searched, and what another database put there is in no note of this one.
 */
import { dateOf } from './archive.ts';
import { blockDayKey, dayOfBlockDayKey, endOfBlockDay } from './rollup-keys.ts';
import { STILL_MARKED, seenOf, type TakenMarks } from './rollup-sums.ts';

/** Of one row of `rollup_node_days`, with the mark that it has or had. */
export interface SumsObject {
  readonly key: number;
  readonly mark: number;
}

/** `mark` tells databases that share a bucket apart as well: an object is only put where its name is free. */
export function nameOf({ key, mark }: SumsObject): string {
  const day = dayOfBlockDayKey(key);
  const place = String(key - blockDayKey(day, 0)).padStart(8, '0');
  return `sums/date=${dateOf(day)}/part-${place}-${mark.toString(16).padStart(8, '0')}.bin`;
}

/** By the database's own clock: it is the database that is restored to a minute. */
const NOTE = `
  INSERT INTO replaced_sums (key, mark, replaced_at_ms)
  SELECT key, mark, unixepoch() * 1000 FROM rollup_node_days
  WHERE key >= ?1 AND key < ?3 AND mark IS NOT NULL AND key NOT IN (SELECT value FROM json_each(?4))
    AND ${STILL_MARKED}`;

/**
 * For the batch that writes rows of one block's day, before them: what these rows name until then.
 * @param kept keys of rows that are not written
 */
export function noteReplaced(
  db: D1Database,
  taken: TakenMarks,
  block: number,
  kept: readonly number[],
): D1PreparedStatement {
  const { day } = taken.marks[0]!;
  const [first, end] = [blockDayKey(day, block), endOfBlockDay(day, block)];
  return db.prepare(NOTE).bind(first, seenOf(taken), end, JSON.stringify(kept));
}

export interface ReplacedObject extends SumsObject {
  readonly id: number;
  /** 1 where a row names it all the same, as after rows were put back by hand: it stays. */
  readonly isNamed: 0 | 1;
}

/** As many as one call to the bucket deletes. */
const MOST_AT_ONCE = 1_000;

/** Of the oldest only: what is noted by two runs at once is a few minutes out of order, and waits for them. */
const READ_REPLACED = `
  SELECT id, key, mark, EXISTS (SELECT 1 FROM rollup_node_days AS days WHERE days.key = oldest.key AND days.mark = oldest.mark) AS isNamed
  FROM (SELECT id, key, mark, replaced_at_ms FROM replaced_sums ORDER BY id LIMIT ${MOST_AT_ONCE}) AS oldest
  WHERE replaced_at_ms <= ?1`;

/** Some that were replaced at this instant or before. */
export async function readReplaced(db: D1Database, untilMs: number): Promise<ReplacedObject[]> {
  return (await db.prepare(READ_REPLACED).bind(untilMs).all<ReplacedObject>()).results;
}

/** An id is given out again once no note is left: the mark tells whether it is still the one that was read. */
const FORGET = `
  DELETE FROM replaced_sums WHERE id IN (
    SELECT noted.id FROM json_each(?1) AS gone
    CROSS JOIN replaced_sums AS noted ON noted.id = gone.value ->> 0 AND noted.mark = gone.value ->> 1)`;

export async function forgetReplaced(db: D1Database, objects: readonly ReplacedObject[]): Promise<void> {
  await db
    .prepare(FORGET)
    .bind(JSON.stringify(objects.map(({ id, mark }) => [id, mark])))
    .run();
}
