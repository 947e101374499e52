import { expect, test } from 'vitest';
import { findPeriod, insertPeriod } from '../../../worker/storage/periods.ts';
import { ask, clock, DAY_MS, database, HOUR_MS, storeHours } from '../emissions/support.ts';
import { refusal } from '../support/api.ts';
import { answerOf, iso, nodeAt, SETTLED_MS, type Told, tell, tellAll, WINDOWS } from './support.ts';

type Figures = Record<string, number>;
interface Period {
  readonly id: number;
  readonly filter: string;
  readonly closedAt: string;
  readonly closedBy: string;
  readonly why: string | null;
  readonly figure: Figures;
  readonly versions: {
    readonly catalogSha256: string;
    readonly settings: readonly { readonly key: string }[];
  };
  readonly adjustments: readonly { readonly period: number; readonly adjustment: Figures }[];
}
interface PeriodNow extends Period {
  readonly now: Figures;
  readonly adjustment: Figures;
  readonly factorsChanged: boolean;
  readonly changes: readonly { readonly what: string }[];
}

/** A site with six hours of recorded intensity, and its node. */
async function siteOf(id: string, gridZone: string): Promise<Told> {
  clock.nowMs = DAY_MS;
  await ask('POST', '/v1/sites', { id, gridZone, pueRatio: 1.5 });
  const node = await nodeAt(id);
  await storeHours(gridZone, [100, 100, 100, 200, 200, 200]);
  clock.nowMs = DAY_MS + 6 * HOUR_MS + 1;
  await tellAll(
    node,
    Array.from({ length: WINDOWS }, (_, at) => [at, 36_000_000] as const),
  );
  clock.nowMs = SETTLED_MS;
  return node;
}

const first = { from: iso(DAY_MS), to: iso(DAY_MS + 3 * HOUR_MS) };
const second = { from: iso(DAY_MS + 3 * HOUR_MS), to: iso(DAY_MS + 6 * HOUR_MS) };
const close = (said: object) => ask<Period>('POST', '/v1/periods', said);
const period = (id: number) => ask<PeriodNow>('GET', `/v1/periods/${id}`);
const open = (filter: string) =>
  ask<Omit<Period, 'id'> & { from: string }>('GET', `/v1/periods/open?filter=${filter}`);

test('a closed figure stays, and what comes later stands beside it and in the next closing', async () => {
  const node = await siteOf('closed', 'FI');
  const filter = 'site:closed';
  const january = await close({ ...first, filter, why: 'report of the year' });
  expect(january).toMatchObject({ closedBy: 'admin', why: 'report of the year', adjustments: [] });
  // 36 windows of 0.01 kWh, at PUE 1.5 and 100 g/kWh.
  expect(january.figure.energyKwh).toBe(0.36);
  expect(january.figure.operationalGrams).toBeCloseTo(54, 9);
  expect(january.versions.settings.map(({ key }) => key)).toEqual(
    expect.arrayContaining(['gridZone', 'pueRatio']),
  );
  expect(january.versions.catalogSha256).toMatch(/^[0-9a-f]{64}$/i);
  expect(await period(january.id)).toMatchObject({ now: january.figure, changes: [], factorsChanged: false });

  clock.nowMs += 1;
  await tell(node, 0, 72_000_000);
  await ask('PATCH', '/v1/sites/closed', { pueRatio: 2, effectiveFrom: first.from, why: 'new meter' });
  const restated = await period(january.id);
  expect(restated.figure).toEqual(january.figure);
  expect(restated.now.operationalGrams).toBeCloseTo(0.37 * 2 * 100, 9);
  expect(restated.adjustment.energyKwh).toBe(0.01);
  expect(restated.adjustment.operationalGrams).toBeCloseTo(74 - 54, 9);
  expect(restated.changes.map(({ what }) => what)).toEqual(['energy', 'pueRatio']);
  const asClosed = await ask<{ totals: Figures }>(
    'GET',
    `/v1/fleet/emissions?filter=${filter}&from=${first.from}&to=${first.to}&asOf=${january.closedAt}`,
  );
  expect(asClosed.totals).toEqual(january.figure);

  const running = await open(filter);
  expect(running.from).toBe(second.from);
  expect(running.figure.energyKwh).toBe(0.36);
  expect(running.adjustments).toMatchObject([{ period: january.id, adjustment: { energyKwh: 0.01 } }]);

  const february = await close({ ...second, filter });
  expect(february.figure.operationalGrams).toBeCloseTo(0.36 * 2 * 200, 9);
  expect(february.adjustments).toMatchObject([{ period: january.id, adjustment: { energyKwh: 0.01 } }]);
  expect((await open(filter)).adjustments).toEqual([]);

  // Only what has come since then is pending.
  clock.nowMs += 1;
  await tell(node, 1, 37_000_000);
  const [again] = (await open(filter)).adjustments;
  expect(again).toMatchObject({ period: january.id });
  expect(again!.adjustment.energyKwh).toBe(1_000_000 / 3_600_000_000);
  expect(again!.adjustment.operationalGrams).toBeCloseTo((1_000_000 / 3_600_000_000) * 2 * 100, 12);
});

