import { expect, test } from 'vitest';
import { readLateHours } from '../../../worker/storage/retention-hours.ts';
import { database } from '../ingest/support.ts';

test('of two requests at once the later row may have the earlier time, and neither is passed over', async () => {
  const add = database.prepare('INSERT INTO ledger_revisions (hour_key, recorded_at_ms) VALUES (?1, ?2)');
  await database.batch([add.bind(1, 100), add.bind(2, 300), add.bind(3, 200)]);
  const keys = async (untilMs: number) =>
    (await readLateHours(database, 0, untilMs, 10)).map(({ key }) => key);
  expect(await keys(99)).toEqual([]);
  expect(await keys(250)).toEqual([1]);
  expect(await keys(300)).toEqual([1, 2, 3]);
});
