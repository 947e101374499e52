/** A database of which every question passes by somebody: what it asks and what becomes of it can be seen there. */
import { atticOf, withAttic } from './attic.ts';

/** Of all wrapped databases: a batch takes the statements of the database that is wrapped. */
const originals = new WeakMap<D1PreparedStatement, D1PreparedStatement>();

/** @param around asks the question, of so many statements */
export function wrappedDatabase(
  db: D1Database,
  around: <T>(statements: number, question: () => Promise<T>) => Promise<T>,
): D1Database {
  const wrap = (statement: D1PreparedStatement): D1PreparedStatement => {
    const wrapped = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      all: () => around(1, () => statement.all()),
      run: () => around(1, () => statement.run()),
      raw: (options?: { columnNames?: false }) => around(1, () => statement.raw(options)),
      first: (column: string) =>
        around(1, () => (column === undefined ? statement.first() : statement.first(column))),
    } as D1PreparedStatement;
    originals.set(wrapped, statement);
    return wrapped;
  };
  const wrapped: D1Database = {
    prepare: (sql) => wrap(db.prepare(sql)),
    batch: (statements) =>
      around(statements.length, () => db.batch(statements.map((each) => originals.get(each) ?? each))),
    exec: (sql) => around(1, () => db.exec(sql)),
    withSession: (constraint) => db.withSession(constraint),
    dump: () => db.dump(),
  };
  return withAttic(wrapped, atticOf(db));
}
