/** What `npm start` says of a folder whose hours another version wrote. */
import { fileURLToPath } from 'node:url';
import { Miniflare } from 'miniflare';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assertReadable } from '../../deploy/local/ledger-format.ts';
import { applyMigrations, type Database } from '../../deploy/local/migrate.ts';
import { LEDGER_FORMAT } from '../../shared/ledger/hour-codec.ts';

let miniflare: Miniflare;
let database: Database;

beforeAll(async () => {
  miniflare = new Miniflare({
    modules: true,
    script: 'export default {}',
    compatibilityDate: '2026-07-01',
    cf: false,
    telemetry: { enabled: false },
    d1Databases: { DB: 'old' },
  });
  database = (await miniflare.getD1Database('DB')) as unknown as Database;
});

afterAll(() => miniflare.dispose());

const HOURS_PER_NODE = 2 ** 21;

/** As many bytes as tell the format. */
async function writeHour(node: number, hour: number, format: number): Promise<void> {
  await database
    .prepare('INSERT INTO node_hours (key, version, received_at_ms, ledger) VALUES (?, 1, 0, unhex(?))')
    .bind(node * HOURS_PER_NODE + hour, `${format.toString(16).padStart(2, '0')}00`)
    .run();
}

test('a new folder, nodes without hours and hours of this version are fine; older hours are one clear line', async () => {
  await expect(assertReadable(database, '.wattshed')).resolves.toBeUndefined();
  await applyMigrations(database, fileURLToPath(new URL('../../worker/schema/migrations', import.meta.url)));
  for (const number of [1, 2, 3])
    await database
      .prepare(
        `INSERT INTO nodes (number, id, hostname, labels, machine_fingerprint, fingerprint, agent_version,
                            simulated, enrolled_at_ms)
         VALUES (?1, 'node' || ?1, 'host' || ?1, '{}', 'm' || ?1, 'f' || ?1, '0.1.0', 0, 0)`,
      )
      .bind(number)
      .run();
  await writeHour(1, 480_000, LEDGER_FORMAT);
  await expect(assertReadable(database, '.wattshed')).resolves.toBeUndefined();
  // Its newest hour is of this version already.
  await writeHour(2, 480_000, 2);
  await writeHour(2, 480_001, LEDGER_FORMAT);
  await expect(assertReadable(database, '.wattshed')).rejects.toThrow(
    `the hours in .wattshed are in ledger format 2, and this version reads format ${LEDGER_FORMAT} only: start with another folder (--data DIR), or with the version that wrote them`,
  );
});
