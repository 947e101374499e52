/** How far archiving and dropping are: each step commits its new position with what it changed, or moves nothing. */

import { HOUR_MS } from '../../shared/time/window.ts';
import { NO_HOUR, OLDEST_HOUR } from './node-days.ts';
import { KEPT_FROM_HOUR } from './rollup-marks.ts';

const TASKS = ['windows', 'series', 'checks', 'days', 'sums', 'files', 'hours', 'dayFiles', 'late'] as const;
type TaskName = (typeof TASKS)[number];

export interface RetentionTask {
  readonly task: TaskName;
  readonly version: number;
  /** Whole days since 1970: the day at work, all before it are done. Of `late` not used. */
  readonly day: number;
  /** Nodes below this number are done for that day; of `late` the last revision of an hour that is done. */
  readonly position: number;
  readonly hours: number;
  readonly files: number;
  readonly bytes: number;
}

export type RetentionTasks = Readonly<Record<TaskName, RetentionTask>>;

const READ = 'SELECT task, version, day, position, hours, files, bytes FROM retention_tasks';

const BEGIN = `
  INSERT INTO retention_tasks (task, version, day, position, hours, files, bytes)
  SELECT task.value, 1, first.hour / 24, 0, 0, 0, 0
  FROM json_each(?1) AS task, (SELECT MIN(${OLDEST_HOUR}) AS hour FROM nodes) AS first
  WHERE first.hour < ${NO_HOUR}
  ON CONFLICT (task) DO NOTHING`;

/** Null before the first start. */
export async function readRetentionTasks(db: D1Database): Promise<RetentionTasks | null> {
  const { results } = await db.prepare(READ).all<RetentionTask>();
  return results.length < TASKS.length
    ? null
    : (Object.fromEntries(results.map((row) => [row.task, row])) as Record<TaskName, RetentionTask>);
}

/** Begins every task at the day of the oldest hour; null while there is none. */
export async function beginRetention(db: D1Database): Promise<RetentionTasks | null> {
  await db.prepare(BEGIN).bind(JSON.stringify(TASKS)).run();
  return readRetentionTasks(db);
}

/** When the oldest hours begin that have not left; 0 where none has. */
export async function readKeptFromMs(db: D1Database): Promise<number> {
  return (await db.prepare(`SELECT ${KEPT_FROM_HOUR} AS hour`).first<{ hour: number }>())!.hour * HOUR_MS;
}

const MOVE = `
  UPDATE retention_tasks
  SET version = version + 1, day = ?3, position = ?4, hours = hours + ?5, files = files + ?6, bytes = bytes + ?7
  WHERE task = ?1 AND version = ?2 RETURNING task, version, day, position, hours, files, bytes`;

/**
 * Commits a step: `statements` of it, each harmless when it is run twice, and how far the task is now.
 * @returns null where another run has moved the task since it was read
 */
export async function moveTask(
  db: D1Database,
  { task, version }: RetentionTask,
  to: Pick<RetentionTask, 'day' | 'position' | 'hours' | 'files' | 'bytes'>,
  statements: readonly D1PreparedStatement[] = [],
): Promise<RetentionTask | null> {
  const answers = await db.batch<RetentionTask>([
    ...statements,
    db.prepare(MOVE).bind(task, version, to.day, to.position, to.hours, to.files, to.bytes),
  ]);
  return answers.at(-1)!.results[0] ?? null;
}
