/**
 * A D1 database with its bill kept, as its own `meta` counts it. Plain JavaScript: it runs in workerd, among files that
 * Node runs.
 */

export const emptyBill = () => ({
  written: 0,
  read: 0,
  statements: 0,
  longestValue: 0,
  /** Rows written by the table that a statement names. */
  writtenTo: {},
});

/** The database, and the bill that every statement is added to. */
export function metered(db, bill) {
  const originals = new WeakMap();
  const count = (result, sql) => {
    bill.statements++;
    bill.written += result.meta.rows_written;
    bill.read += result.meta.rows_read;
    const table = TARGET.exec(sql)?.[1];
    if (table !== undefined && result.meta.rows_written > 0)
      bill.writtenTo[table] = (bill.writtenTo[table] ?? 0) + result.meta.rows_written;
    return result;
  };
  const wrap = (statement, sql) => {
    const all = async () => count(await statement.all(), sql);
    const counting = {
      bind: (...values) => {
        for (const value of values)
          if (typeof value === 'string') bill.longestValue = Math.max(bill.longestValue, value.length);
        return wrap(statement.bind(...values), sql);
      },
      all,
      run: all,
      first: async () => (await all()).results[0] ?? null,
      raw: async () => {
        const { results } = await all();
        // Two columns of one name are one property; what only reads may be asked again.
        return TARGET.test(sql) ? results.map((row) => Object.values(row)) : statement.raw();
      },
    };
    originals.set(counting, { statement, sql });
    return counting;
  };
  const database = {
    prepare: (sql) => wrap(db.prepare(sql), sql),
    batch: async (statements) => {
      const own = statements.map((statement) => originals.get(statement));
      const results = await db.batch(own.map(({ statement }) => statement));
      return results.map((result, index) => count(result, own[index].sql));
    },
  };
  // Here there is one copy, and what is read of it costs the same either way.
  return { ...database, withSession: () => ({ ...database, getBookmark: () => null }) };
}

/** What a statement writes to. */
const TARGET = /\b(?:insert(?:\s+or\s+\w+)?\s+into|delete\s+from|update)\s+"?(\w+)/i;
