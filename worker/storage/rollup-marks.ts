/**
 * Hours that are to be summed again. Whoever changes what is in them marks them, in the same batch; hours that were not
 * summed yet need no mark, and get none: in the ordinary course none is written.
 */
import { type SQL, sql } from 'drizzle-orm';
import { HOUR_MS } from '../../shared/time/window.ts';
import { rollupMarks } from '../schema/rollups.ts';
import { type Database, openDatabase, toStatement } from './database.ts';
import { OLDEST_HOUR } from './node-days.ts';
import { BLOCK_NODES, MARKS_PER_DAY } from './rollup-keys.ts';
import { NODES_PER_SHARD } from './shards.ts';

interface HourSpan {
  /** Cut to the time since the nodes enrolled or first reported, and to what has not left. */
  readonly fromMs: number;
  /** An hour that holds it is marked too. */
  readonly toMs: number;
}

/** SQL of their numbers, one column `number`. */
const theseNodes = (numbers: readonly number[]): SQL =>
  sql`SELECT value AS number FROM json_each(${JSON.stringify(numbers)})`;
export const everyNode = sql`SELECT number FROM nodes`;
export const nodesEverAt = (siteId: string): SQL =>
  sql`SELECT CAST(substr(subject, 6) AS INTEGER) AS number FROM settings WHERE key = 'site' AND value = ${siteId}`;

/** SQL: the hour in which the first of all nodes enrolled, or that holds its oldest report; that stands first among its keys. */
export const FIRST_HOUR = `
  SELECT MIN(MIN(enrolled_at_ms / ${HOUR_MS}, ${OLDEST_HOUR}))
  FROM nodes`;

/** SQL: hours before it have left, and only their sums are there; 0 where none has. */
export const KEPT_FROM_HOUR = `
  COALESCE((SELECT IIF(hours = 0, 0, (day + (position > 0)) * 24) FROM retention_tasks WHERE task = 'hours'), 0)`;

/** SQL: the hour that is summed in part, unless it is one of these: then it begins anew. */
export const partHourWithout = (hours: string): string =>
  `CASE WHEN (${hours} >> rollup_marks.part_hour) & 1 THEN NULL ELSE rollup_marks.part_hour END`;

/** Marks the span for the blocks of these nodes. */
export function markSpan(db: Database, nodes: SQL, { fromMs, toMs }: HourSpan) {
  const hour = (instantMs: number) => sql`CAST(${Math.max(0, Math.floor(instantMs / HOUR_MS))} AS INTEGER)`;
  const blockOf = sql.raw(`(number & ${NODES_PER_SHARD - 1}) / ${BLOCK_NODES}`);
  return db
    .insert(rollupMarks)
    .select(
      sql`WITH RECURSIVE
        span(lo, hi) AS (SELECT MAX(${hour(fromMs)}, ${sql.raw(KEPT_FROM_HOUR)}, (${sql.raw(FIRST_HOUR)} WHERE number IN (${nodes}))),
                                MIN(${hour(toMs)} + 1, (SELECT marked_hour FROM rollup_state WHERE id = 1))),
        days(day) AS (SELECT lo / 24 FROM span WHERE lo < hi
                      UNION ALL SELECT day + 1 FROM days, span WHERE (day + 1) * 24 < hi)
        SELECT day * ${sql.raw(String(MARKS_PER_DAY))} + block.number,
               ((1 << MIN(24, hi - day * 24)) - 1) & ~((1 << MAX(0, lo - day * 24)) - 1), hex(randomblob(8)),
               NULL, NULL, NULL
        FROM days, span, (SELECT DISTINCT ${blockOf} AS number FROM (${nodes})) AS block
        WHERE TRUE`,
    )
    .onConflictDoUpdate({
      target: rollupMarks.key,
      set: {
        hours: sql`${rollupMarks.hours} | excluded.hours`,
        nonce: sql`excluded.nonce`,
        partHour: sql.raw(partHourWithout('excluded.hours')),
      },
    });
}

function markHours(binding: D1Database, nodes: SQL, span: HourSpan): D1PreparedStatement {
  return toStatement(binding, markSpan(openDatabase(binding), nodes, span));
}

/** Hours since a move of these nodes; goes into the batch of the move. */
export function markMoves(
  binding: D1Database,
  numbers: readonly number[],
  effectiveFromMs: number,
  nowMs: number,
): D1PreparedStatement[] {
  // A node stood at its first site from the beginning.
  const firstMoved = sql`${theseNodes(numbers)} WHERE NOT EXISTS (SELECT 1 FROM settings
    WHERE subject = 'node:' || value AND key = 'site' AND effective_from_ms < ${effectiveFromMs})`;
  return [
    markHours(binding, theseNodes(numbers), { fromMs: effectiveFromMs, toMs: nowMs }),
    markHours(binding, firstMoved, { fromMs: 0, toMs: nowMs }),
  ];
}

/** All hours of these nodes: what they have, or had, has changed. */
export function markNodes(
  binding: D1Database,
  numbers: readonly number[],
  nowMs: number,
): D1PreparedStatement {
  return markHours(binding, theseNodes(numbers), { fromMs: 0, toMs: nowMs });
}

/** All hours: they were summed with something else. */
export function markAll(binding: D1Database, nowMs: number): D1PreparedStatement {
  return markHours(binding, everyNode, { fromMs: 0, toMs: nowMs });
}

/** An hour is summed for good some time after this, when all that was received in time is written. */
export const LATE_AFTER_MS = 600_000;

/** Reports that came when their hour was summed already. */
export function markLateReports(
  binding: D1Database,
  nodeNumber: number,
  hourStartsMs: readonly number[],
  receivedAtMs: number,
): D1PreparedStatement[] {
  const late = hourStartsMs.filter((startMs) => startMs + HOUR_MS + LATE_AFTER_MS <= receivedAtMs);
  if (late.length === 0) return [];
  // A backlog is a run of hours: those between them that did not change are summed again for nothing.
  return [
    markHours(binding, theseNodes([nodeNumber]), { fromMs: Math.min(...late), toMs: Math.max(...late) }),
  ];
}
