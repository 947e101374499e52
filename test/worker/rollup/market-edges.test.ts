/** Contracts whose vintages begin and end amid hours: what they cover is the same once those hours have left, and as one follows the other. */
import { beforeAll, expect, test } from 'vitest';
import { retentionSettings } from '../../../shared/settings/retention.ts';
import { runRetention } from '../../../worker/use-cases/retention/run.ts';
import { runRollups, TURN_NODE_HOURS } from '../../../worker/use-cases/rollup/run.ts';
import { ask, clock, DAY_MS, database, gpu, HOUR_MS, newNode, storeHours } from '../emissions/support.ts';
import { refusal } from '../support/api.ts';
import { type Answer, instant, rollUp, same } from './support.ts';

const DAYS = 38;
const REPORTED_HOURS = 60;
const settings = retentionSettings({
  RETENTION_HOURS_DAYS: '36',
  RETENTION_WITHOUT_ARCHIVE: 'everything',
});

interface Contract {
  readonly id: string;
  readonly usedKwh: number;
}
interface Period {
  readonly id: number;
  readonly figure: Record<string, number>;
  readonly now: Record<string, number>;
}

let token: string;

async function tell(hours: readonly number[], minute: number): Promise<void> {
  const reports = hours.map((hour) => ({
    windowStartMs: DAY_MS + hour * HOUR_MS + minute * 60_000,
    epoch: 'epoch0001',
    revision: 1,
    final: true,
    devices: [gpu('GPU-a', 90_000_000)],
    jobs: [],
  }));
  const said = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports };
  await ask('POST', '/v1/ingest', said, token);
}

const contract = (kwh: number, from: number, to: number) => ({
  kind: 'ppa',
  kwh,
  vintageFrom: instant(from),
  vintageTo: instant(to),
  gramsPerKwh: 0,
  source: 'test',
});

const market = (query: string) =>
  ask<Omit<Answer, 'contracts'> & { readonly contracts: readonly Contract[] }>(
    'GET',
    `/v1/fleet/emissions?accounting=market&${query}`,
  );

beforeAll(async () => {
  await storeHours(
    'PL',
    Array.from({ length: 72 }, (_, hour) => 300 + hour),
  );
  await ask('POST', '/v1/sites', { id: 'waw', gridZone: 'PL', pueRatio: 1 });
  ({ token } = await newNode('first', 'waw'));
  // More nodes than are read as they are now.
  for (const sql of [
    'UPDATE nodes SET number = 100',
    "UPDATE settings SET subject = 'node:100' WHERE subject LIKE 'node:%'",
    'UPDATE tokens SET node_number = 100 WHERE node_number IS NOT NULL',
  ])
    await database.prepare(sql).run();
  clock.nowMs = DAY_MS + 72 * HOUR_MS;
  // In the half of each hour that some vintages begin or end with.
  await tell(
    Array.from({ length: REPORTED_HOURS }, (_, hour) => hour),
    35,
  );
  await ask('PATCH', '/v1/sites/waw', {
    supplyContracts: { early: contract(100, 1.5, 3.5), late: contract(0.6, 3.5, REPORTED_HOURS) },
  });
});

test('what was used in a part of an hour counts as well once the hours have left', async () => {
  clock.nowMs = DAY_MS + DAYS * 24 * HOUR_MS;
  await rollUp(DAYS);
  const days = [`from=${instant(0)}&to=${instant(24)}&step=day`, `from=${instant(48)}&to=${instant(72)}`];
  const before = await Promise.all(days.map(market));
  expect(before[0]!.contracts.find(({ id }) => id === 'early')!.usedKwh).toBeCloseTo(0.05, 12);
  const closing = { from: instant(48), to: instant(72), accounting: 'market' };
  const { id, figure } = await ask<Period>('POST', '/v1/periods', closing);

  for (let run = 0; run < 4; run++)
    await runRetention({ db: database, bucket: null, settings, nowMs: clock.nowMs });
  const left = await database.prepare('SELECT COUNT(*) AS n FROM node_hours').first<{ n: number }>();
  expect(left!.n).toBeLessThan(REPORTED_HOURS);
  for (const [i, day] of days.entries()) {
    const { totals, contracts } = await market(day);
    same(totals, before[i]!.totals, `${day} accounting=market excluded`);
    same(contracts, before[i]!.contracts, `${day} accounting=market excluded`);
  }
  const { zones } = await ask<{ zones: readonly Record<string, number>[] }>(
    'GET',
    `/v1/periods/${id}/statement`,
  );
  expect(zones[0]!.operationalGrams! / figure.operationalGrams!).toBeCloseTo(1, 9);
  // What was known of a part of an hour went with it.
  const known = `asOf=${new Date(clock.nowMs).toISOString()}`;
  for (const end of [1.75, 2.75, 24]) {
    const path = `/v1/fleet/emissions?from=${instant(1.5)}&to=${instant(end)}&${known}`;
    const refused = await refusal(await clock.call('GET', path));
    expect(refused, `${end}`).toMatchObject({ status: 400, code: 'range_too_long' });
  }
  const whole = await ask<Answer>('GET', `/v1/fleet/emissions?from=${instant(0)}&to=${instant(24)}&${known}`);
  expect(whole.totals.energyKwh).toBe(before[0]!.totals.energyKwh);
  const early = await ask<Period>('POST', '/v1/periods', { ...closing, from: instant(0), to: instant(24) });
  expect(early.figure.operationalGrams! / (before[0]!.totals.operationalGrams as number)).toBeCloseTo(1, 9);
});

test('a vintage that begins after the newest sums covers what is read beside them', async () => {
  const hour = DAYS * 24;
  clock.nowMs = DAY_MS + (hour + 0.9) * HOUR_MS;
  await tell([hour], 10);
  for (let turn = 0; turn < 3; turn++) await runRollups(database, clock.nowMs, TURN_NODE_HOURS.paid);
  clock.nowMs = DAY_MS + (hour + 1.1) * HOUR_MS;
  await tell([hour + 1], 0);
  await ask('PATCH', '/v1/sites/waw', {
    supplyContracts: { old: contract(500, hour - 24, hour + 1), next: contract(500, hour + 1, hour + 700) },
  });
  const { nodes } = await ask<{ nodes: readonly { id: string }[] }>('GET', '/v1/nodes');
  const ofNode = await market(`from=${instant(hour)}&filter=node:${nodes[0]!.id}`);
  expect(ofNode.totals.energyKwh).toBeCloseTo(0.05, 12);
  expect(ofNode.totals.supplyKinds).toMatchObject({ contract: 1 });
  // What was used since the sums were made is in no contract's use yet.
  expect(ofNode.rolledUpTo).toBe(instant(hour + 0.9));
  expect(ofNode.contracts.find(({ id }) => id === 'old')!.usedKwh).toBeCloseTo(0.025, 12);
});
