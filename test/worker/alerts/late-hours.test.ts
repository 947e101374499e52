/** An hour that changes late is summed once more: also while its nodes are being summed, and when a setting changes it. */
import { beforeAll, expect, test, vi } from 'vitest';
import { readCursor } from '../../../worker/storage/alert-cursor.ts';
import { Shards } from '../../../worker/storage/shards.ts';
import { NODES_PER_STEP } from '../../../worker/use-cases/alerts/run.ts';
import { evaluateStep } from '../../../worker/use-cases/alerts/step.ts';
import { clock, DAY_MS, storeHours } from '../emissions/support.ts';
import {
  ask,
  database,
  forgetEvaluation,
  gpu,
  HOUR_MS,
  listed,
  MINUTE_MS,
  newNode,
  report,
  run,
  runToEnd,
  WINDOW_MS,
} from './support.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** More than one step sums. */
const OTHER_NODES = 2_001;
const NOW_MS = DAY_MS + 3 * HOUR_MS + 10 * MINUTE_MS;
const KILOWATT = 1_000 * WINDOW_MS;

const step = () =>
  evaluateStep({
    shards: new Shards([database]),
    nowMs: NOW_MS,
    reportEverySeconds: 60,
    nodesPerStep: NODES_PER_STEP.paid,
    forecastsOf: async () => new Map(),
    enqueue: () => [],
  });

const passOf = async () => (await readCursor(database)).cursor!.pass;

let token = '';

/** 1 kW in these windows of the second hour, which is dirty. */
async function booked(windows: number): Promise<void> {
  const energies = Array.from({ length: 12 + windows }, (_, i) => (i < 12 ? null : [gpu('GPU-1', KILOWATT)]));
  await report(token, energies);
}

beforeAll(async () => {
  await forgetEvaluation();
  clock.nowMs = DAY_MS;
  for (const [id, gridZone] of [
    ['de', 'DE'],
    ['fr', 'FR'],
    ['mistake', 'PL'],
  ])
    await ask('POST', '/v1/sites', { id, gridZone, pueRatio: 1 });
  token = (await newNode('first', 'de')).token;
  await database
    .prepare(`INSERT INTO nodes (number, id, hostname, labels, fingerprint, machine_fingerprint, enrolled_at_ms, simulated, agent_version)
      SELECT 1000 + value, 'other-' || value, 'other', '{}', value, value, ?2, 0, '0.1.0' FROM json_each(?1)`)
    .bind(JSON.stringify(Array.from({ length: OTHER_NODES }, (_, i) => i)), DAY_MS)
    .run();
  await storeHours('DE', [100, 500, 100, 100]);
  const rule = { kind: 'dirtyHours', name: 'Dirty', aboveGramsPerKwh: 300, abovePowerWatts: 500 };
  await ask('PUT', '/v1/alert-rules', { alertRules: [rule] });
  await run(DAY_MS + 10 * MINUTE_MS);
  clock.nowMs = DAY_MS + 2 * HOUR_MS + 11 * MINUTE_MS;
});

test('while it is summed late, and while it is summed for the first time', async () => {
  // The second hour has its first nodes, and then hears more of them.
  while ((await passOf())?.hourStartMs !== DAY_MS + HOUR_MS) await step();
  expect((await passOf())!.afterNode).toBeGreaterThan(0);
  await booked(6);
  await runToEnd(NOW_MS);
  expect((await listed()).map(({ energyKwh }) => energyKwh)).toEqual([0.5]);

  await booked(8);
  while ((await passOf())?.hourStartMs !== DAY_MS + HOUR_MS) await step();
  await booked(12);
  await runToEnd(NOW_MS);
  expect((await listed()).map(({ energyKwh }) => energyKwh)).toEqual([1]);
});

test('a node that had moved, although a site was deleted since the last run', async () => {
  await ask('DELETE', '/v1/sites/mistake');
  await ask('PATCH', '/v1/nodes/first', { site: 'fr', effectiveFrom: new Date(DAY_MS).toISOString() });
  await runToEnd(NOW_MS);
  expect(await listed()).toMatchObject([{ state: 'withdrawn' }]);
});
