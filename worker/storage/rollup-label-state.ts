/** Whether sums by label are kept, and which days of them are to be made again. */
import { isOfJob } from './job-nodes.ts';
import type { WordsSeen } from './job-words.ts';
import { blockDayKey, dayOf } from './rollup-keys.ts';

const ALL_HOURS = 2 ** 24 - 1;

/** SQL: marks whole days, from `days(day)`. */
const MARK_DAYS = `
  SELECT -1 - day, ${ALL_HOURS}, hex(randomblob(8)) FROM (SELECT DISTINCT day FROM days) WHERE true
  ON CONFLICT (key) DO UPDATE SET hours = excluded.hours, nonce = excluded.nonce`;

/** The least key in a query of its own: with the bound on `day` beside it every row would be read. */
const MARK_ALL = `
  INSERT INTO rollup_marks (key, hours, nonce)
  WITH RECURSIVE
    first(day) AS (SELECT (SELECT MIN(key) FROM rollup_node_days) / ${blockDayKey(1, 0)}),
    days(day) AS (SELECT day FROM first WHERE day <= CAST(?1 AS INTEGER)
                  UNION ALL SELECT day + 1 FROM days WHERE day < CAST(?1 AS INTEGER))${MARK_DAYS}`;

/** Keeps them from now on, and makes those of all days that there are. @param followed of other shards, up to where they are known */
export async function beginLabels(
  db: D1Database,
  version: number,
  followed: FollowedJobs,
  nowHour: number,
): Promise<void> {
  const note = `
    UPDATE rollup_state SET labels_version = ?1, labels_ready = 0, followed_jobs = ?2 WHERE id = 1`;
  await db.batch([
    db.prepare(MARK_ALL).bind(dayOf(nowHour)),
    db.prepare(note).bind(version, JSON.stringify(followed)),
  ]);
}

/** Of a database whose runs have no room for them: what stands is not kept up any more. */
export async function endLabels(db: D1Database): Promise<void> {
  await db.batch([
    db.prepare('DELETE FROM rollup_marks WHERE key < 0'),
    db.prepare('UPDATE rollup_state SET labels_version = NULL, labels_ready = 0 WHERE id = 1'),
  ]);
}

/** By shard, the last job and the last fact of agents that is followed. */
export type FollowedJobs = Readonly<Record<string, WordsSeen>>;

export async function readFollowedJobs(db: D1Database): Promise<FollowedJobs> {
  const row = await db
    .prepare('SELECT followed_jobs AS json FROM rollup_state WHERE id = 1')
    .first<{ json: string }>();
  return JSON.parse(row?.json ?? '{}');
}

/** Marks the days of these jobs, and notes up to where others are followed. */
export async function keepFollowedJobs(
  db: D1Database,
  followed: FollowedJobs,
  ids: readonly string[],
  nowHour: number,
): Promise<void> {
  const note = db.prepare('UPDATE rollup_state SET followed_jobs = ?1 WHERE id = 1');
  await db.batch([markJobs(db, ids, nowHour), note.bind(JSON.stringify(followed))]);
}

const FINISH = `
  UPDATE rollup_state SET labels_ready = 1
  WHERE id = 1 AND labels_ready = 0 AND labels_version IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM rollup_marks WHERE key < 0)`;

/** Once all days are made. */
export async function finishLabels(db: D1Database): Promise<void> {
  await db.prepare(FINISH).run();
}

const MARK_JOBS = `
  INSERT INTO rollup_marks (key, hours, nonce)
  WITH RECURSIVE
    ran(first, last) AS (
      SELECT MIN(place.first_hour) / 24, MIN(MAX(place.last_hour), CAST(?2 AS INTEGER)) / 24
      FROM json_each(?1) AS said
      CROSS JOIN jobs AS job ON job.id = said.value
      CROSS JOIN job_nodes AS place ON ${isOfJob('place.key', 'job.number')}
      WHERE EXISTS (SELECT 1 FROM rollup_state WHERE id = 1 AND labels_version IS NOT NULL)
        AND (?3 IS NULL OR EXISTS (SELECT 1 FROM job_facts WHERE job_number = job.number AND recorded_at_ms = ?3))
      GROUP BY job.number),
    days(day, last) AS (SELECT first, last FROM ran WHERE first <= last
                        UNION SELECT day + 1, last FROM days WHERE day < last)${MARK_DAYS}`;

/**
 * Statement for the batch that keeps what is said of these jobs: the days on which they ran count under another label.
 * @param keptAtMs where given, those jobs alone of which something was kept then
 */
export function markJobs(
  db: D1Database,
  ids: readonly string[],
  nowHour: number,
  keptAtMs: number | null = null,
): D1PreparedStatement {
  return db.prepare(MARK_JOBS).bind(JSON.stringify(ids), nowHour, keptAtMs);
}
