import { drizzle } from 'drizzle-orm/d1';
import * as schema from '../schema/schema.ts';

export type Database = ReturnType<typeof openDatabase>;

/** Drizzle over the binding; cheap, one per request. */
export const openDatabase = (binding: D1Database) => drizzle(binding, { schema });
