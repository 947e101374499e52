import { atticOf, withAttic } from './attic.ts';

/** Of all databases: a batch takes the platform's own statements. */
const originals = new WeakMap<D1PreparedStatement, D1PreparedStatement>();

/** The same database; what fails of it is told by `toNamed`. */
export function namedDatabase(db: D1Database, toNamed: (error: unknown) => Error): D1Database {
  const ask = async <T>(question: () => Promise<T>): Promise<T> => {
    try {
      return await question();
    } catch (error) {
      throw toNamed(error);
    }
  };
  const wrap = (statement: D1PreparedStatement): D1PreparedStatement => {
    const named = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      all: () => ask(() => statement.all()),
      run: () => ask(() => statement.run()),
      raw: (options?: { columnNames?: false }) => ask(() => statement.raw(options)),
      first: (column: string) =>
        ask(() => (column === undefined ? statement.first() : statement.first(column))),
    } as D1PreparedStatement;
    originals.set(named, statement);
    return named;
  };
  const named: D1Database = {
    prepare: (sql) => wrap(db.prepare(sql)),
    batch: (statements) => ask(() => db.batch(statements.map((each) => originals.get(each) ?? each))),
    exec: (sql) => ask(() => db.exec(sql)),
    withSession: (constraint) => db.withSession(constraint),
    dump: () => db.dump(),
  };
  return withAttic(named, atticOf(db));
}
