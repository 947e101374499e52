/** Hours that have left the database: what a fleet, its sites and zones had in them is answered from their sums. */
import { beforeAll, expect, test } from 'vitest';
import { retentionSettings } from '../../../shared/settings/retention.ts';
import { runRetention } from '../../../worker/use-cases/retention/run.ts';
import { ask, clock, DAY_MS, database, gpu, HOUR_MS, newNode, storeHours } from '../emissions/support.ts';
import { type Answer, expectSame, instant, rollUp, same } from './support.ts';

const DAYS = 38;
const settings = retentionSettings({ RETENTION_HOURS_DAYS: '36', RETENTION_WITHOUT_ARCHIVE: 'everything' });
const tokens = new Map<string, string>();
let nodeId: string;

const HALF = { energyMillijoules: 45_000_000, allocatedMilliseconds: 150_000 };

async function tell(name: string, hours: readonly number[], device = `GPU-${name}`): Promise<void> {
  const reports = hours.map((hour) => ({
    windowStartMs: DAY_MS + hour * HOUR_MS,
    epoch: `epoch${device.length}000`,
    revision: 1,
    final: true,
    devices: [gpu(device, 90_000_000)],
    jobs: [{ id: `slurm:c:${hour % 3}`, devices: [{ ...HALF, id: device }] }],
  }));
  const body = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports };
  await ask('POST', '/v1/ingest', body, tokens.get(name)!);
}

const at = (hour: number) => {
  clock.nowMs = DAY_MS + hour * HOUR_MS;
};
/** In a few turns. */
async function letGo(): Promise<void> {
  for (let turn = 0; turn < 4; turn++)
    await runRetention({ db: database, bucket: null, settings, nowMs: clock.nowMs });
}
const oldestHour = async () => {
  const row = await database
    .prepare(
      `SELECT MIN(hour) AS hour FROM (
         SELECT key & ((1 << 21) - 1) AS hour FROM node_hours UNION ALL SELECT (key & ((1 << 15) - 1)) * 24 FROM node_days)`,
    )
    .first<{ hour: number }>();
  return row!.hour - DAY_MS / HOUR_MS;
};
const marks = async () =>
  (await database.prepare('SELECT COUNT(*) AS n FROM rollup_marks').first<{ n: number }>())!.n;

const FIRST_DAY = `from=${instant(0)}&to=${instant(24)}&step=hour`;
const QUERIES = [
  FIRST_DAY,
  `${FIRST_DAY}&groupBy=site`,
  `${FIRST_DAY}&groupBy=gpuModel`,
  `${FIRST_DAY}&groupBy=node`,
  `${FIRST_DAY}&groupBy=job`,
  `from=${instant(5)}&to=${instant(30)}&groupBy=node&filter=job:slurm:c:1`,
  `from=${instant(0)}&to=${instant(48)}&step=day`,
];

beforeAll(async () => {
  at(0);
  for (const zone of ['PL', 'DE'])
    await storeHours(
      zone,
      Array.from({ length: 72 }, (_, i) => 300 + i),
    );
  for (const id of ['waw', 'kat']) await ask('POST', '/v1/sites', { id, gridZone: 'PL', pueRatio: 1 });
  for (const name of ['a', 'b']) {
    const node = await newNode(name, 'waw');
    tokens.set(name, node.token);
    ({ nodeId } = node);
  }
  at(72);
  for (const name of tokens.keys())
    await tell(
      name,
      Array.from({ length: 60 }, (_, hour) => hour),
    );
  // In the middle of an hour: that one is joined node by node for as long as it is there.
  await ask('PATCH', '/v1/sites/waw', { gridZone: 'DE', effectiveFrom: instant(10.5) });
  at(DAYS * 24);
});

test('hours leave once they are summed, and answers stay as they were', async () => {
  await rollUp(DAYS);
  for (const query of QUERIES) await expectSame(query);
  const before = new Map<string, Answer>();
  for (const query of QUERIES) before.set(query, await ask('GET', `/v1/fleet/emissions?${query}`));
  await letGo();
  expect(await oldestHour()).toBe(48);
  for (const [query, { totals, series, groups }] of before) {
    const after = await ask<Answer>('GET', `/v1/fleet/emissions?${query}`);
    expect(after.hoursWaiting).toBe(0);
    const { totals: totalsNow, series: seriesNow, groups: groupsNow } = after;
    same([totalsNow, seriesNow, groupsNow], [totals, series, groups], query);
  }
});

test('an hour in which the zone changed goes to the zone that it began in, each window at its own intensity', async () => {
  const path = `/v1/fleet/emissions?${FIRST_DAY}`;
  const { totals } = await ask<Answer>('GET', path);
  const { groups, ...byZone } = await ask<Answer>('GET', `${path}&groupBy=gridZone`);
  expect(byZone.totals).toEqual(totals);
  expect(groups.map(({ key, energyKwh }) => [key, energyKwh])).toEqual([
    ['DE', expect.closeTo((13 * 2 * 90) / 3_600, 9)],
    ['PL', expect.closeTo((11 * 2 * 90) / 3_600, 9)],
  ]);
});

test('what has left is not to be summed again, what stays is, to the hour', async () => {
  const { totals } = await ask<Answer>('GET', `/v1/fleet/emissions?${FIRST_DAY}`);
  // Another device: all hours that the node has, or had.
  await tell('a', [DAYS * 24 - 1], 'GPU-new');
  const { hours } = (await database
    .prepare('SELECT MIN(key) >> 15 AS day, hours FROM rollup_marks')
    .first<{ day: number; hours: number }>())!;
  expect(await ask<Answer>('GET', `/v1/fleet/emissions?${FIRST_DAY}`)).toMatchObject({
    totals,
    hoursWaiting: 0,
  });
  expect(hours).toBe(2 ** 24 - 1);
  await rollUp(DAYS);
  expect(await marks()).toBe(0);
  expect(await ask<Answer>('GET', `/v1/fleet/emissions?${FIRST_DAY}`)).toMatchObject({ totals });
  await expectSame(`from=${instant(48)}&to=${instant(DAYS * 24)}&step=day`);
});

test('a day that begins to leave next is still summed again', async () => {
  await ask('PATCH', `/v1/nodes/${nodeId}`, { site: 'kat', effectiveFrom: instant(20) });
  await rollUp(DAYS);
  await expectSame(`from=${instant(48)}&to=${instant(DAYS * 24)}&step=day&groupBy=site`);
});

test('a report of hours that have left cannot be released, one of hours that stay can', async () => {
  await tell('b', [30, 50], 'GPU-late');
  const { quarantine } = await ask<{ quarantine: { id: number; windowStart: string }[] }>(
    'GET',
    '/v1/quarantine',
  );
  const release = async (hour: number) => {
    const { id } = quarantine.find(({ windowStart }) => Date.parse(windowStart) === DAY_MS + hour * HOUR_MS)!;
    return clock.call('POST', `/v1/quarantine/${id}/release`, {});
  };
  const refused = await release(30);
  expect(refused.status).toBe(409);
  expect(await refused.json()).toMatchObject({ detail: expect.stringContaining(instant(48)) });
  expect((await release(50)).status).toBeLessThan(300);
});
