/** Months of a fleet that is too large to be joined node by node: closed from sums, compared with the join over shorter ranges. */
import { beforeAll, expect, test } from 'vitest';
import { Shards } from '../../../worker/storage/shards.ts';
import { emissions } from '../../../worker/use-cases/emissions.ts';
import {
  ask,
  clock,
  DAY_MS,
  database,
  gpu,
  H100,
  HOUR_MS,
  newNode,
  storeHours,
  WINDOW_MS,
} from '../emissions/support.ts';
import { rollUp } from '../rollup/support.ts';
import { refusal } from '../support/api.ts';
import { copiesOfFirst } from '../support/copied-nodes.ts';

const NODES = 71;
const DAYS = 30;
/** The join takes up to 50,000 node-hours: 29 days. */
const PIECE_DAYS = 10;
const GPU = 'GPU-00000000-0000-4000-8000-0000000000aa';
const DAY = 24 * HOUR_MS;
const END_MS = DAY_MS + DAYS * DAY;
const iso = (ms: number) => new Date(ms).toISOString();
const month = { from: iso(DAY_MS), to: iso(END_MS) };
const WINDOW_MILLIJOULES = 90_000_000;

type Figures = Record<string, number>;
interface Period {
  readonly id: number;
  readonly closedAt: string;
  readonly figure: Figures;
  readonly adjustments: readonly { readonly period: number; readonly adjustment: Figures }[];
}
interface PeriodNow extends Period {
  readonly now: Figures;
  readonly adjustment: Figures;
  readonly hoursWaiting: number;
  readonly changes: readonly { readonly what: string }[];
}
interface Answer {
  readonly totals: Figures;
  readonly groups: readonly (Figures & { readonly key: string })[];
}
interface Statement {
  readonly totals: Figures;
  readonly parts: readonly (Figures & { readonly type: string; readonly name: string })[];
  readonly zones: readonly (Figures & { readonly gridZone: string })[];
  readonly hardware: readonly (Figures & { readonly model: string })[];
}

const close = (said: object) => ask<Period>('POST', '/v1/periods', { ...month, ...said });
const period = (id: number) => ask<PeriodNow>('GET', `/v1/periods/${id}`);
const SUMS = [
  'energyKwh',
  'facilityEnergyKwh',
  'operationalGrams',
  'embodiedGrams',
  'totalGrams',
  'gpuSeconds',
] as const;

/** Hour by hour through the month, so that each day differs from the next. */
async function tell(
  from: number,
  hours: number,
  revision: number,
  energyMillijoules: number,
  sentAtMs: number,
) {
  clock.nowMs = sentAtMs;
  const reports = Array.from({ length: hours }, (_, i) => ({
    windowStartMs: DAY_MS + (from + i) * HOUR_MS,
    epoch: 'epoch0001',
    revision,
    final: false,
    devices: [gpu(GPU, energyMillijoules + (from + i) * 10_000)],
    jobs: [],
  }));
  const inventory = {
    hostname: 'first',
    kernel: '6.8',
    productName: '',
    parts: [
      { id: GPU, type: 'gpu', name: H100 },
      { id: 'cpu-0', type: 'cpu', name: 'AMD EPYC 9654 96-Core Processor' },
    ],
  };
  const said = { version: 1, sentAtMs, agentVersion: '0.1.0', reports, ...(from === 0 ? { inventory } : {}) };
  await ask('POST', '/v1/ingest', said, token);
}

/** As it was known at `asOf`, node by node: ranges that the join takes, summed. */
async function joined(asOf: string, groupBy = 'gridZone', filter = '', more = '') {
  const sums: Figures = {};
  const groups = new Map<string, Figures>();
  for (let day = 0; day < DAYS; day += PIECE_DAYS) {
    const range = `from=${iso(DAY_MS + day * DAY)}&to=${iso(DAY_MS + (day + PIECE_DAYS) * DAY)}`;
    const path = `/v1/fleet/emissions?${range}&groupBy=${groupBy}&filter=${filter}&asOf=${asOf}${more}`;
    const answer = await ask<Answer>('GET', path);
    for (const name of SUMS) sums[name] = (sums[name] ?? 0) + answer.totals[name]!;
    for (const group of answer.groups) {
      const own = groups.get(group.key) ?? {};
      groups.set(group.key, own);
      for (const name of SUMS) own[name] = (own[name] ?? 0) + group[name]!;
    }
  }
  return { sums, groups };
}

