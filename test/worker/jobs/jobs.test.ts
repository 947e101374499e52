/** Jobs over nodes and restarts: found without reading the fleet's hours, summed from first to last, described by people. */
import { beforeAll, expect, test } from 'vitest';
import {
  ask,
  clock,
  DAY_MS,
  database,
  gpu,
  HOUR_MS,
  newNode,
  storeHours,
  WINDOW_MS,
} from '../emissions/support.ts';
import { countingDatabase } from '../ingest/counting-database.ts';
import { ingestInto } from '../ingest/support.ts';
import { refusal } from '../support/api.ts';

const GPU = 'GPU-00000000-0000-4000-8000-00000000000a';
/** 600 W over a window. */
const ENERGY = 180_000_000;
const FIRST = 'slurm:c:7';
const AGAIN = 'slurm:c:7:1';
const OTHER = 'slurm:c:70';

interface Job {
  readonly id: string;
  readonly project: string | null;
  readonly user: string | null;
  readonly phase: string | null;
  readonly units: Record<string, number>;
}
interface Summary extends Job {
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly nodes: readonly string[];
  readonly energyKwh: number | null;
  readonly gpuSeconds: number | null;
}
interface Page {
  readonly jobs: readonly Summary[];
  readonly nextCursor: string | null;
}
interface Answer {
  readonly from: string;
  readonly to: string;
  readonly totals: { energyKwh: number; operationalGrams: number; totalGrams: number; gpuSeconds: number };
  readonly groups: readonly { key: string; energyKwh: number }[];
  readonly job: Job;
  readonly runs: readonly string[];
  readonly nodes: readonly { id: string; firstSeen: string; lastSeen: string }[];
  readonly sci: readonly { unit: string; count: number; gramsPerUnit: number | null }[];
}

let a: { nodeId: string; token: string };
let b: { nodeId: string; token: string };

const body = (windows: readonly number[], job: string, said: object = {}) => ({
  version: 1,
  sentAtMs: clock.nowMs,
  agentVersion: '0.1.0',
  reports: windows.map((i) => ({
    windowStartMs: DAY_MS + i * WINDOW_MS,
    epoch: 'epoch0001',
    revision: 1,
    final: true,
    devices: [gpu(GPU, ENERGY)],
    jobs: [
      {
        id: job,
        ...said,
        devices: [{ id: GPU, energyMillijoules: ENERGY, allocatedMilliseconds: WINDOW_MS }],
      },
    ],
  })),
});
const send = (token: string, windows: readonly number[], job: string, said?: object) =>
  ask('POST', '/v1/ingest', body(windows, job, said), token);
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** The first run has two nodes for half an hour, the restart one of them an hour later; another job comes after it. */
beforeAll(async () => {
  await storeHours('US-CAL-CISO', [100, 200, 300, 400]);
  await ask('POST', '/v1/sites', { id: 'sf', gridZone: 'US-CAL-CISO', pueRatio: 1 });
  a = await newNode('job-a', 'sf');
  b = await newNode('job-b', 'sf');
  clock.nowMs = DAY_MS + 4 * HOUR_MS;
  await send(a.token, range(0, 6), FIRST, { project: 'llm', user: 'ada', phase: 'train' });
  await send(b.token, range(0, 6), FIRST);
  await send(a.token, range(18, 24), AGAIN, { project: 'llm' });
  await send(b.token, range(36, 42), OTHER, { project: 'vision' });
});

const list = (query = '') => ask<Page>('GET', `/v1/jobs?${query}`);
const at = (hours: number) => new Date(DAY_MS + hours * HOUR_MS).toISOString();
const of = (id: string, query = '') =>
  ask<Answer>('GET', `/v1/jobs/${encodeURIComponent(id)}/emissions?${query}`);
const say = (id: string, said: object, token?: string) =>
  clock.call('PATCH', `/v1/jobs/${encodeURIComponent(id)}`, said, token);

