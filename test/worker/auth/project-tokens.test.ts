/** A read token of named projects: what it sees is what jobs of those projects had, and nothing else of the fleet. */
import { beforeAll, expect, test } from 'vitest';
import { ask, clock, DAY_MS, gpu, HOUR_MS, newNode, storeHours, WINDOW_MS } from '../emissions/support.ts';
import { refusal } from '../support/api.ts';
import { ROUTES } from '../support/routes.ts';

const iso = (ms: number) => new Date(ms).toISOString();
const RANGE = `from=${iso(DAY_MS)}&to=${iso(DAY_MS + HOUR_MS)}`;
const GPU = 'GPU-00000000-0000-4000-8000-0000000000bb';
const OURS = 'slurm:p:1';
const THEIRS = 'slurm:p:2';
let token: string;

interface Answer {
  readonly totals: Record<string, number>;
  readonly groups: readonly { readonly key: string; readonly owner: string | null }[];
  readonly contracts?: unknown;
}

beforeAll(async () => {
  clock.nowMs = DAY_MS;
  await storeHours('DK-DK1', [100]);
  await ask('POST', '/v1/sites', { id: 'shared', gridZone: 'DK-DK1', pueRatio: 1 });
  const node = await newNode('shared', 'shared');
  clock.nowMs = DAY_MS + HOUR_MS;
  const job = (id: string, project: string) => ({
    id,
    project,
    devices: [{ id: GPU, energyMillijoules: 36_000_000, allocatedMilliseconds: WINDOW_MS }],
  });
  const reports = [job(OURS, 'llm'), job(THEIRS, 'vision')].map((each, i) => ({
    windowStartMs: DAY_MS + i * WINDOW_MS,
    epoch: 'epoch0001',
    revision: 1,
    final: true,
    // A tenth of it is of nobody.
    devices: [gpu(GPU, 40_000_000)],
    jobs: [each],
  }));
  const said = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports };
  await ask('POST', '/v1/ingest', said, node.token);
  await ask('POST', '/v1/sites', { id: 'theirs', gridZone: 'FR', pueRatio: 1, embodiedLifetimeYears: 9 });
  const other = await newNode('theirs', 'theirs');
  const [, second] = reports;
  await ask('POST', '/v1/ingest', { ...said, reports: [second] }, other.token);
  const wanted = { label: 'ours', scope: 'read', projects: ['llm'] };
  const made = await ask<{ token: string; projects: string[] }>('POST', '/v1/tokens', wanted);
  expect(made.projects).toEqual(['llm']);
  token = made.token;
});

test('the fleet is what its jobs had, whatever is asked', async () => {
  for (const query of ['', '&groupBy=job', '&groupBy=node', '&filter=project:llm', '&accounting=market']) {
    const answer = await ask<Answer>('GET', `/v1/fleet/emissions?${RANGE}${query}`, undefined, token);
    expect({ query, kwh: answer.totals.energyKwh }).toEqual({ query, kwh: 0.01 });
    expect(answer.totals.operationalGrams).toBeCloseTo(1, 9);
    expect(answer.totals.idleEnergyKwh! + answer.totals.unattributedEnergyKwh!).toBe(0);
    expect(answer.contracts).toBeUndefined();
  }
  for (const [groupBy, key] of [
    ['project', 'llm'],
    ['node', 'shared'],
    ['site', 'shared'],
    ['gridZone', 'DK-DK1'],
  ]) {
    const path = `/v1/fleet/emissions?${RANGE}&groupBy=${groupBy}`;
    const answer = await ask<Answer>('GET', path, undefined, token);
    expect(answer.groups.map((group) => group.key)).toEqual([key]);
    expect(answer).toMatchObject({ excluded: [], embodiedLifetimeYears: [4], gpuCount: 1 });
  }
  for (const filter of ['project:vision', `job:${THEIRS}`, 'job:idle', 'job:unattributed', 'project:none']) {
    const { totals } = await ask<Answer>(
      'GET',
      `/v1/fleet/emissions?${RANGE}&filter=${encodeURIComponent(filter)}`,
      undefined,
      token,
    );
    expect({ filter, kwh: totals.energyKwh, grams: totals.totalGrams }).toEqual({ filter, kwh: 0, grams: 0 });
  }
});