test('a change that was under way while a period was closed is neither lost nor booked twice', async () => {
  const node = await siteOf('underway', 'SK');
  const filter = 'site:underway';
  clock.nowMs += 1_000;
  const closed = await close({ ...first, filter });
  // A slow request: stamped before the closing, committed after it.
  clock.nowMs -= 1;
  await tell(node, 0, 72_000_000);
  clock.nowMs += 2;
  const now = await period(closed.id);
  expect(now.changes.map(({ what }) => what)).toEqual(['energy']);
  expect(now.adjustment.energyKwh).toBe(0.01);
  expect((await open(filter)).adjustments).toMatchObject([{ adjustment: { energyKwh: 0.01 } }]);
  const next = await close({ ...second, filter });
  expect(next.adjustments).toMatchObject([{ period: closed.id, adjustment: { energyKwh: 0.01 } }]);
  expect((await open(filter)).adjustments).toEqual([]);
  // Committed between the figure and the closing: the figure has to be made again.
  const stored = (await findPeriod(database, next.id))!;
  const { changes } = await ask<{ changes: { id: number }[] }>('GET', '/v1/changes?limit=1');
  const stale = { ...stored, fromMs: 0, toMs: 1, lastChangeId: changes[0]!.id - 1 };
  expect(await insertPeriod(database, { ...stale, closedAtMs: clock.nowMs }, next.id)).toBeNull();
});

test('under market accounting a contract that is taken back moves what was closed with it', async () => {
  await siteOf('taken-back', 'HU');
  const scope = { filter: 'site:taken-back', accounting: 'market' };
  const contract = { kind: 'certificate', kwh: 0.27, gramsPerKwh: 0, source: 'test' };
  const vintage = { vintageFrom: first.from, vintageTo: first.to };
  await ask('PATCH', '/v1/sites/taken-back', { supplyContracts: { go: { ...contract, ...vintage } } });
  clock.nowMs += 1;
  const closed = await close({ ...first, ...scope });
  // Half of 0.54 kWh is covered, at 100 g/kWh.
  expect(closed.figure.operationalGrams).toBeCloseTo(27, 9);
  const running = () =>
    ask<Period>('GET', `/v1/periods/open?filter=${scope.filter}&accounting=${scope.accounting}`);
  expect((await running()).adjustments).toEqual([]);
  clock.nowMs += 1;
  await ask('PATCH', '/v1/sites/taken-back', { supplyContracts: { go: null } });
  const [pending] = (await running()).adjustments;
  expect(pending!.period).toBe(closed.id);
  expect(pending!.adjustment.operationalGrams).toBeCloseTo(27, 9);
});

