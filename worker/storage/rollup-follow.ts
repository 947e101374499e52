/**
 * What changes hardware of the whole fleet is written in shard 0, whose batch marks the hours of its own nodes. The others
 * mark theirs by its log, from where they stopped: what was missed is made up for at the next turn.
 */
import { openDatabase, toStatement } from './database.ts';
import { markFor } from './settings.ts';

const MOST = 200;

const READ_NEWS = `
  SELECT id, subject, what AS key, effective_from_ms AS effectiveFromMs, recorded_at_ms AS recordedAtMs
  FROM changes WHERE id > ?1 AND (what = 'embodiedLifetimeYears' OR (subject >= 'hardware:' AND subject < 'hardware;'))
  ORDER BY id LIMIT ${MOST}`;

interface News {
  readonly id: number;
  readonly subject: string;
  readonly key: string;
  readonly effectiveFromMs: number;
  readonly recordedAtMs: number;
}

/** Marks in `db` what has changed in `main` since the last time. */
export async function followMain(db: D1Database, main: D1Database): Promise<void> {
  const state = await db
    .prepare('SELECT followed_change_id AS followedId FROM rollup_state WHERE id = 1')
    .first<{ followedId: number }>();
  // Before the first turn nothing is summed.
  if (state === null) return;
  const [found, last] = await main.batch<unknown>([
    main.prepare(READ_NEWS).bind(state.followedId),
    main.prepare('SELECT COALESCE(MAX(id), 0) AS id FROM changes'),
  ]);
  const news = found!.results as News[];
  const toId = news.length === MOST ? news.at(-1)!.id : (last!.results as { id: number }[])[0]!.id;
  if (toId === state.followedId) return;
  const marks = news.flatMap((each) => markFor(openDatabase(db), each));
  await db.batch([
    ...marks.map((mark) => toStatement(db, mark)),
    db
      .prepare('UPDATE rollup_state SET followed_change_id = MAX(followed_change_id, ?1) WHERE id = 1')
      .bind(toId),
  ]);
}