function expectClose(actual: Figures, expected: Figures): void {
  for (const name of SUMS) {
    const within = 1e-9 * Math.max(1, Math.abs(expected[name]!));
    expect(
      Math.abs(actual[name]! - expected[name]!),
      `${name} ${actual[name]} ${expected[name]}`,
    ).toBeLessThan(within);
  }
}

let token: string;
let nodeId: string;

beforeAll(async () => {
  await storeHours(
    'PL',
    Array.from({ length: DAYS * 24 }, (_, hour) => 500 + (hour % 24) * 10),
  );
  await ask('POST', '/v1/sites', { id: 'waw', gridZone: 'PL', pueRatio: 1.25 });
  ({ token, nodeId } = await newNode('first', 'waw'));
  for (let day = 0; day < DAYS; day++)
    await tell(day * 24, 24, 1, WINDOW_MILLIJOULES, DAY_MS + (day + 1) * DAY + WINDOW_MS);
  for (const copy of copiesOfFirst(2, NODES)) await database.prepare(copy).run();
  await database
    .prepare(
      `INSERT INTO parts SELECT nodes.number, ${await columnsOfParts()} FROM parts JOIN nodes ON nodes.number > 1 WHERE node_number = 1`,
    )
    .run();
  clock.nowMs = END_MS + 3 * HOUR_MS;
  await rollUp(DAYS);
}, 120_000);

/** All but the number of the node. */
async function columnsOfParts(): Promise<string> {
  const { results } = await database.prepare('PRAGMA table_info(parts)').all<{ name: string }>();
  return results
    .slice(1)
    .map(({ name }) => `parts.${name}`)
    .join(', ');
}

const statementOf = (id: number) => ask<Statement>('GET', `/v1/periods/${id}/statement`);
let closed: Period;
let stated: Statement;
/** Of one node. */
let ofNode: Statement & { readonly id: number };

test('a month is closed with the figure of the join', async () => {
  closed = await close({});
  const { sums } = await joined(closed.closedAt);
  expect(sums.energyKwh).toBeGreaterThan(1);
  expect(sums.embodiedGrams).toBeGreaterThan(1);
  expectClose(closed.figure, sums);
  const now = await period(closed.id);
  expect(now).toMatchObject({ hoursWaiting: 0, changes: [], adjustment: { energyKwh: 0, gpuSeconds: 0 } });
});

test('a statement of it has the zones, models and parts of the join', async () => {
  stated = await statementOf(closed.id);
  expect(stated.totals).toEqual(closed.figure);
  const { groups } = await joined(closed.closedAt);
  expect(stated.zones.map(({ gridZone }) => gridZone)).toEqual([...groups.keys()]);
  expect(stated.zones[0]!.operationalGrams! / groups.get('PL')!.operationalGrams!).toBeCloseTo(1, 9);
  expect(stated.hardware).toMatchObject([{ model: H100, gpuCount: NODES }]);
  const parts = new Map<string, Figures>();
  for (let day = 0; day < DAYS; day += PIECE_DAYS) {
    const query = {
      nodeId: null,
      fromMs: DAY_MS + day * DAY,
      toMs: DAY_MS + (day + PIECE_DAYS) * DAY,
      step: 'none',
      basis: 'lifecycle',
      signal: 'average',
      withParts: true,
    } as const;
    const answer = await emissions(new Shards([database]), query, clock.nowMs);
    if (!answer.ok) throw new Error(answer.problem.detail);
    for (const { type, count, grams } of answer.value.embodiedParts)
      parts.set(type, { count, grams: (parts.get(type)?.grams ?? 0) + grams });
  }
  expect(stated.parts.map(({ type }) => type).sort()).toEqual([...parts.keys()].sort());
  for (const { type, count, embodiedGrams } of stated.parts) {
    expect(count, type).toBe(parts.get(type)!.count);
    expect(embodiedGrams! / parts.get(type)!.grams!, type).toBeCloseTo(1, 9);
  }
  const sum = stated.parts.reduce((all, { embodiedGrams }) => all + embodiedGrams!, 0);
  expect(sum / closed.figure.embodiedGrams!).toBeCloseTo(1, 9);
  const { id } = await close({ filter: `node:${nodeId}` });
  ofNode = { ...(await statementOf(id)), id };
});

