import { drizzle } from 'drizzle-orm/d1';
import * as schema from '../schema/schema.ts';

export type Database = ReturnType<typeof openDatabase>;

/** Drizzle over the binding; cheap, one per request. */
export const openDatabase = (binding: D1Database) => drizzle(binding, { schema });

/** A query of Drizzle as a statement of D1, for a batch with others. */
export function toStatement(
  binding: D1Database,
  query: { toSQL(): { readonly sql: string; readonly params: readonly unknown[] } },
): D1PreparedStatement {
  const { sql, params } = query.toSQL();
  return binding.prepare(sql).bind(...params);
}