test('closing twice is closing once; overlaps, the running time and nonsense are refused', async () => {
  const node = await siteOf('refusals', 'EE');
  const filter = `site:refusals,node:${node.nodeId}`;
  const refused = async (said: object) => refusal(await clock.call('POST', '/v1/periods', said));
  clock.nowMs = DAY_MS + 5 * HOUR_MS - 1;
  expect(await refused({ ...first, filter })).toEqual({ status: 409, code: 'period_not_over', field: '/to' });
  clock.nowMs = SETTLED_MS;
  const closed = await close({ ...first, filter });
  const before = await answerOf(node.nodeId);
  clock.nowMs += 1;
  // The same terms in another order are the same question.
  expect(await close({ ...first, filter: ` node:${node.nodeId}, site:refusals` })).toEqual(closed);
  const overlap = { from: iso(DAY_MS + HOUR_MS), to: second.to, filter };
  expect(await refused(overlap)).toEqual({ status: 409, code: 'period_overlaps', field: '/from' });
  expect(await close({ ...overlap, basis: 'direct' })).toMatchObject({ filter: closed.filter });
  expect(await refused({ from: first.to, to: first.from, filter })).toMatchObject({
    code: 'invalid_parameter',
  });
  expect(await refused({ ...first, filter: 'planet:earth' })).toMatchObject({ code: 'invalid_parameter' });
  expect(await answerOf(node.nodeId, SETTLED_MS)).toEqual(before);
  const missing = await clock.call('GET', '/v1/periods/999999');
  expect(await refusal(missing)).toMatchObject({ status: 404, code: 'not_found' });
  const never = await clock.call('GET', '/v1/periods/open?filter=site:never');
  expect(await refusal(never)).toMatchObject({ status: 404, code: 'not_found' });
});

test('two closings at once close once', async () => {
  await siteOf('racing', 'LV');
  const filter = 'site:racing';
  const closed = await Promise.all([
    close({ ...first, filter }),
    close({ ...first, filter }),
    close({ ...second, filter }),
  ]);
  expect(closed[0]).toEqual(closed[1]);
  const { periods } = await ask<{ periods: Period[] }>('GET', '/v1/periods?limit=200');
  expect(periods.filter((each) => each.filter === filter)).toHaveLength(2);
});

test('the log pages, newest first, and filters by subject, kind and time', async () => {
  await siteOf('logged', 'LT');
  const path = '/v1/changes?subject=site:logged';
  interface Page {
    readonly changes: readonly { readonly id: number; readonly what: string; readonly why: string | null }[];
    readonly nextCursor: string | null;
  }
  clock.nowMs += 1;
  await ask('PATCH', '/v1/sites/logged', { pueRatio: 1.1, why: 'audit' });
  const seen: number[] = [];
  let cursor = '';
  for (let page = 0; page < 4; page++) {
    const { changes, nextCursor } = await ask<Page>('GET', `${path}&limit=1${cursor}`);
    seen.push(changes[0]!.id);
    cursor = `&cursor=${nextCursor}`;
    expect(nextCursor === null).toBe(page === 3);
  }
  expect(seen).toEqual([...seen].sort((a, b) => b - a));
  const pue = await ask<Page>('GET', `${path}&what=pueRatio&from=${iso(clock.nowMs)}`);
  expect(pue.changes).toMatchObject([{ why: 'audit', from: 1.5, to: 1.1 }]);
  expect((await ask<Page>('GET', `${path}&to=${iso(DAY_MS)}`)).changes).toEqual([]);
  const backwards = await clock.call('GET', `${path}&from=${first.to}&to=${first.from}`);
  expect(await refusal(backwards)).toMatchObject({ status: 400, field: 'from' });
});

test('of hours that were deleted what was closed stands, and nothing is closed that cuts one', async () => {
  await siteOf('gone', 'EE');
  const scope = { ...first, filter: 'site:gone' };
  const closed = await close({ ...scope, accounting: 'market' });
  const tasks = ['windows', 'series', 'checks', 'days', 'sums', 'files', 'hours', 'dayFiles', 'late'];
  await database.batch([
    database.prepare('DELETE FROM retention_tasks'),
    database
      .prepare(
        `INSERT INTO retention_tasks (task, version, day, position, hours, files, bytes)
         SELECT value, 1, ?2, 0, 1, 0, 0 FROM json_each(?1)`,
      )
      .bind(JSON.stringify(tasks), DAY_MS / (24 * HOUR_MS)),
  ]);
  expect(await close({ ...scope, accounting: 'market' })).toEqual(closed);
  const refused = async (said: object) =>
    refusal(await clock.call('POST', '/v1/periods', { ...scope, ...said }));
  const lacking = { status: 400, code: 'range_too_long', field: '/from' };
  for (const accounting of ['location', 'market'])
    expect(await refused({ accounting, basis: 'direct', from: iso(DAY_MS + HOUR_MS / 2) })).toEqual(lacking);
  await database.prepare('DELETE FROM retention_tasks').run();
});
