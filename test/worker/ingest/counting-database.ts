/** The real D1 with its own bill kept: rows written and read, as its `meta` tells them, statements and round trips. */

export interface CountingDatabase {
  readonly database: D1Database;
  readonly rows: { written: number; read: number };
  readonly calls: { roundTrips: number; statements: number };
}

export function countingDatabase(real: D1Database): CountingDatabase {
  const rows = { written: 0, read: 0 };
  const calls = { roundTrips: 0, statements: 0 };
  const originals = new WeakMap<object, D1PreparedStatement>();
  const count = <T extends { meta: D1Meta & Record<string, unknown> }>(result: T): T => {
    calls.statements++;
    rows.written += result.meta.rows_written;
    rows.read += result.meta.rows_read;
    return result;
  };
  const oneTrip = <T>(result: T): T => {
    calls.roundTrips++;
    return result;
  };
  const wrap = (statement: D1PreparedStatement): D1PreparedStatement => {
    const counting = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      all: async () => oneTrip(count(await statement.all())),
      run: async () => oneTrip(count(await statement.run())),
      // Drizzle reads so; rows of such a result have no bill.
      raw: async () => {
        calls.statements++;
        return oneTrip(await statement.raw());
      },
      first: async () => oneTrip(count(await statement.all())).results[0] ?? null,
    } as unknown as D1PreparedStatement;
    originals.set(counting, statement);
    return counting;
  };
  const database = {
    prepare: (sql: string) => wrap(real.prepare(sql)),
    batch: async (statements: D1PreparedStatement[]) =>
      oneTrip(await real.batch(statements.map((statement) => originals.get(statement)!))).map(count),
  } as unknown as D1Database;
  return { database, rows, calls };
}
