/**
 * D1's interface on SQLite within this process, so that the time of the Worker can be told from that of the database, which
 * nobody bills. For measuring alone: it keeps no limits. Plain JavaScript, as what uses it.
 */
import { DatabaseSync } from 'node:sqlite';

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
        sqlite.exec('BEGIN');
        try {
          const answers = statements.map(({ sql, values }) => answer(run(sql, values, false)));
          sqlite.exec('COMMIT');
          return answers;
        } catch (error) {
          sqlite.exec('ROLLBACK');
          throw error;
        }
      }),
  };
  /** Milliseconds of CPU that statements have taken so far. */
  return { database, milliseconds: () => milliseconds };
}

/** Of this thread: what collects garbage beside it is not the Worker's. */
export function cpuMilliseconds() {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
