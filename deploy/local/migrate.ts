/**
 * Applies the generated migrations that a database does not have yet. The journal is wrangler's own table, so that
 * `wrangler d1 migrations` agrees about a database that this touched.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What is used of D1, as Miniflare hands it out. */
export interface Database {
  prepare(sql: string): Statement;
  batch(statements: Statement[]): Promise<unknown>;
}

export interface Statement {
  bind(...values: unknown[]): Statement;
  all<T>(): Promise<{ results: T[] }>;
  run(): Promise<unknown>;
}

const JOURNAL = `CREATE TABLE IF NOT EXISTS d1_migrations(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

/** Each migration is one batch, so it is applied whole or not at all. Returns the names of those applied now. */
export async function applyMigrations(database: Database, folder: string): Promise<string[]> {
  await database.prepare(JOURNAL).run();
  const { results } = await database.prepare('SELECT name FROM d1_migrations').all<{ name: string }>();
  const known = new Set(results.map((row) => row.name));
  const pending = readdirSync(folder)
    .filter((name) => name.endsWith('.sql') && !known.has(name))
    .sort();
  for (const name of pending) {
    const statements = readFileSync(join(folder, name), 'utf8')
      .split('--> statement-breakpoint')
      .map((sql) => database.prepare(sql));
    await database.batch([
      ...statements,
      database.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name),
    ]);
  }
  return pending;
}
