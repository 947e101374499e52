/**
 * D1's interface on SQLite within this process, so that the time of the Worker can be told from that of the database, which
 * nobody bills. For measuring alone: it keeps no limits. Plain JavaScript, as what uses it.
 */
import { DatabaseSync } from 'node:sqlite';
import koffi from 'koffi';

export function openTimedDatabase() {
  const sqlite = new DatabaseSync(':memory:');
  let milliseconds = 0;
  const timed = (work) => {
    const before = cpuMilliseconds();
    try {
      return work();
    } finally {
      milliseconds += cpuMilliseconds() - before;
    }
  };
  const run = (sql, values, asArrays) => {
    const statement = sqlite.prepare(sql);
    statement.setReturnArrays(asArrays);
    statement.setAllowUnknownNamedParameters(true);
    // Numbered parameters have names here.
    const bound = /\?\d/.test(sql)
      ? [Object.fromEntries(values.map((value, i) => [`?${i + 1}`, value]))]
      : values;
    if (statement.columns().length === 0)
      return { results: [], changes: Number(statement.run(...bound).changes) };
    const results = statement.all(...bound);
    return { results, changes: results.length };
  };
  const answer = ({ results, changes }) => ({ results, success: true, meta: { changes } });
  const statementOf = (sql, values = []) => ({
    sql,
    values,
    bind: (...bound) => statementOf(sql, bound),
    all: async () => answer(timed(() => run(sql, values, false))),
    run: async () => answer(timed(() => run(sql, values, false))),
    raw: async () => timed(() => run(sql, values, true)).results,
    first: async () => timed(() => run(sql, values, false)).results[0] ?? null,
  });
  const database = {
    prepare: (sql) => statementOf(sql),
    batch: async (statements) =>
      timed(() => {
        // Within `undone` there is a transaction already.
        sqlite.exec('SAVEPOINT batch');
        try {
          const answers = statements.map(({ sql, values }) => answer(run(sql, values, false)));
          sqlite.exec('RELEASE batch');
          return answers;
        } catch (error) {
          sqlite.exec('ROLLBACK TO batch; RELEASE batch');
          throw error;
        }
      }),
  };
  /** Does the work and takes back what it wrote: it can be done again. */
  const undone = async (work) => {
    sqlite.exec('SAVEPOINT undone');
    try {
      return await work();
    } finally {
      sqlite.exec('ROLLBACK TO undone; RELEASE undone');
    }
  };
  /** Milliseconds of CPU that statements have taken so far. */
  return { database, undone, milliseconds: () => milliseconds };
}

const clockGettime = koffi.load('libc.so.6').func('int clock_gettime(int clock, void *timespec)');
const CLOCK_THREAD_CPUTIME_ID = 3;
const timespec = new BigInt64Array(2);

/** Of this thread: what collects garbage beside it is not the Worker's. What Node tells of it comes in ticks as long as a run. */
export function cpuMilliseconds() {
  clockGettime(CLOCK_THREAD_CPUTIME_ID, timespec);
  return Number(timespec[0]) * 1_000 + Number(timespec[1]) / 1e6;
}
