/** An hour of a block that is summed in parts: the same bits whatever the size of a step. */
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { runRollups, TURN_NODE_HOURS } from '../../../worker/use-cases/rollup/run.ts';
import { ask, clock, DAY_MS, database, gpu, HOUR_MS, newNode } from '../emissions/support.ts';

const NODES = 11;
const HOURS = 3;
/** Two groups: sites differ. */
const SITES = ['waw', 'kra'];
const tokens: string[] = [];

beforeAll(async () => {
  clock.nowMs = DAY_MS;
  for (const id of SITES) await ask('POST', '/v1/sites', { id, gridZone: 'PL', pueRatio: 1 });
  for (let node = 0; node < NODES; node++) {
    const { token } = await newNode(`node-${node}`, SITES[node % 2]!);
    tokens.push(token);
  }
  clock.nowMs = DAY_MS + HOURS * HOUR_MS + 1_200_000;
  for (let node = 0; node < NODES; node++) await report(node, 1);
});

/** Every third node is silent in the second hour. */
async function report(node: number, revision: number, hours = [0, 1, 2]) {
  const reports = hours
    .filter((hour) => hour !== 1 || node % 3 !== 0)
    .map((hour) => ({
      windowStartMs: DAY_MS + hour * HOUR_MS + (node % 12) * 300_000,
      epoch: 'epoch0001',
      revision,
      final: true,
      devices: Array.from({ length: 1 + (node % 3) }, (_, i) => ({
        ...gpu(`GPU-${node}-${i}`, 7_000_000 + 1_001 * node + revision),
        utilizationRatio: (node + 0.3) / 17,
      })),
      jobs: [],
    }));
  const parts = Array.from({ length: 1 + (node % 3) }, (_, i) => ({
    id: `GPU-${node}-${i}`,
    type: 'gpu',
    name: 'H100',
  }));
  const inventory = { hostname: `node-${node}`, kernel: '6.8', productName: '', parts };
  const body = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports, inventory };
  await ask('POST', '/v1/ingest', body, tokens[node]!);
}

const TABLES = ['rollup_blocks', 'rollup_days', 'rollup_node_days'];

async function stored() {
  const rows = TABLES.map(async (table) => {
    const { results } = await database.prepare(`SELECT * FROM ${table} ORDER BY key`).all();
    return [table, JSON.stringify(results)];
  });
  return Object.fromEntries(await Promise.all(rows));
}

const marks = async () =>
  (await database
    .prepare('SELECT COUNT(*) AS n, MAX(part_nodes) AS nodes FROM rollup_marks')
    .first<{ n: number; nodes: number | null }>())!;

/** @returns how many turns it took */
async function untilSummed(nodeHours: number, between: (turn: number) => Promise<void> = async () => {}) {
  for (let turn = 1; turn < 200; turn++) {
    await runRollups(database, clock.nowMs, nodeHours);
    if ((await marks()).n === 0) return turn;
    await between(turn);
  }
  throw new Error('the rollups do not come to an end');
}

beforeEach(fromTheStart);

/** The groups keep their numbers. */
async function fromTheStart() {
  const tables = [...TABLES, 'rollup_marks', 'rollup_state'];
  await database.batch(tables.map((table) => database.prepare(`DELETE FROM ${table}`)));
}

test('the sums are the same bits whatever the size of a step', async () => {
  await untilSummed(TURN_NODE_HOURS.paid);
  const whole = await stored();
  for (const nodeHours of [0.1, 1, 2.5, 4, TURN_NODE_HOURS.free]) {
    await fromTheStart();
    const turns = await untilSummed(nodeHours);
    expect(await stored()).toEqual(whole);
    if (nodeHours < 1) expect(turns).toBeGreaterThanOrEqual(NODES * HOURS);
  }
});

test('sums of an hour do not stand before all of its nodes are in them', async () => {
  await runRollups(database, clock.nowMs, 1);
  expect((await marks()).nodes).toBeGreaterThan(0);
  const { results } = await database.prepare('SELECT key FROM rollup_blocks').all();
  expect(results).toEqual([]);
});

test('what changes in the hour, in another and beside it, while it is summed in parts', async () => {
  await untilSummed(1, async (turn) => {
    // Of nodes that are in the part already, and of some that are not.
    if (turn % 4 === 0 && turn <= 40) await report(turn % NODES, turn, [turn % 3]);
  });
  const inParts = await stored();
  await fromTheStart();
  await untilSummed(TURN_NODE_HOURS.paid);
  expect(inParts).toEqual(await stored());
});

test('a mark of another hour leaves what was summed of this one', async () => {
  await runRollups(database, clock.nowMs, 1);
  await runRollups(database, clock.nowMs, 1);
  const before = (await marks()).nodes;
  // The newest hours come last.
  await report(0, 1_000, [2]);
  await runRollups(database, clock.nowMs, 1);
  expect((await marks()).nodes).toBeGreaterThan(before!);
});

test('runs at once, and one that sums whole blocks, leave what one leaves', async () => {
  for (let turn = 0; turn < 3; turn++)
    await Promise.all([1, 2.5, 1].map((nodeHours) => runRollups(database, clock.nowMs, nodeHours)));
  await Promise.all(
    [1, TURN_NODE_HOURS.paid].map((nodeHours) => runRollups(database, clock.nowMs, nodeHours)),
  );
  await untilSummed(1);
  const atOnce = await stored();
  await fromTheStart();
  await untilSummed(TURN_NODE_HOURS.paid);
  expect(atOnce).toEqual(await stored());
});
