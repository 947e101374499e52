/** A day of long ago that cannot be read, its object lost, keeps itself from being summed and nothing else. */
import { expect, test } from 'vitest';
import { runRollups, TURN_NODE_HOURS } from '../../../worker/use-cases/rollup/run.ts';
import { ask, clock, DAY_MS, database, HOUR_MS, newNode } from '../emissions/support.ts';
import { rollUp } from './support.ts';

test.each(['free', 'paid'] as const)('hours that end later are summed on the %s plan', async (plan) => {
  clock.nowMs = DAY_MS;
  await database.batch(
    ['rollup_state', 'rollup_marks', 'rollup_node_days'].map((table) =>
      database.prepare(`DELETE FROM ${table}`),
    ),
  );
  await ask('POST', '/v1/sites', { id: plan, gridZone: 'PL', pueRatio: 1 });
  const { nodeId } = await newNode(`node-${plan}`, plan);
  clock.nowMs = DAY_MS + 50 * HOUR_MS;
  await rollUp(3);
  // The hours of its sums are in an object that is not there.
  await database
    .prepare('UPDATE rollup_node_days SET mark = 7 WHERE key = (SELECT MIN(key) FROM rollup_node_days)')
    .run();
  await ask('POST', '/v1/sites', { id: `${plan}-2`, gridZone: 'PL', pueRatio: 1 });
  const effectiveFrom = new Date(DAY_MS + 5 * HOUR_MS).toISOString();
  await ask('PATCH', `/v1/nodes/${nodeId}`, { site: `${plan}-2`, effectiveFrom });
  let failed = 0;
  for (let turn = 0; turn < 200; turn++) {
    if (turn % 20 === 0) clock.nowMs += HOUR_MS;
    await runRollups(database, clock.nowMs, TURN_NODE_HOURS[plan]).catch((error: Error) => {
      expect(error.message).toContain('ARCHIVE');
      failed++;
    });
  }
  expect(failed).toBeGreaterThan(0);
  const state = await database
    .prepare('SELECT done_hour AS done FROM rollup_state')
    .first<{ done: number }>();
  expect(state!.done).toBe(Math.floor((clock.nowMs - 900_000) / HOUR_MS));
});