/** As it was known when it was closed, by whoever may read. */
const asOfClosing = (more = '') =>
  ask<Answer>('GET', `/v1/fleet/emissions?from=${month.from}&to=${month.to}&asOf=${closed.closedAt}${more}`);

test('asked for as of its closing, the fleet has the frozen figure, and each node and project what it had', async () => {
  expectClose((await asOfClosing()).totals, closed.figure);
  const { totals, groups } = await asOfClosing('&groupBy=node');
  expectClose(totals, closed.figure);
  expect(groups.length).toBe(NODES);
  const { groups: joinedGroups } = await joined(closed.closedAt, 'node');
  for (const group of groups) expectClose(group, joinedGroups.get(group.key)!);
  expectClose((await asOfClosing('&groupBy=project')).totals, closed.figure);
});

/** Hours of one node that are told anew: each as a tenth of a kWh more. */
const LATE_HOURS = 5;
const LATE_KWH = (LATE_HOURS * 10_000_000) / 3_600_000_000;

test('what comes later is a difference at once or waits, and is booked with the next closing all the same', async () => {
  await tell(24, LATE_HOURS, 2, WINDOW_MILLIJOULES + 10_000_000, clock.nowMs + 1_000);
  // Too many to be joined for everybody who looks.
  const waiting = await period(closed.id);
  expect(waiting).toMatchObject({ hoursWaiting: LATE_HOURS, adjustment: { energyKwh: 0 } });
  expect(waiting.changes.map(({ what }) => what)).toEqual(['energy']);
  const next = await close({ from: month.to, to: iso(END_MS + HOUR_MS) });
  expect(next.adjustments).toMatchObject([{ period: closed.id }]);
  expect(next.adjustments[0]!.adjustment.energyKwh).toBeCloseTo(LATE_KWH, 12);
  // The same month in another scope holds them from the beginning.
  const again = await close({ filter: 'site:waw' });
  expect(again.figure.energyKwh).toBeCloseTo(closed.figure.energyKwh! + LATE_KWH, 9);
  expectClose(again.figure, (await joined(again.closedAt)).sums);
  expectUnchanged(await statementOf(closed.id), stated);
  expectClose((await asOfClosing('&groupBy=node')).totals, closed.figure);

  await rollUp(DAYS);
  const now = await period(closed.id);
  expect(now.hoursWaiting).toBe(0);
  expect(now.adjustment.energyKwh).toBeCloseTo(LATE_KWH, 12);
  expectClose(now.now, again.figure);
  expectUnchanged(await statementOf(closed.id), stated);
});

test('under market accounting it is closed and stated too, with what contracts of a longer vintage cover', async () => {
  clock.nowMs += 1_000;
  const kwh = 5;
  const vintage = { vintageFrom: iso(DAY_MS), vintageTo: iso(END_MS + 60 * DAY) };
  const certificates = { kind: 'certificate', kwh, gramsPerKwh: 0, source: 'test', ...vintage };
  await ask('PATCH', '/v1/sites/waw', { supplyContracts: { certificates } });
  const market = await close({ accounting: 'market' });
  const { sums } = await joined(market.closedAt);
  // All that was used of the vintage is of the month; it is more than was contracted.
  const share = kwh / sums.facilityEnergyKwh!;
  expect(share).toBeLessThan(1);
  const { sums: ofMarket } = await joined(market.closedAt, 'gridZone', '', '&accounting=market');
  expectClose(market.figure, ofMarket);
  expect(market.figure.energyKwh).toBeCloseTo(sums.energyKwh!, 9);
  expect(market.figure.operationalGrams! / sums.operationalGrams!).toBeCloseTo(1 - share, 9);
  const statement = await statementOf(market.id);
  expect(statement.totals).toEqual(market.figure);
  expect(statement.zones[0]!.operationalGrams! / market.figure.operationalGrams!).toBeCloseTo(1, 9);
  expect(await period(market.id)).toMatchObject({ hoursWaiting: 0, adjustment: { operationalGrams: 0 } });
});

