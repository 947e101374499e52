/** A host of hundreds of jobs has a day that is more than a value of D1 may be: it moves as far as it fits. */
import { beforeAll, expect, test } from 'vitest';
import type { HourLedger } from '../../../shared/ledger/hour.ts';
import { encodeHour } from '../../../shared/ledger/hour-codec.ts';
import { retentionSettings } from '../../../shared/settings/retention.ts';
import { nodeHourKey } from '../../../worker/storage/node-hour-key.ts';
import { readNodeHours } from '../../../worker/storage/node-hours.ts';
import { runRetention } from '../../../worker/use-cases/retention/run.ts';
import { clock, DAY_MS, database, HOUR_MS, newNode } from '../emissions/support.ts';
import { numberOf } from '../ingest/support.ts';
import { recordingDatabase } from '../storage/recording-database.ts';

const DAY = 24 * HOUR_MS;
/** As published. */
const MAX_VALUE_BYTES = 2_000_000;
/** With a device just below what an hour may hold. */
const SHARES_PER_WINDOW = 498;
let number: number;

/** The same sequence each time. */
let state = 7;
function below(limit: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
}

const heavyHour = (): HourLedger => ({
  windows: Array.from({ length: 12 }, () => [
    {
      epoch: 'epoch0001',
      revision: 300,
      final: true,
      contentDigest: below(2 ** 32),
      devices: [
        {
          deviceIndex: 0,
          meteredMilliseconds: 300_000,
          energyMillijoules: 1_000_000_000 + below(1_000_000),
          kind: 'counter',
          recoveredMillijoules: 0,
          integratedMillijoules: null,
          idleMillijoules: 0,
          utilizationRatio: null,
        },
      ],
      jobShares: Array.from({ length: SHARES_PER_WINDOW }, () => ({
        jobNumber: 1 + below(1_000_000),
        deviceIndex: 0,
        energyMillijoules: below(2_000_000),
        allocatedMilliseconds: below(600),
      })),
    },
  ]),
});

const hoursStored = async () => {
  const hours: (readonly [number, HourLedger])[] = [];
  const query = { nodeNumbers: [number], fromMs: DAY_MS, toMs: DAY_MS + 2 * DAY };
  for await (const { hourStartMs, ledger } of readNodeHours(database, query))
    hours.push([hourStartMs, ledger]);
  return hours;
};

beforeAll(async () => {
  clock.nowMs = DAY_MS;
  await clock.call('POST', '/v1/sites', { id: 'heavy', gridZone: 'DE', pueRatio: 1 });
  number = await numberOf((await newNode('heavy-a', 'heavy')).nodeId);
  const insert = database.prepare(
    'INSERT INTO node_hours (key, version, received_at_ms, ledger, series0) VALUES (?1, 1, ?2, ?3, ?4)',
  );
  // The first hour of the day after keeps its row.
  for (let hour = 0; hour <= 24; hour++) {
    const startMs = DAY_MS + hour * HOUR_MS;
    const key = nodeHourKey(number, startMs);
    await insert.bind(key, startMs + HOUR_MS, encodeHour(heavyHour()), new Uint8Array([1])).run();
  }
});

test('no value is larger than D1 takes, and no hour is lost', async () => {
  const before = await hoursStored();
  expect(before).toHaveLength(25);
  const { database: recording, recorded } = recordingDatabase(database);
  const settings = retentionSettings({ RETENTION_PLAN: 'free' });
  for (let turn = 0; turn < 8; turn++)
    await runRetention({ db: recording, bucket: null, settings, nowMs: DAY_MS + 5 * DAY });
  const task = await database.prepare("SELECT day FROM retention_tasks WHERE task = 'series'").first('day');
  expect(task).toBeGreaterThan(DAY_MS / DAY);
  const longest = Math.max(
    ...recorded.flatMap(({ values }) =>
      values.map((value) => (typeof value === 'string' ? value.length : 0)),
    ),
  );
  expect(longest).toBeLessThan(MAX_VALUE_BYTES);
  expect(longest).toBeGreaterThan(MAX_VALUE_BYTES / 2);
  const left = `SELECT COUNT(*) AS rows, COUNT(series0) AS series FROM node_hours WHERE key < ${nodeHourKey(number, DAY_MS + DAY)}`;
  const { rows, series } = (await database.prepare(left).first<{ rows: number; series: number }>())!;
  expect(rows).toBeLessThan(24);
  expect(series).toBe(0);
  expect(await hoursStored()).toEqual(before);
});
