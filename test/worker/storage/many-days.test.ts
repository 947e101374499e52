/** An hour of many nodes whose hours lie in their days: what is held at once is bounded, and nothing is left out. */
import { env } from 'cloudflare:test';
import { beforeAll, expect, test } from 'vitest';
import { encodeDay } from '../../../shared/ledger/day-codec.ts';
import { encodeDayFile } from '../../../shared/ledger/day-file.ts';
import type { HourLedger } from '../../../shared/ledger/hour.ts';
import { encodeHour } from '../../../shared/ledger/hour-codec.ts';
import { Attic, withAttic } from '../../../worker/storage/attic.ts';
import { countDayFile, putDayFile } from '../../../worker/storage/day-files.ts';
import { nodeDayKey } from '../../../worker/storage/node-days.ts';
import { nodeHourKey } from '../../../worker/storage/node-hour-key.ts';
import { readNodeHours } from '../../../worker/storage/node-hours.ts';
import { DAY_MS, database, HOUR_MS } from '../emissions/support.ts';

const { ARCHIVE } = env as unknown as { ARCHIVE: R2Bucket };
const DAY = Math.floor(DAY_MS / (24 * HOUR_MS));
const NODES = 600;
const NUMBERS = Array.from({ length: NODES }, (_, index) => index + 1);
/** Every tenth has the hour in a row again. */
const CHANGED = NUMBERS.filter((number) => number % 10 === 0);

const hour = (revision: number): HourLedger => ({
  windows: Array.from({ length: 12 }, (_, window) =>
    window > 0
      ? []
      : [{ epoch: 'epoch0001', revision, final: true, contentDigest: 1, devices: [], jobShares: [] }],
  ),
});
const day = encodeDay(new Map(Array.from({ length: 24 }, (_, index) => [index, hour(index + 1)])));

beforeAll(async () => {
  const insert = database.prepare(
    'INSERT INTO node_days (key, received_at_ms, mark, hours) VALUES (?1, 1, 1, ?2)',
  );
  const again = database.prepare(
    'INSERT INTO node_hours (key, version, received_at_ms, ledger) VALUES (?1, 1, 2, ?2)',
  );
  await database.batch([
    ...NUMBERS.map((number) => insert.bind(nodeDayKey(number, DAY), day)),
    ...CHANGED.map((number) =>
      again.bind(nodeHourKey(number, DAY_MS + 5 * HOUR_MS), encodeHour(hour(1_000))),
    ),
  ]);
});

/** @returns what was read, and the most days that were in one answer of the database */
async function read(real: D1Database) {
  let most = 0;
  const counting = new Proxy(real, {
    get(target, property) {
      if (property !== 'batch') {
        const member = Reflect.get(target, property) as unknown;
        return typeof member === 'function' ? member.bind(target) : member;
      }
      return async (statements: D1PreparedStatement[]) => {
        const answers = await real.batch<{ mark?: number; receivedAtMs: number | null }>(statements);
        for (const { results } of answers)
          most = Math.max(most, results.filter((row) => 'mark' in row && row.receivedAtMs !== null).length);
        return answers;
      };
    },
  });
  const query = { nodeNumbers: NUMBERS, fromMs: DAY_MS + 5 * HOUR_MS, toMs: DAY_MS + 6 * HOUR_MS };
  const hours: [number, number][] = [];
  for await (const { nodeNumber, hourStartMs, ledger } of readNodeHours(counting, query)) {
    expect(hourStartMs).toBe(DAY_MS + 5 * HOUR_MS);
    hours.push([nodeNumber, ledger.windows[0]![0]!.revision]);
  }
  return { hours, most };
}

const expected = NUMBERS.map((number) => [number, number % 10 === 0 ? 1_000 : 6]);

test('of days in rows', async () => {
  const { hours, most } = await read(database);
  expect(hours).toEqual(expected);
  expect(most).toBeLessThanOrEqual(256);
});

test('of days in files, and in both', async () => {
  const db = withAttic(database, new Attic(ARCHIVE));
  // The last block stays in rows.
  for (let block = 0; block < NODES / 64 - 1; block++) {
    const places = NUMBERS.filter((number) => Math.floor(number / 64) === block).map((number) => number % 64);
    const file = encodeDayFile(places.map((place) => ({ place, receivedAtMs: 1, hours: day })));
    const of = { shard: 0, block, day: DAY };
    await putDayFile(db, of, block + 1, file.bytes);
    const packed = places.map((place) => ({
      key: nodeDayKey(block * 64 + place, DAY),
      mark: 1,
      place,
      receivedAtMs: 1,
      hours: day,
    }));
    await database.batch(countDayFile(db, { of, before: null, mark: block + 1, file, packed }));
  }
  const { hours, most } = await read(db);
  expect(hours).toEqual(expected);
  expect(most).toBeLessThan(64);
});