test('the list tells where and when each job ran and what it drew, newest first', async () => {
  const { jobs, nextCursor } = await list();
  expect(nextCursor).toBe(null);
  expect(jobs.map(({ id }) => id)).toEqual([OTHER, AGAIN, FIRST]);
  expect(jobs[2]).toEqual({
    id: FIRST,
    project: 'llm',
    user: 'ada',
    phase: 'train',
    units: {},
    firstSeen: at(0),
    lastSeen: at(0.5),
    nodes: [a.nodeId, b.nodeId],
    energyKwh: 0.6,
    gpuSeconds: 3_600,
  });
  expect(jobs[1]).toMatchObject({ firstSeen: at(1.5), lastSeen: at(2), energyKwh: 0.3, nodes: [a.nodeId] });
});

test('the list is filtered by project, user, phase and time, and pages', async () => {
  const ids = async (query: string) => (await list(query)).jobs.map(({ id }) => id);
  expect(await ids('project=llm')).toEqual([AGAIN, FIRST]);
  expect(await ids('user=ada')).toEqual([FIRST]);
  expect(await ids('phase=eval')).toEqual([]);
  expect(await ids(`from=${at(1)}&to=${at(2)}`)).toEqual([AGAIN]);
  expect(await ids(`from=${at(0.5)}&to=${at(1.5)}`)).toEqual([AGAIN, FIRST]);
  const first = await list('limit=2');
  expect(first.jobs).toHaveLength(2);
  expect((await list(`limit=2&cursor=${first.nextCursor}`)).jobs.map(({ id }) => id)).toEqual([FIRST]);
  const refused = await clock.call('GET', `/v1/jobs?to=${at(1)}`);
  expect(await refusal(refused)).toEqual({ status: 400, code: 'invalid_parameter', field: 'to' });
});

test('a job’s emissions are those of its shares, from first to last, node by node', async () => {
  const answer = await of(FIRST);
  expect(answer).toMatchObject({ from: at(0), to: at(1), runs: [FIRST], job: { id: FIRST, project: 'llm' } });
  expect(answer.totals).toMatchObject({ energyKwh: 0.6, gpuSeconds: 3_600 });
  expect(answer.totals.operationalGrams).toBeCloseTo(0.6 * 100, 9);
  expect(answer.groups.map(({ key, energyKwh }) => [key, energyKwh])).toEqual(
    [a.nodeId, b.nodeId].sort().map((id) => [id, 0.3]),
  );
  expect(answer.nodes).toEqual(
    [a, b].map(({ nodeId }) => ({ id: nodeId, firstSeen: at(0), lastSeen: at(0.5) })),
  );
});

test('restarts stand apart or together, whichever of them is asked for', async () => {
  expect((await of(AGAIN)).totals.energyKwh).toBe(0.3);
  for (const id of [FIRST, AGAIN]) {
    const answer = await of(id, 'restarts=together&groupBy=job');
    expect(answer).toMatchObject({ from: at(0), to: at(2), runs: [FIRST, AGAIN] });
    expect(answer.totals.energyKwh).toBeCloseTo(0.9, 12);
    expect(answer.totals.operationalGrams).toBeCloseTo(0.6 * 100 + 0.3 * 200, 9);
    expect(answer.groups.map(({ key, energyKwh }) => [key, energyKwh])).toEqual([
      [FIRST, 0.6],
      [AGAIN, 0.3],
    ]);
  }
});

test('the fleet’s answer filtered by a job is the job’s own', async () => {
  const filter = encodeURIComponent(`job:${FIRST}`);
  const fleet = await ask<Answer>('GET', `/v1/fleet/emissions?filter=${filter}&from=${at(0)}&to=${at(1)}`);
  expect(fleet.totals).toEqual((await of(FIRST)).totals);
});

