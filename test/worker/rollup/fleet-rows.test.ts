/** What an answer about a fleet reads does not grow with it, the hour that is not over included. */
import { beforeAll, expect, test } from 'vitest';
import { Shards } from '../../../worker/storage/shards.ts';
import { emissions } from '../../../worker/use-cases/emissions.ts';
import type { EmissionsQuery } from '../../../worker/use-cases/emissions-query.ts';
import { runRollups, TURN_NODE_HOURS } from '../../../worker/use-cases/rollup/run.ts';
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
import { countingDatabase } from '../ingest/counting-database.ts';
import { copiesOfFirst } from '../support/copied-nodes.ts';
import { expectSame } from './support.ts';

/** Too many to be read as they are now. */
const FEW = 120;
const MANY = 10 * FEW;
const HOURS = 3;
const MINUTE_MS = 60_000;
const CUT = { fromMs: DAY_MS + 20 * MINUTE_MS, toMs: DAY_MS + 2 * HOUR_MS + 35 * MINUTE_MS };
const QUESTIONS = {
  whole: {},
  byHour: { step: 'hour' },
  byZone: { groupBy: 'gridZone' },
  byProject: { groupBy: 'project' },
  byUserAndHour: { groupBy: 'user', step: 'hour' },
  byPhase: { groupBy: 'phase' },
  byJob: { groupBy: 'job' },
  ofProject: { filter: 'project:llm' },
  market: { accounting: 'market' },
  marketByProject: { accounting: 'market', groupBy: 'project' },
  ofPartsOfHours: CUT,
  ofPartsByProject: { ...CUT, groupBy: 'project' },
} as const;

beforeAll(async () => {
  await steadySite();
  const vintage = {
    vintageFrom: new Date(DAY_MS).toISOString(),
    vintageTo: new Date(DAY_MS + 24 * HOUR_MS).toISOString(),
  };
  const certificates = { kind: 'certificate', kwh: 20, gramsPerKwh: 0, source: 'test', ...vintage };
  await ask('PATCH', '/v1/sites/waw', { supplyContracts: { certificates } });
  clock.nowMs = DAY_MS;
  const { token } = await newNode('first', 'waw');
  clock.nowMs = DAY_MS + HOURS * HOUR_MS + 20 * 60_000;
  const id = 'GPU-1';
  const reports = Array.from({ length: HOURS * 12 }, (_, window) => ({
    windowStartMs: DAY_MS + window * WINDOW_MS,
    epoch: 'epoch0001',
    revision: 1,
    final: true,
    devices: [gpu(id, 90_000_000)],
    jobs: [
      {
        id: `slurm:c:${window % 3}`,
        project: window % 3 === 0 ? 'llm' : 'vision',
        user: `user-${window % 2}`,
        devices: [{ id, energyMillijoules: 80_000_000, allocatedMilliseconds: WINDOW_MS }],
      },
    ],
  }));
  await ask(
    'POST',
    '/v1/ingest',
    { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports },
    token,
  );
});

const MORE = ['', '&step=hour', '&groupBy=site', '&groupBy=project', '&accounting=market&groupBy=user'];

/** Rows read of each question about the day, up to now. */
async function rowsRead(): Promise<Record<string, { rows: number; nodes: number }>> {
  for (let turn = 0; turn < 20; turn++) await runRollups(database, clock.nowMs, TURN_NODE_HOURS.paid);
  const read: Record<string, { rows: number; nodes: number }> = {};
  for (const [name, question] of Object.entries(QUESTIONS)) {
    const { database: counting, rows } = countingDatabase(database);
    const query: EmissionsQuery = {
      nodeId: null,
      fromMs: DAY_MS,
      step: 'none',
      basis: 'lifecycle',
      signal: 'average',
      ...question,
    };
    const answer = await emissions(new Shards([counting]), query, clock.nowMs);
    if (!answer.ok) throw new Error(answer.problem.detail);
    expect(answer.value.hoursWaiting).toBe(0);
    for (const { usedKwh } of answer.value.contracts ?? []) expect(usedKwh).toBe(20);
    read[name] = { rows: rows.read, nodes: answer.value.totals.nodesExpected };
  }
  return read;
}

test('ten times the nodes are told by the same rows', async () => {
  for (const sql of copiesOfFirst(2, FEW)) await database.prepare(sql).run();
  const few = await rowsRead();
  for (const sql of copiesOfFirst(FEW + 1, MANY)) await database.prepare(sql).run();
  // From the start, as if they had always been there.
  for (const table of ['state', 'marks', 'groups', 'blocks', 'days', 'node_days'])
    await database.prepare(`DELETE FROM rollup_${table}`).run();
  const many = await rowsRead();
  for (const name of Object.keys(QUESTIONS)) {
    expect([few[name]!.nodes, many[name]!.nodes]).toEqual([FEW, MANY]);
    expect(few[name]!.rows).toBeGreaterThan(0);
    expect(many[name]!.rows).toBe(few[name]!.rows);
  }
});

test('parts of hours are told by windows, and of a fleet that stands all of it is that of the join', async () => {
  for (const amidWindowMs of [0, 97_000]) {
    const [from, to] = [CUT.fromMs, CUT.toMs].map((ms) => new Date(ms + amidWindowMs).toISOString());
    for (const more of MORE) await expectSame(`from=${from}&to=${to}${more}`);
  }
});
