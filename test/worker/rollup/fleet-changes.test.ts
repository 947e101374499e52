/** Nodes that were silent at first, left and came back, and reports that a person let in: rollups follow them too. */
import { beforeAll, expect, test } from 'vitest';
import {
  ask,
  clock,
  DAY_MS,
  database,
  gpu,
  HOUR_MS,
  newNode,
  steadySite,
  WINDOW_MS,
} from '../emissions/support.ts';
import { host } from '../support/enrolment.ts';
import { type Answer, expectSame, instant, rollUp } from './support.ts';

const DAYS = 6;
const QUERIES = [
  'step=hour',
  'groupBy=site&step=day',
  'groupBy=gpuModel',
  'groupBy=node&step=hour',
  'groupBy=node&step=day',
  'groupBy=job',
];
const GPU_ENERGY = 90_000_000;

const tokens = new Map<string, string>();
let last: { nodeId: string; token: string };
let revision = 1;

async function enrol(name: string): Promise<void> {
  last = await newNode(name, 'waw');
  tokens.set(name, last.token);
}

async function tell(name: string, hour: number, energyMillijoules = GPU_ENERGY): Promise<void> {
  const report = {
    windowStartMs: DAY_MS + hour * HOUR_MS,
    epoch: 'epoch0001',
    revision: revision++,
    final: true,
    devices: [gpu(`GPU-${name}`, energyMillijoules)],
    jobs: [],
  };
  const body = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports: [report] };
  await ask('POST', '/v1/ingest', body, tokens.get(name)!);
}

const at = (hour: number) => {
  clock.nowMs = DAY_MS + hour * HOUR_MS;
};

async function expectAllSame(): Promise<void> {
  for (const query of QUERIES) await expectSame(query);
}

beforeAll(async () => {
  at(0);
  await steadySite(DAYS);
  for (const name of ['silent', 'first', 'second', 'third']) await enrol(name);
});

test('time before the very first report is expected as well', async () => {
  at(72.7);
  for (const name of ['first', 'second', 'third']) for (const hour of [30, 40, 71]) await tell(name, hour);
  await rollUp(DAYS);
  await expectAllSame();
});

test('a node that retired and came back was away in between', async () => {
  at(76.2);
  await tell('third', 76);
  await ask('DELETE', `/v1/nodes/${last.nodeId}`);
  at(80.7);
  await rollUp(DAYS);
  await expectAllSame();
  at(90.3);
  const { key } = await ask<{ key: string }>('POST', '/v1/enrolment-keys', {
    label: 'back',
    site: 'waw',
    maxUses: null,
  });
  const back = await ask<{ nodeId: string; token: string }>('POST', '/v1/enroll', host('third'), key);
  expect(back.nodeId).toBe(last.nodeId);
  tokens.set('third', back.token);
  at(90.5);
  await tell('third', 90);
  await expectAllSame();
  at(96.7);
  await rollUp(DAYS);
  await expectAllSame();
  const { series } = await ask<Answer>('GET', `/v1/fleet/emissions?step=hour&from=${instant(0)}`);
  expect([70, 76, 85, 90, 95].map((hour) => series[hour]?.nodesExpected)).toEqual([4, 4, 3, 4, 4]);
});

test('what a person releases from quarantine is summed with its hour', async () => {
  const tenKilowatts = (10_000_000 * WINDOW_MS) / 1_000;
  const before = await energyKwh();
  await tell('second', 41, tenKilowatts);
  await rollUp(DAYS);
  expect(await energyKwh()).toBe(before);
  const { quarantine } = await ask<{ quarantine: { id: number }[] }>('GET', '/v1/quarantine');
  await ask('POST', `/v1/quarantine/${quarantine[0]!.id}/release`);
  await rollUp(DAYS);
  expect((await energyKwh()) - before).toBeCloseTo(tenKilowatts / 3.6e9, 9);
  await expectAllSame();
});

test('a report that was too old, once it is released, is in every group', async () => {
  await tell('first', -40 * 24);
  const { quarantine } = await ask<{ quarantine: { id: number; code: string }[] }>('GET', '/v1/quarantine');
  expect(quarantine[0]!.code).toBe('window_too_old');
  await ask('POST', `/v1/quarantine/${quarantine[0]!.id}/release`);
  await rollUp(DAYS);
  const long = `from=${instant(-41 * 24)}&to=${instant(24)}`;
  for (const query of ['groupBy=node', 'groupBy=job', 'groupBy=node&step=day', 'groupBy=site'])
    await expectSame(`${long}&${query}`);
});

test('hours that another version summed are summed again', async () => {
  // As if it had told expected time otherwise: nothing marks that.
  await database
    .prepare('UPDATE nodes SET enrolled_at_ms = enrolled_at_ms + ?1 WHERE number > 1')
    .bind(5 * HOUR_MS)
    .run();
  await rollUp(DAYS);
  await expect(expectAllSame()).rejects.toThrow(/coverage/);
  await database.prepare("UPDATE rollup_state SET made_with = 'another'").run();
  await rollUp(DAYS);
  await expectAllSame();
});

async function energyKwh(): Promise<number> {
  const { totals } = await ask<Answer>('GET', `/v1/fleet/emissions?from=${instant(0)}`);
  return totals.energyKwh as number;
}
