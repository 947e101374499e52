/** The page of 10,000 nodes, against the real routes: each question is a bounded one, and its figures are those of the fleet. */
import { beforeAll, expect, test } from 'vitest';
import { ApiError, type Get } from '../../../worker/dashboard/api.ts';
import { FIRST_VIEW, loadOverview, type Overview } from '../../../worker/dashboard/load.ts';
import { runRollups, TURN_NODE_HOURS } from '../../../worker/use-cases/rollup/run.ts';
import {
  clock,
  DAY_MS,
  database,
  gpu,
  HOUR_MS,
  newNode,
  report,
  steadySite,
  WINDOW_MS,
} from '../emissions/support.ts';
import { copiesOfFirst } from '../support/copied-nodes.ts';

const NODES = 10_000;
const NODE_WATTS = 600;
interface Asked {
  readonly query: Readonly<Record<string, string>>;
  readonly bytes: number;
}
let asked: Asked[] = [];

const get: Get = async (path, query = {}) => {
  const response = await clock.call('GET', `${path}?${new URLSearchParams(query)}`);
  const text = await response.text();
  asked.push({ query, bytes: text.length });
  if (!response.ok) throw new ApiError(response.status, text);
  return JSON.parse(text);
};

const load = (view = FIRST_VIEW, known: Overview | null = null) => {
  asked = [];
  return loadOverview(get, clock.nowMs, view, known);
};

beforeAll(async () => {
  await steadySite();
  const { token } = await newNode('first', 'waw');
  clock.nowMs = DAY_MS + 2 * HOUR_MS + 4 * WINDOW_MS;
  await report(
    token,
    Array.from({ length: 28 }, () => [gpu('GPU-1', NODE_WATTS * WINDOW_MS)]),
  );
  for (const copy of copiesOfFirst(2, NODES)) await database.prepare(copy).run();
  for (let turn = 0; turn < 6; turn++) await runRollups(database, clock.nowMs, TURN_NODE_HOURS.paid);
});

test('it loads by bounded questions, and says what it does not list', async () => {
  const data = await load();
  expect(data.power).toEqual({
    watts: expect.closeTo(NODES * NODE_WATTS, 3),
    fromMs: DAY_MS + 2 * HOUR_MS,
    toMs: clock.nowMs,
  });
  expect(data.hours.map(({ coverage }) => coverage)).toEqual([1, 1, 1]);
  expect(data.today.nodesReporting).toBe(NODES);
  expect(data.leaders).toMatchObject({ trouble: null, others: { groupCount: NODES - 20 } });
  expect(data.leaders!.groups).toHaveLength(20);
  expect(data.nodes.rows).toHaveLength(20);
  expect(data.nodes.rows.map(({ power }) => power?.watts)).toEqual(
    Array.from({ length: 20 }, () => expect.closeTo(NODE_WATTS, 6)),
  );
  // Twenty of them are the power of the nodes listed.
  expect(asked.length).toBeLessThan(32);
  // The longest is a page of 200 nodes.
  expect(Math.max(...asked.map(({ bytes }) => bytes))).toBeLessThan(150_000);
});

test('the next nodes, more of those that emit most, and a filter are asked for', async () => {
  const { nodes } = await load();
  const next = await load({ place: { filter: '', cursors: [nodes.nextCursor!] }, leaders: 40 });
  expect(next.nodes.rows.map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, i) => `n-${i + 21}`));
  expect(next.leaders!.groups).toHaveLength(40);
  const one = await load({ place: { filter: 'node:n-9000', cursors: [] }, leaders: 20 });
  expect(one.nodes.rows.map(({ id }) => id)).toEqual(['n-9000']);
  expect(one.nodes.nextCursor).toBeNull();
});

test('those that emit most are asked for every ten minutes, or when more of them are wanted', async () => {
  const known = await load();
  const wasAsked = () => asked.some(({ query }) => query.groupBy === 'node');
  clock.nowMs += 5 * 60_000;
  expect((await load(FIRST_VIEW, known)).leaders).toBe(known.leaders);
  expect(wasAsked()).toBe(false);
  await load({ ...FIRST_VIEW, leaders: 40 }, known);
  expect(wasAsked()).toBe(true);
  clock.nowMs += 5 * 60_000;
  await load(FIRST_VIEW, known);
  expect(wasAsked()).toBe(true);
});

test('a filter that is none is told in its place, and the rest stands', async () => {
  const data = await load({ place: { filter: 'rack:7', cursors: [] }, leaders: 20 });
  expect(data.nodes).toMatchObject({ rows: [], trouble: expect.stringContaining('rack') });
  expect(data.today.nodesReporting).toBe(NODES);
});

test('where cron is late it loads as well, from the hours of each node', async () => {
  clock.nowMs = DAY_MS + 2 * HOUR_MS + 11 * WINDOW_MS;
  const data = await load();
  expect(data.today.energyKwh).toBeCloseTo((NODES * NODE_WATTS * 28 * WINDOW_MS) / HOUR_MS / 1_000, 3);
  expect(data.hours).toHaveLength(3);
});
