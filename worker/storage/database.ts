import { drizzle } from 'drizzle-orm/d1';

export type Database = ReturnType<typeof openDatabase>;

/** Drizzle over the binding; cheap, one per request. Given the schema it would look through all tables each time. */
export const openDatabase = (binding: D1Database) => drizzle(binding);

/** A query of Drizzle as a statement of D1, for a batch with others. */
export function toStatement(
  binding: D1Database,
  query: { toSQL(): { readonly sql: string; readonly params: readonly unknown[] } },
): D1PreparedStatement {
  const { sql, params } = query.toSQL();
  return binding.prepare(sql).bind(...params);
}
