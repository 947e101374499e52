/** Runs side by side, and some that break off: what one of them sums stays summed, by label as well. */
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { markAll } from '../../../worker/storage/rollup-marks.ts';
import { runRollups, TURN_NODE_HOURS } from '../../../worker/use-cases/rollup/run.ts';
import { clock, DAY_MS, database, HOUR_MS, newNode } from '../emissions/support.ts';
import { apply, DAYS, HOURS, tellDays } from './fleet-of-changes.ts';
import { expectSame, instant, rollUp } from './support.ts';

const WHOLE = `from=${instant(0)}&to=${instant(HOURS)}`;
const NEXT_MARKS = 'WHERE key >= MAX(0,';
const NEXT_LABEL_MARK = 'WHERE key < 0 ORDER BY key LIMIT 1';

/** @param before of the first statement that has this text; what it throws breaks the run off */
function pausing(text: string, before: () => Promise<void>): D1Database {
  let isDone = false;
  const pause = async () => {
    if (isDone) return;
    isDone = true;
    await before();
  };
  const wrap = (statement: D1PreparedStatement): D1PreparedStatement =>
    new Proxy(statement, {
      get(target, name) {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== 'function') return member;
        if (name === 'bind') return (...values: unknown[]) => wrap(target.bind(...values));
        return async (...given: unknown[]) => {
          await pause();
          return member.apply(target, given);
        };
      },
    });
  return new Proxy(database, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== 'function') return member;
      if (name !== 'prepare') return member.bind(target);
      return (sql: string) => (sql.includes(text) ? wrap(target.prepare(sql)) : target.prepare(sql));
    },
  });
}

const run = (db: D1Database) => runRollups(db, clock.nowMs, TURN_NODE_HOURS.paid);

/** A run that is gone before it reads the next label mark, or once it has committed a batch that this statement was made for. */
async function breaksOff(db: D1Database, after: string | null = null): Promise<void> {
  let isNear = false;
  let isGone = false;
  const dying = new Proxy(db, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== 'function') return member;
      if (name === 'batch')
        return async (statements: D1PreparedStatement[]) => {
          const answers = await target.batch(statements);
          isGone ||= isNear;
          return answers;
        };
      if (name !== 'prepare') return member.bind(target);
      return (sql: string) => {
        isGone ||= after === null && sql.includes(NEXT_LABEL_MARK);
        if (isGone) throw new Error('broken off');
        isNear ||= after !== null && sql.includes(after);
        return target.prepare(sql);
      };
    },
  });
  await expect(run(dying)).rejects.toThrow('broken off');
}

/** By one node of this number, as if it had been there from the start. */
async function growTo(number: number): Promise<void> {
  const { nodeId } = await newNode('grown', 'sf');
  await database
    .prepare(
      "UPDATE settings SET subject = 'node:' || ?1 WHERE subject = (SELECT 'node:' || number FROM nodes WHERE id = ?2)",
    )
    .bind(String(number), nodeId)
    .run();
  await database
    .prepare('UPDATE nodes SET number = ?1, enrolled_at_ms = ?2 WHERE id = ?3')
    .bind(number, DAY_MS, nodeId)
    .run();
}

beforeAll(() => tellDays(100));
beforeEach(() => rollUp(DAYS));

test('of nodes that enrolled while it ran', async () => {
  const slow = pausing(NEXT_LABEL_MARK, async () => {
    await growTo(140);
    await database.batch([markAll(database, clock.nowMs)]);
    await breaksOff(database);
  });
  await run(slow);
  await rollUp(DAYS);
  await expectSame(`${WHOLE}&groupBy=project`);
});

test('that began when no sums by label were kept', async () => {
  await database.prepare('UPDATE rollup_state SET labels_version = NULL, labels_ready = 0').run();
  const slow = pausing(NEXT_MARKS, async () => {
    await rollUp(DAYS);
    await apply({ kind: 'late', node: 'a', hour: 30, watts: 50 });
  });
  await breaksOff(slow, 'INSERT INTO rollup_days');
  await rollUp(DAYS);
  await expectSame(`${WHOLE}&groupBy=project`);
});

/** @param before of the first batch with a statement that has this text */
function pausingBatch(text: string, before: () => Promise<void>): D1Database {
  let isNear = false;
  let isDone = false;
  return new Proxy(database, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== 'function') return member;
      if (name === 'prepare')
        return (sql: string) => {
          isNear ||= sql.includes(text);
          return target.prepare(sql);
        };
      if (name !== 'batch') return member.bind(target);
      return async (statements: D1PreparedStatement[]) => {
        if (isNear && !isDone) {
          isDone = true;
          await before();
        }
        return target.batch(statements);
      };
    },
  });
}

test('a block that was being summed when hours of all blocks were marked undoes none of them', async () => {
  clock.nowMs += HOUR_MS;
  await rollUp(DAYS);
  await apply({ kind: 'late', node: 'a', hour: HOURS, watts: 70 });
  let isOvertaken = false;
  const slow = pausingBatch('INSERT INTO rollup_blocks', async () => {
    clock.nowMs += HOUR_MS;
    // All blocks of the next hour, and not yet the single one.
    await breaksOff(database, 'INSERT INTO rollup_blocks');
    isOvertaken = true;
  });
  await run(slow);
  expect(isOvertaken).toBe(true);
  await rollUp(DAYS);
  const both = `from=${instant(0)}&to=${instant(HOURS + 2)}`;
  for (const query of ['groupBy=node', 'groupBy=job&step=day', 'groupBy=site'])
    await expectSame(`${both}&${query}`);
});

test('a node that moved while a run summed what it had marked before', async () => {
  await apply({ kind: 'late', node: 'a', hour: 30, watts: 61 });
  const slow = pausingBatch('INSERT INTO rollup_blocks', async () => {
    await apply({ kind: 'move', node: 'a', hour: 10.5, site: 'dk' });
  });
  await run(slow);
  await rollUp(DAYS);
  await expectSame(`${WHOLE}&groupBy=site`);
});

test('where a day of long ago cannot be read', async () => {
  await database
    .prepare(
      `UPDATE rollup_node_days SET mark = 7
       WHERE key = (SELECT MIN(key) FROM rollup_node_days WHERE length(hours) > 1)`,
    )
    .run();
  await apply({ kind: 'move', node: 'a', hour: 5, site: 'dk' });
  await expect(run(database)).rejects.toThrow('ARCHIVE');
  await expectSame(`from=${instant(30)}&to=${instant(HOURS)}&groupBy=project`);
});