test('what a job says it made is the unit of its score, and only the newest count holds', async () => {
  expect((await say(AGAIN, { units: { token: 500 } })).status).toBe(200);
  const said = await say(AGAIN, { units: { token: 1_000, sample: 0 }, phase: 'eval', why: 'final count' });
  expect(await said.json()).toEqual({
    id: AGAIN,
    project: 'llm',
    user: null,
    phase: 'eval',
    units: { token: 1_000, sample: 0 },
  });
  const { sci, totals } = await of(AGAIN);
  const byUnit = Object.fromEntries(sci.map((score) => [score.unit, score]));
  expect(byUnit.token).toEqual({ unit: 'token', count: 1_000, gramsPerUnit: totals.totalGrams / 1_000 });
  expect(byUnit.gpuHour).toEqual({ unit: 'gpuHour', count: 0.5, gramsPerUnit: totals.totalGrams / 0.5 });
  expect(byUnit.job).toMatchObject({ count: 1, gramsPerUnit: totals.totalGrams });
  expect(byUnit.sample!.gramsPerUnit).toBe(null);
  expect((await list('phase=eval')).jobs.map(({ id }) => id)).toEqual([AGAIN]);
  const { changes } = await ask<{ changes: { what: string; from: unknown; to: unknown; why: string }[] }>(
    'GET',
    `/v1/changes?subject=${encodeURIComponent(`job:${AGAIN}`)}`,
  );
  expect(changes[0]).toMatchObject({ why: 'final count' });
  expect(changes.find(({ what, to }) => what === 'units.token' && to === 1_000)).toMatchObject({ from: 500 });
});

test('what was said before is not said again', async () => {
  const factsOf = async () =>
    (await database.prepare('SELECT COUNT(*) AS count FROM job_facts').first<{ count: number }>())!.count;
  // An agent says llm as well; that a person does is news, since the agent may say something else later.
  await say(AGAIN, { units: { token: 7_000 }, project: 'llm' });
  const before = await factsOf();
  await say(AGAIN, { units: { token: 7_000 }, project: 'llm' });
  expect(await factsOf()).toBe(before);
});

test('a job that is too long to be summed in a list is listed without its energy, and says so', async () => {
  const { number } = (await database
    .prepare('SELECT number FROM jobs WHERE id = ?1')
    .bind(OTHER)
    .first<{ number: number }>())!;
  const range = [number * 2 ** 20, (number + 1) * 2 ** 20];
  const stretch = (hours: number) =>
    database
      .prepare('UPDATE job_nodes SET last_hour = last_hour + ?1 WHERE key >= ?2 AND key < ?3')
      .bind(hours, ...range)
      .run();
  await stretch(6_000);
  expect((await list('project=vision')).jobs).toMatchObject([
    { id: OTHER, energyKwh: null, gpuSeconds: null },
  ]);
  // Two that only together are too long are on two pages.
  await stretch(4_990 - 6_000);
  await database
    .prepare('UPDATE job_nodes SET last_hour = last_hour + 20 WHERE key < ?1')
    .bind(range[0])
    .run();
  const page = await list();
  expect(page.jobs.map(({ id }) => id)).toEqual([OTHER]);
  expect(page.jobs[0]!.energyKwh).toBe(0.3);
  const next = await list(`cursor=${page.nextCursor}`);
  expect(next.jobs.map(({ id, energyKwh }) => [id, energyKwh])).toEqual([
    [AGAIN, 0.3],
    [FIRST, 0.6],
  ]);
  await database
    .prepare('UPDATE job_nodes SET last_hour = last_hour - 20 WHERE key < ?1')
    .bind(range[0])
    .run();
  await stretch(-4_990);
});

