/** The export that Wrangler asks for, from one local D1 database into another: both have D1's limit of a statement. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Miniflare } from 'miniflare';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { splitStatement } from '../../deploy/cloudflare/split-export.mjs';
import { applyMigrations, type Database } from '../../deploy/local/migrate.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = join(root, 'deploy/cloudflare/split-export.mjs');

let folder: string;
let miniflare: Miniflare;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wattshed-export-'));
  miniflare = new Miniflare({
    modules: true,
    script: 'export default {}',
    compatibilityDate: '2026-07-01',
    cf: false,
    d1Databases: ['before', 'after'],
  });
});
afterEach(async () => {
  await miniflare.dispose();
  rmSync(folder, { recursive: true, force: true });
});

type Db = Awaited<ReturnType<Miniflare['getD1Database']>>;

/** The schema, and every row of every table with its values' types. */
async function everything(db: Db) {
  const schema = await db.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY name').all<Named>();
  const tables = schema.results
    .filter(({ type, name }) => type === 'table' && !/^(_cf|sqlite)_/.test(name))
    .map(({ name }) => name);
  const columns = await db.batch<Named>(tables.map((name) => db.prepare(`PRAGMA table_info("${name}")`)));
  const told = columns.map(({ results }) =>
    results.map(({ name }) => `typeof("${name}") || ' ' || hex("${name}") AS "${name}"`).join(', '),
  );
  const rows = await db.batch(
    tables.map((name, index) => db.prepare(`SELECT ${told[index]} FROM "${name}" ORDER BY 1`)),
  );
  return { schema: schema.results, rows: rows.map(({ results }, index) => [tables[index], results]) };
}
interface Named {
  readonly type: string;
  readonly name: string;
}

test('a database of a fleet goes through an export into a new one, rows of any length included', async () => {
  const before = await miniflare.getD1Database('before');
  await applyMigrations(before as unknown as Database, join(root, 'worker/schema/migrations'));
  const sums = before.prepare('INSERT INTO rollup_node_days (key, sums, hours, mark) VALUES (?, ?, ?, ?)');
  const change = before.prepare(
    "INSERT INTO changes (id, recorded_at_ms, who, subject, what, old_value, new_value, why) VALUES (?, 1, 'admin', 'fleet', 'x', ?, ?, ?)",
  );
  const long = JSON.stringify(Array.from({ length: 9_000 }, (_, index) => `it's "${index}" in 🔌 Köln`));
  await before.batch([
    sums.bind(1, randomBytes(200_000), randomBytes(100_000), null),
    sums.bind(2, randomBytes(49_000), randomBytes(10), 2 ** 52 + 1),
    sums.bind(3, randomBytes(60_000), randomBytes(0), 7),
    change.bind(1, long, null, "two\nlines, (one) of them it's"),
    change.bind(2, '{}', '[]', null),
  ]);
  const [exported] = await before.prepare('PRAGMA miniflare_d1_export(?,?,?);').bind(0, 0).raw<string[]>();
  writeFileSync(join(folder, 'export.sql'), exported!.join('\n'));
  const tooLong = exported!.filter((statement) => Buffer.byteLength(statement) > 100_000);
  expect(tooLong).toHaveLength(3);

  const split = spawnSync(process.execPath, [program, 'export.sql'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1e8,
  });
  const statements = exported!.flatMap(splitStatement);
  expect(split).toMatchObject({ status: 0, stderr: '', stdout: `${statements.join('\n')}\n` });
  const after = await miniflare.getD1Database('after');
  await expect(after.prepare(tooLong[0]!).run()).rejects.toThrow('statement too long');
  await after.batch(statements.map((sql) => after.prepare(sql)));
  expect(await everything(after)).toEqual(await everything(before));
});

test('what is short stays as it is, and what cannot be split is named', () => {
  expect(splitStatement('INSERT INTO "t" ("id") VALUES(1);')).toEqual(['INSERT INTO "t" ("id") VALUES(1);']);
  const blob = `X'${'ab'.repeat(60_000)}'`;
  expect(() => splitStatement(`INSERT INTO "t" ("b") VALUES(${blob});`)).toThrow('a row of "t" is too long');
  expect(() => splitStatement(`INSERT INTO t VALUES(1,${blob});`)).toThrow('cannot split: INSERT INTO t');
});