test('nodes that enrol later change no statement of the time before', async () => {
  clock.nowMs += 1_000;
  const { nodeId: id } = await newNode('later', 'waw');
  await ask('PATCH', `/v1/nodes/${id}`, { labels: { rack: 'r2' } });
  expectUnchanged(await statementOf(closed.id), stated);
});

test('a statement is of what was known when it was closed: settings, hours and hardware', async () => {
  clock.nowMs += 1_000;
  await ask('PATCH', '/v1/sites/waw', { pueRatio: 2, effectiveFrom: month.from });
  expectUnchanged(await statementOf(closed.id), stated);
  // Another model, which puts its node in another group from the beginning.
  const other = gpu('GPU-00000000-0000-4000-8000-0000000000bb', 1_000_000, { name: 'NVIDIA L40S' });
  const report = { windowStartMs: END_MS + 2 * HOUR_MS, epoch: 'epoch0001', revision: 1, final: true };
  const reports = [{ ...report, devices: [other], jobs: [] }];
  const said = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports };
  await ask('POST', '/v1/ingest', said, token);
  for (const path of [
    `/v1/periods/${closed.id}/statement`,
    `/v1/fleet/emissions?from=${month.from}&to=${month.to}&asOf=${closed.closedAt}`,
  ]) {
    const refused = await refusal(await clock.call('GET', path));
    expect(refused).toMatchObject({ status: 400, code: 'range_too_long' });
  }
  expectUnchanged(await statementOf(ofNode.id), ofNode);
  await rollUp(DAYS);
  expectUnchanged(await statementOf(ofNode.id), ofNode);
});

test('where more is to be summed again than is joined, closing is refused until it is', async () => {
  const scope = { filter: 'gridZone:PL' };
  const refused = async () => {
    const response = await clock.call('POST', '/v1/periods', { ...month, ...scope });
    expect(response.headers.get('Retry-After')).toMatch(/^\d+$/);
    expect(await refusal(response)).toMatchObject({ status: 503, code: 'overloaded' });
  };
  // Sums of another version, before cron has seen that.
  const { made } = (await database
    .prepare('SELECT made_with AS made FROM rollup_state')
    .first<{ made: string }>())!;
  await database.prepare("UPDATE rollup_state SET made_with = 'another'").run();
  await refused();
  await database.prepare('UPDATE rollup_state SET made_with = ?').bind(made).run();

  clock.nowMs += 1_000;
  await ask('PATCH', '/v1/sites/waw', { embodiedLifetimeYears: 6, effectiveFrom: month.from });
  await refused();
  await rollUp(DAYS);
  const late = await close(scope);
  expect(late.figure.embodiedGrams).not.toBeCloseTo(closed.figure.embodiedGrams!, 3);
  expectClose(late.figure, (await joined(late.closedAt)).sums);
  expect(await period(late.id)).toMatchObject({ adjustment: { energyKwh: 0 }, hoursWaiting: 0 });
});

/** But for rounding. */
function expectUnchanged(actual: unknown, expected: unknown, at = 'statement'): void {
  if (typeof expected === 'object' && expected !== null) {
    for (const [key, value] of Object.entries(expected))
      if (key !== 'id' && !TOLD_OTHERWISE.has(key))
        expectUnchanged((actual as Record<string, unknown>)[key], value, `${at} ${key}`);
    return;
  }
  if (typeof expected === 'number') {
    expect(Math.abs((actual as number) - expected), at).toBeLessThanOrEqual(1e-9 * Math.abs(expected));
    return;
  }
  expect(actual, at).toBe(expected);
}

/** In no total: by the mean of the group in place of the device. */
const TOLD_OTHERWISE = new Set(['missingEnergyKwhEstimate']);
