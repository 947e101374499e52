/** An answer about nodes while the cron sums the hour that has just ended. */
import { expect, test } from 'vitest';
import { Shards } from '../../../worker/storage/shards.ts';
import { emissions } from '../../../worker/use-cases/emissions.ts';
import { ask, clock, DAY_MS, database, gpu, HOUR_MS, newNode, storeHours } from '../emissions/support.ts';
import { rollUp } from './support.ts';

const DAYS = 7;
const HOURS = DAYS * 24 - 9;
const NODES = ['a', 'b'];

test('an hour that is summed between plan and rows counts once', async () => {
  clock.nowMs = DAY_MS;
  await storeHours(
    'PL',
    Array.from({ length: DAYS * 24 }, () => 300),
  );
  await ask('POST', '/v1/sites', { id: 'waw', gridZone: 'PL', pueRatio: 1 });
  for (const name of NODES) {
    const { token } = await newNode(name, 'waw');
    clock.nowMs = DAY_MS + HOURS * HOUR_MS;
    const reports = Array.from({ length: HOURS }, (_, hour) => ({
      windowStartMs: DAY_MS + hour * HOUR_MS,
      epoch: 'epoch0001',
      revision: 1,
      final: true,
      devices: [gpu(`GPU-${name}`, 90_000_000)],
      jobs: [],
    }));
    const body = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports };
    await ask('POST', '/v1/ingest', body, token);
    clock.nowMs = DAY_MS;
  }
  // The last hour is over, but not summed yet.
  clock.nowMs = DAY_MS + HOURS * HOUR_MS + 60_000;
  await rollUp(DAYS);
  const meanwhile = {
    batch: (statements: D1PreparedStatement[]) => database.batch(statements),
    prepare: (sql: string) => {
      const statement = database.prepare(sql);
      if (!sql.includes('days.sums') || !sql.includes('rollup_node_days')) return statement;
      return {
        bind: (...values: unknown[]) => ({
          all: async () => {
            clock.nowMs = DAY_MS + HOURS * HOUR_MS + 1_200_000;
            await rollUp(DAYS);
            return statement.bind(...values).all();
          },
        }),
      };
    },
  } as unknown as D1Database;
  const query = {
    nodeId: null,
    fromMs: DAY_MS,
    toMs: DAY_MS + HOURS * HOUR_MS,
    step: 'none',
    groupBy: 'node',
    basis: 'lifecycle',
    signal: 'average',
  } as const;
  const answer = await emissions(new Shards([meanwhile]), query, DAY_MS + HOURS * HOUR_MS + 60_000);
  expect(answer).toMatchObject({
    ok: true,
    value: { totals: { energyKwh: (NODES.length * HOURS * 90_000_000) / 3.6e9 } },
  });
});
