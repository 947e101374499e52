/**
 * A D1 database with its bill kept, as its own `meta` counts it. Plain JavaScript: it runs in workerd, among files that
 * Node runs.
 */

export const emptyBill = () => ({ written: 0, read: 0, statements: 0, longestValue: 0 });

/** The database, and the bill that every statement is added to. */
export function metered(db, bill) {
  const originals = new WeakMap();
  const count = (result) => {
    bill.statements++;
    bill.written += result.meta.rows_written;
    bill.read += result.meta.rows_read;
    return result;
  };
  const wrap = (statement) => {
    const counting = {
      bind: (...values) => {
        for (const value of values)
          if (typeof value === 'string') bill.longestValue = Math.max(bill.longestValue, value.length);
        return wrap(statement.bind(...values));
      },
      all: async () => count(await statement.all()),
      run: async () => count(await statement.run()),
      first: async () => count(await statement.all()).results[0] ?? null,
      raw: async () => count(await statement.all()).results.map((row) => Object.values(row)),
    };
    originals.set(counting, statement);
    return counting;
  };
  return {
    prepare: (sql) => wrap(db.prepare(sql)),
    batch: async (statements) =>
      (await db.batch(statements.map((statement) => originals.get(statement)))).map(count),
  };
}
