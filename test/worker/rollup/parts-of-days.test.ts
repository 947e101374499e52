/** How much of an hour one run sums where its nodes' hours lie in their days: a day is decoded whole for one of them. */
import { beforeEach, expect, test } from 'vitest';
import { nodeDayKey } from '../../../worker/storage/node-days.ts';
import { nodeHourKey } from '../../../worker/storage/node-hour-key.ts';
import { readLedgerBytes } from '../../../worker/storage/rollup-parts.ts';
import { DAY_MS, database, HOUR_MS } from '../emissions/support.ts';
import { recordingDatabase } from '../storage/recording-database.ts';

const HOUR = DAY_MS / HOUR_MS + 5;

beforeEach(async () => {
  await database.batch(['node_hours', 'node_days'].map((table) => database.prepare(`DELETE FROM ${table}`)));
});

const storeHour = (number: number, bytes: number) =>
  database
    .prepare('INSERT INTO node_hours (key, version, received_at_ms, ledger) VALUES (?1, 1, 1, zeroblob(?2))')
    .bind(nodeHourKey(number, HOUR * HOUR_MS), bytes)
    .run();
const storeDay = (number: number, bytes: number) =>
  database
    .prepare('INSERT INTO node_days (key, received_at_ms, mark, hours) VALUES (?1, 1, 1, zeroblob(?2))')
    .bind(nodeDayKey(number, Math.floor(HOUR / 24)), bytes)
    .run();

test('a day counts for what its decoding takes, beside a row of the hour as well', async () => {
  await storeHour(1, 900);
  await storeDay(2, 18_000);
  await storeHour(3, 900);
  await storeDay(3, 18_000);
  // Of another hour and another day.
  await storeDay(5, 18_000);
  await database.prepare('UPDATE node_days SET key = key + 1 WHERE key >> 15 = 5').run();
  expect([...(await readLedgerBytes(database, [1, 2, 3, 4, 5], HOUR))]).toEqual([
    [1, 900],
    [2, 6_000],
    [3, 6_900],
    [4, 0],
    [5, 0],
  ]);
});

test('rows are found by their keys', async () => {
  const { database: recording, recorded } = recordingDatabase(database);
  await readLedgerBytes(recording, [1, 2], HOUR);
  const { sql, values } = recorded[0]!;
  const { results } = await database
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .bind(...values)
    .all<{ detail: string }>();
  expect(results.map(({ detail }) => detail)).toEqual([
    expect.stringMatching(/^SCAN node VIRTUAL TABLE/),
    expect.stringMatching(/^SEARCH hours USING INTEGER PRIMARY KEY/),
    expect.stringMatching(/^SEARCH days USING INTEGER PRIMARY KEY/),
  ]);
});
