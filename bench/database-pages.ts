/** What a database takes, by table: the pages that SQLite has given to each, from its file. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Bytes by table and index; free pages and what the platform keeps for itself are not counted. */
export function bytesByTable(folder: string): ReadonlyMap<string, number> {
  const bytes = new Map<string, number>();
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    // Miniflare keeps one more, of its own.
    if (!file.endsWith('.sqlite') || file.endsWith('metadata.sqlite')) continue;
    const database = new DatabaseSync(join(folder, file), { readOnly: true });
    const rows = database.prepare('SELECT name, SUM(pgsize) AS bytes FROM dbstat GROUP BY name').all();
    for (const row of rows) {
      const name = String(row.name);
      bytes.set(name, (bytes.get(name) ?? 0) + Number(row.bytes));
    }
    database.close();
  }
  return bytes;
}