test('what people say goes over what agents say, until they take it back', async () => {
  await say(OTHER, { project: 'llm' });
  await send(b.token, [42], OTHER, { project: 'audio' });
  expect((await of(OTHER)).job.project).toBe('llm');
  const past = new Date(clock.nowMs - 1).toISOString();
  expect((await of(OTHER, `asOf=${past}`)).job.project).toBe('vision');
  await say(OTHER, { project: null });
  expect((await of(OTHER)).job.project).toBe('audio');
  const { changes } = await ask<{ changes: { who: string; what: string; from: unknown; to: unknown }[] }>(
    'GET',
    `/v1/changes?subject=${encodeURIComponent(`job:${OTHER}`)}&what=project`,
  );
  expect(changes).toContainEqual(
    expect.objectContaining({ who: expect.stringMatching(/^node:/), from: 'vision', to: 'audio' }),
  );
  // Said again, it is no news.
  const before = changes.length;
  await send(b.token, [42], OTHER, { project: 'audio' });
  const after = await ask<{ changes: unknown[] }>(
    'GET',
    `/v1/changes?subject=${encodeURIComponent(`job:${OTHER}`)}&what=project`,
  );
  expect(after.changes).toHaveLength(before);
});

test('a node speaks of the jobs that ran on it and of no others; nobody speaks of what nobody reported', async () => {
  expect((await say(FIRST, { units: { sample: 5 } }, b.token)).status).toBe(200);
  expect(await refusal(await say(AGAIN, { units: { sample: 5 } }, b.token))).toEqual({
    status: 403,
    code: 'wrong_node',
    field: 'id',
  });
  expect((await refusal(await say('slurm:c:8', { phase: 'eval' }))).code).toBe('not_found');
  expect((await refusal(await say(FIRST, { units: { 'two words': 1 } }))).code).toBe('invalid_body');
  expect((await refusal(await say(FIRST, { units: { job: 2 } }))).code).toBe('invalid_body');
  expect((await refusal(await say(FIRST, { why: 'nothing' }))).code).toBe('invalid_body');
  const unknown = await clock.call('GET', '/v1/jobs/slurm%3Ac%3A8/emissions');
  expect(await refusal(unknown)).toEqual({ status: 404, code: 'not_found', field: 'id' });
});

test('a job costs a row when it appears on a node and one an hour, and its hours are found by key', async () => {
  const { number } = (await database
    .prepare('SELECT number FROM nodes WHERE id = ?1')
    .bind(b.nodeId)
    .first<{ number: number }>())!;
  const rowsOf = async (window: number) => {
    const { database: counting, rows } = countingDatabase(database);
    const said = body([window], 'slurm:c:9');
    expect((await ingestInto(counting, number, said, clock.nowMs)).ok).toBe(true);
    return rows.written;
  };
  // The hour, the job with its id, and the job on this node.
  expect(await rowsOf(43)).toBe(4);
  expect(await rowsOf(44)).toBe(1);
  clock.nowMs = DAY_MS + 5 * HOUR_MS;
  expect(await rowsOf(48)).toBe(2);
  expect(await rowsOf(49)).toBe(1);
});

test('of one job so many units and words are kept, and the refusal says what to do', async () => {
  const unitsFrom = (first: number, count: number | null) =>
    Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`unit${first + i}`, count]));
  expect((await say(OTHER, { units: unitsFrom(0, 1) })).status).toBe(200);
  const tooMany = await say(OTHER, { units: unitsFrom(15, 1) });
  expect(await refusal(tooMany)).toEqual({ status: 422, code: 'invalid_body', field: '/units' });
  // Nothing of it was kept; what is taken back makes room.
  expect((await say(OTHER, { units: unitsFrom(0, null) })).status).toBe(200);
  expect((await say(OTHER, { units: unitsFrom(15, 1) })).status).toBe(200);
  const fill = `
    INSERT INTO job_facts (job_number, key, value, recorded_at_ms, recorded_by)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1955)
    SELECT number, 'units.unit15', i, 0, 'test' FROM jobs, n WHERE id = ?1`;
  await database.prepare(fill).bind(OTHER).run();
  expect(await refusal(await say(OTHER, { units: { unit15: 7 } }))).toMatchObject({ field: '/units' });
  // Again what holds is no further word.
  expect((await say(OTHER, { units: { unit15: 1_955 } })).status).toBe(200);
});