test('jobs and statements of its projects are answered, others are as if they were not', async () => {
  const { jobs } = await ask<{ jobs: { id: string }[] }>('GET', '/v1/jobs', undefined, token);
  expect(jobs.map(({ id }) => id)).toEqual([OURS]);
  const all = await ask<{ jobs: { id: string }[] }>('GET', '/v1/jobs');
  expect(all.jobs.map(({ id }) => id)).toEqual(expect.arrayContaining([OURS, THEIRS]));
  const path = (id: string, what: string) => `/v1/jobs/${encodeURIComponent(id)}/${what}`;
  const own = await ask<Answer>('GET', path(OURS, 'emissions'), undefined, token);
  expect(own.totals.energyKwh).toBe(0.01);
  await ask('GET', `${path(OURS, 'statement')}?format=json`, undefined, token);
  await ask('GET', `/v1/projects/llm/statement?format=json&${RANGE}`, undefined, token);
  for (const other of [
    path(THEIRS, 'emissions'),
    path('slurm:p:3', 'emissions'),
    `${path(THEIRS, 'statement')}?format=json`,
    `/v1/projects/vision/statement?format=json&${RANGE}`,
  ])
    expect(await refusal(await clock.call('GET', other, undefined, token))).toMatchObject({
      status: 404,
      code: 'not_found',
    });
});

test('a job that was given to another project is theirs from then on', async () => {
  await ask('PATCH', `/v1/jobs/${encodeURIComponent(OURS)}`, { project: 'vision', why: 'wrong account' });
  const { totals } = await ask<Answer>('GET', `/v1/fleet/emissions?${RANGE}`, undefined, token);
  expect(totals.energyKwh).toBe(0);
  await ask('PATCH', `/v1/jobs/${encodeURIComponent(OURS)}`, { project: null, why: 'it was right' });
});

/** Cut to its projects: the tests above. */
const CUT = [
  'GET /v1/fleet/emissions',
  'GET /v1/jobs',
  'GET /v1/jobs/:id/emissions',
  'GET /v1/jobs/:id/statement',
  'GET /v1/projects/:project/statement',
];
/** Of grids and hardware anywhere, and of what the request itself tells. */
const OF_NO_FLEET = [
  'GET /v1/grid/:gridZone/forecast',
  'GET /v1/grid/:gridZone/intensity',
  'GET /v1/grid/greenest',
  'GET /v1/hardware',
  'GET /v1/hardware/:entryId',
  'POST /v1/estimate',
];
/** Enrolment takes a key of its own. */
const WITHOUT_TOKEN = [
  'GET /docs',
  'GET /docs.css',
  'GET /healthz',
  'GET /install.sh',
  'GET /openapi.json',
  'POST /v1/enroll',
];

test('every other route refuses it', async () => {
  const answered: string[] = [];
  for (const { method, path } of ROUTES) {
    const asked = path.replaceAll(/:[A-Za-z]+/g, 'any');
    const response = await clock.call(method, asked, method === 'GET' ? undefined : {}, token);
    if (response.status !== 403 && response.status !== 401) answered.push(`${method} ${path}`);
  }
  expect(answered.sort()).toEqual([...CUT, ...OF_NO_FLEET, ...WITHOUT_TOKEN].sort());
});

test('a refusal names the projects', async () => {
  const response = await clock.call('GET', '/v1/nodes', undefined, token);
  const { code, detail } = await response.json<{ code: string; detail: string }>();
  expect({ status: response.status, code }).toEqual({ status: 403, code: 'forbidden_scope' });
  expect(detail).toContain('projects llm alone');
});

test('data that is of no fleet is answered', async () => {
  const greenest = '/v1/grid/greenest?durationMinutes=60';
  for (const path of [`/v1/grid/DK-DK1/intensity?${RANGE}`, '/v1/hardware', `${greenest}&gridZones=DK-DK1`])
    await ask('GET', path, undefined, token);
  // Else it would be told of the zones that the fleet stands in.
  expect(await refusal(await clock.call('GET', greenest, undefined, token))).toMatchObject({
    code: 'invalid_parameter',
    field: 'gridZones',
  });
});

test('projects belong to scope read, and are listed', async () => {
  const bad = { label: 'x', scope: 'admin', projects: ['llm'] };
  expect(await refusal(await clock.call('POST', '/v1/tokens', bad))).toMatchObject({
    code: 'invalid_body',
    field: '/projects',
  });
  const none = { label: 'x', scope: 'read', projects: [] };
  expect(await refusal(await clock.call('POST', '/v1/tokens', none))).toMatchObject({ field: '/projects' });
  const { tokens } = await ask<{ tokens: { label: string; projects: string[] | null }[] }>(
    'GET',
    '/v1/tokens?limit=200',
  );
  expect(tokens.find(({ label }) => label === 'ours')!.projects).toEqual(['llm']);
});
