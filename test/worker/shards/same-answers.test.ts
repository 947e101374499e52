/** What a fleet is told does not depend on how many databases it lies in. */
import { beforeAll, expect, test } from 'vitest';
import type { EnrollReply } from '../../../shared/wire/ingest.ts';
import { countingDatabase } from '../ingest/counting-database.ts';
import { host } from '../support/enrolment.ts';
import { fleetOn, migrateAll, nodesIn, ONE, type TestFleet, THREE } from './support.ts';

const MINUTE_MS = 60_000;
const WINDOW_MS = 300_000;
const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 4, 4);
const NODES = 8;
const HOURS = 5;
const DAYS = 6;
const MODELS = ['NVIDIA H100 80GB HBM3', 'NVIDIA A100-SXM4-80GB'];

const one = fleetOn(ONE, START_MS);
const three = fleetOn(THREE, START_MS);
const tokens = new Map<TestFleet, string[]>();

/** The same of both, one after the other. */
async function both(act: (fleet: TestFleet) => Promise<unknown>): Promise<void> {
  for (const fleet of [one, three]) await act(fleet);
}

async function at(nowMs: number, act: (fleet: TestFleet) => Promise<unknown>): Promise<void> {
  await both(async (fleet) => {
    fleet.nowMs = nowMs;
    await act(fleet);
  });
}

const RULES = [
  { kind: 'dirtyHours', name: 'dirty', aboveGramsPerKwh: 405 },
  { kind: 'dirtyHours', name: 'dirty llm', aboveGramsPerKwh: 405, filter: 'project:llm' },
  { kind: 'budget', name: 'budget', budgetGrams: 500, period: 'day', emissions: 'total' },
  { kind: 'health', name: 'silent', check: 'nodeSilent' },
];

const iso = (ms: number) => new Date(ms).toISOString();
const gpuOf = (node: number) => `GPU-00000000-0000-4000-8000-00000000000${node}`;

/** An agent's word on one window; every third window is in a job that spans nodes of all databases. */
function reportOf(node: number, window: number, revision = 1) {
  const energyMillijoules = 100_000_000 + ((node * 7_919 + window * 104_729 + revision * 31) % 90_000_000);
  const id = gpuOf(node);
  const jobs =
    window % 3 === 2
      ? []
      : [
          {
            id: `slurm:c:${window % 3 === 0 ? 'wide' : `own-${node}`}`,
            project: node % 2 === 0 || window % 3 === 0 ? 'llm' : 'vision',
            user: 'ada',
            devices: [{ id, energyMillijoules, allocatedMilliseconds: WINDOW_MS }],
          },
        ];
  const device = {
    id,
    type: 'gpu',
    name: MODELS[node % MODELS.length],
    meteredMilliseconds: WINDOW_MS,
    energyMillijoules,
    kind: 'counter',
  };
  const windowStartMs = START_MS + window * WINDOW_MS;
  return { windowStartMs, epoch: 'epoch0001', revision, final: true, devices: [device], jobs };
}

async function send(fleet: TestFleet, node: number, reports: readonly unknown[], more: object = {}) {
  const body = { version: 1, sentAtMs: fleet.nowMs, agentVersion: '0.1.0', reports, ...more };
  return fleet.call('POST', '/v1/ingest', body, tokens.get(fleet)![node]!);
}

const inventoryOf = (node: number) => ({
  hostname: `node-${node}`,
  kernel: '6.8',
  productName: '',
  parts: [{ id: gpuOf(node), type: 'gpu', name: MODELS[node % MODELS.length] }],
});

beforeAll(async () => {
  await migrateAll();
  await both(async (fleet) => {
    await fleet.ask('POST', '/v1/sites', { id: 'berlin', gridZone: 'DE', pueRatio: 1.2 });
    await fleet.ask('POST', '/v1/sites', { id: 'lyon', gridZone: 'FR', pueRatio: 1.1 });
    for (const [zone, grams] of [
      ['DE', 400],
      ['FR', 40],
    ] as const) {
      const points = Array.from({ length: HOURS + 2 }, (_, hour) => ({
        start: iso(START_MS + hour * HOUR_MS),
        end: iso(START_MS + (hour + 1) * HOUR_MS),
        gramsPerKwh: grams + hour * 7,
      }));
      await fleet.ask('PUT', `/v1/grid/${zone}/intensity`, { basis: 'lifecycle', points });
    }
    const own: string[] = [];
    for (let node = 0; node < NODES; node++) {
      fleet.nowMs = START_MS + node;
      const key = { label: 'rack', site: node % 3 === 0 ? 'lyon' : 'berlin', maxUses: null };
      const { key: secret } = await fleet.ask<{ key: string }>('POST', '/v1/enrolment-keys', key);
      own.push((await fleet.ask<EnrollReply>('POST', '/v1/enroll', host(`node-${node}`), secret)).token);
    }
    tokens.set(fleet, own);
    await fleet.ask('PUT', '/v1/alert-rules', { alertRules: RULES });
  });
  for (let hour = 0; hour < HOURS; hour++) {
    for (let node = 0; node < NODES; node++) {
      await at(START_MS + (hour + 1) * HOUR_MS + node * 1_000, async (fleet) => {
        const windows = Array.from({ length: 12 }, (_, i) => reportOf(node, hour * 12 + i));
        // One of them leaves a gap.
        const reports = node === 3 && hour === 1 ? windows.slice(4) : windows;
        const more = hour === 0 ? { inventory: inventoryOf(node) } : {};
        expect((await send(fleet, node, reports, more)).status).toBe(200);
      });
    }
    // Alerts are evaluated and hours summed while reports come.
    for (const minute of [11, 16])
      await at(START_MS + (hour + 1) * HOUR_MS + minute * MINUTE_MS, (fleet) => fleet.runJobs());
  }
  const laterMs = START_MS + (HOURS + 4) * HOUR_MS;
  // Late energy, more than can be, a moved node, labels, words of people, another lifetime.
  await at(laterMs, async (fleet) => {
    await send(fleet, 4, [reportOf(4, 5, 2)]);
    const much = reportOf(5, 60, 3);
    await send(fleet, 5, [
      { ...much, devices: [{ ...much.devices[0], energyMillijoules: 10 ** 12 }], jobs: [] },
    ]);
    await send(fleet, 6, [{ ...reportOf(6, 61, 3), windowStartMs: laterMs + 10 * HOUR_MS }]);
  });
  await at(laterMs + MINUTE_MS, async (fleet) => {
    await fleet.ask('PATCH', '/v1/nodes/node-2', {
      site: 'lyon',
      effectiveFrom: iso(START_MS + 90 * MINUTE_MS),
    });
    await fleet.ask('PATCH', '/v1/nodes?filter=site:berlin', { labels: { team: 'nlp' } });
    await fleet.ask('PATCH', '/v1/jobs/slurm:c:wide', { units: { token: 1e9 }, phase: 'train' });
    await fleet.ask('PATCH', '/v1/sites/berlin', {
      embodiedLifetimeYears: 5,
      effectiveFrom: iso(START_MS + 2 * HOUR_MS),
    });
    await fleet.ask('PUT', '/v1/hardware/h100-sxm5-80gb', { kgCo2eq: 200, source: 'test' });
    await fleet.ask('PATCH', '/v1/sites/berlin', {
      supplyContracts: {
        certificates: contract({ kwh: 3 }),
        agreement: contract({ kwh: 1, kind: 'ppa', boundary: 'gridZone', gridZone: 'FR' }),
      },
    });
    await fleet.ask('DELETE', '/v1/nodes/node-7');
  });
  await at(laterMs + 2 * MINUTE_MS, async (fleet) => {
    const period = { from: iso(START_MS), to: iso(START_MS + HOUR_MS) };
    await fleet.ask('POST', '/v1/periods', { ...period, why: 'first hour' });
  });
  // A GPU goes to a node of another database.
  await at(laterMs + 150_000, async (fleet) => {
    const parts = [...inventoryOf(1).parts, ...inventoryOf(0).parts];
    await send(fleet, 1, [], { inventory: { ...inventoryOf(1), parts } });
  });
  await at(laterMs + 3 * MINUTE_MS, (fleet) => send(fleet, 1, [reportOf(1, 3, 2)]));
});

/** Amid an hour. */
function contract(said: object) {
  const vintageTo = iso(START_MS + 3.4 * HOUR_MS);
  const rest = { kind: 'certificate', vintageFrom: iso(START_MS), vintageTo, gramsPerKwh: 9, source: 'test' };
  return { ...rest, ...said };
}

const isOfChance = (id: unknown) => typeof id === 'number' || String(id).startsWith('ep_');

const OF_CHANCE = ['nextCursor', 'closedBy', 'recordedBy', 'who', 'ruleId'];

/** Without ids and secrets that chance gave, the order of what has none, and these. */
function plain(value: unknown, but: readonly string[] = []): unknown {
  if (Array.isArray(value))
    return value
      .map((each) => plain(each, but))
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value === 'string') return value.replace(/report \d+ released/, 'report # released');
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([name]) => ![...OF_CHANCE, ...but].includes(name));
  return Object.fromEntries(
    entries.map(([name, each]) => [name, name === 'id' && isOfChance(each) ? '#' : plain(each, but)]),
  );
}

/** Sums of fractions depend on the order in which they are made. */
function expectSame(told: unknown, expected: unknown, path = ''): void {
  if (typeof expected === 'number' && typeof told === 'number' && !Number.isInteger(expected)) {
    expect(Math.abs(told - expected), path).toBeLessThanOrEqual(Math.abs(expected) * 1e-9);
  } else if (expected !== null && typeof expected === 'object' && told !== null && typeof told === 'object') {
    expect(Object.keys(told), path).toEqual(Object.keys(expected));
    for (const [name, each] of Object.entries(expected))
      expectSame((told as Record<string, unknown>)[name], each, `${path}/${name}`);
  } else expect(told, path).toEqual(expected);
}

const RANGE = `from=${iso(START_MS)}&to=${iso(START_MS + HOURS * HOUR_MS)}`;
const QUESTIONS = [
  '/v1/nodes?limit=100&includeRetired=true',
  '/v1/nodes?filter=gridZone:FR',
  '/v1/nodes?filter=site:berlin,label.team:nlp',
  '/v1/sites',
  '/v1/changes?limit=200&what=site',
  '/v1/changes?limit=200&what=energy',
  '/v1/changes?limit=200&subject=job:slurm:c:wide',
  '/v1/changes?limit=200&what=parts',
  '/v1/quarantine?limit=100',
  '/v1/jobs?limit=100',
  `/v1/jobs?limit=100&project=llm&from=${iso(START_MS)}`,
  '/v1/jobs?phase=train',
  '/v1/jobs/slurm:c:wide/emissions?step=hour',
  '/v1/jobs/slurm:c:wide/statement?format=json',
  '/v1/alerts?limit=100',
  '/v1/periods',
  '/v1/periods/1',
  '/v1/periods/open',
  `/v1/fleet/counterfactual?${RANGE}&gridZones=FR&slackHours=6`,
  ...['none', 'window', 'hour', 'day'].map((step) => `/v1/fleet/emissions?${RANGE}&step=${step}`),
  ...['node', 'gridZone', 'site', 'gpuModel', 'job', 'project', 'phase', 'user'].map(
    (groupBy) => `/v1/fleet/emissions?${RANGE}&groupBy=${groupBy}`,
  ),
  ...['site:lyon', 'gridZone:DE', 'label.team:nlp', 'project:llm', 'job:slurm:c:wide', 'node:node-2'].map(
    (filter) => `/v1/fleet/emissions?${RANGE}&filter=${filter}`,
  ),
  `/v1/fleet/emissions?${RANGE}&asOf=${iso(START_MS + (HOURS + 3) * HOUR_MS)}`,
  ...['', '&groupBy=node', '&groupBy=project', '&step=hour'].map(
    (more) => `/v1/fleet/emissions?${RANGE}&accounting=market${more}`,
  ),
  ...Array.from({ length: NODES }, (_, node) => `/v1/nodes/node-${node}`),
  ...[0, 1, 2, 4, 5].flatMap((node) => [
    `/v1/nodes/node-${node}/emissions?${RANGE}`,
    `/v1/nodes/node-${node}/embodied`,
    `/v1/nodes/node-${node}/windows?${RANGE}`,
    `/v1/nodes/node-${node}/power?from=${iso(START_MS)}&to=${iso(START_MS + HOUR_MS)}`,
  ]),
];

function inSession(database: D1Database): D1Database {
  const session = Object.assign(database, { getBookmark: () => null });
  return Object.assign(database, { withSession: () => session });
}

async function expectSameAnswers(
  questions: readonly string[] = QUESTIONS,
  ...but: readonly string[]
): Promise<void> {
  for (const question of questions) {
    const told = plain(await three.ask('GET', question), but);
    expectSame(told, plain(await one.ask('GET', question), but), question);
  }
}

test('the nodes are spread evenly', async () => {
  expect((await Promise.all(THREE.map(nodesIn))).map(({ length }) => length)).toEqual([3, 3, 2]);
});

test('every list and every sum is the same, read hour by hour', () => expectSameAnswers());

test('lists page through all databases, each item once', async () => {
  for (const [path, name] of [
    ['/v1/nodes?includeRetired=true', 'nodes'],
    ['/v1/jobs?', 'jobs'],
    ['/v1/changes?', 'changes'],
    ['/v1/quarantine?', 'quarantine'],
    ['/v1/tokens?', 'tokens'],
  ] as const) {
    const whole = await three.ask<Record<string, { id: string }[]>>('GET', `${path}&limit=200`);
    const paged: { id: string }[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await three.ask<Record<string, unknown>>(
        'GET',
        `${path}&limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      paged.push(...(page[name] as { id: string }[]));
      cursor = page.nextCursor as string | null;
    }
    expect(paged, name).toEqual(whole[name]);
  }
});

test('a release finds the database of its report', async () => {
  const open = async (fleet: TestFleet) =>
    (await fleet.ask<{ quarantine: { id: number; code: string }[] }>('GET', '/v1/quarantine')).quarantine;
  for (const fleet of [one, three]) {
    for (const { id, code } of await open(fleet))
      await fleet.call(
        'POST',
        `/v1/quarantine/${id}/${code === 'power_implausible' ? 'release' : 'discard'}`,
      );
    expect(await open(fleet)).toEqual([]);
  }
  await expectSameAnswers();
});

test('and the same once the hours are summed', async () => {
  // More node-hours than are read one by one, of two nodes as well.
  await both(async (fleet) => {
    fleet.nowMs = START_MS + DAYS * 24 * HOUR_MS;
    for (let turn = 0; turn < DAYS + 2; turn++) {
      fleet.nowMs += 5 * MINUTE_MS;
      await fleet.runJobs();
    }
  });
  for (const database of THREE) {
    const row = await database.prepare('SELECT COUNT(*) AS n FROM rollup_days').first<{ n: number }>();
    expect(row!.n).toBeGreaterThan(0);
  }
  const long = `from=${iso(START_MS)}&to=${iso(START_MS + DAYS * 24 * HOUR_MS)}`;
  await expectSameAnswers(
    QUESTIONS.filter((question) => question.includes('emissions?') && question.includes(RANGE))
      .filter((question) => !question.includes('step=window'))
      .map((question) => question.replace(RANGE, long)),
  );
});

test('what the fleet, a site or a zone had takes no more queries of ten databases than a request of the free plan has', async () => {
  const long = `from=${iso(START_MS)}&to=${iso(START_MS + (DAYS - 1) * 24 * HOUR_MS)}`;
  for (const more of ['&step=day', '&groupBy=site', '&groupBy=gridZone']) {
    const counting = THREE.map(countingDatabase);
    const counted = fleetOn(
      counting.map(({ database }) => inSession(database)),
      three.nowMs,
    );
    await counted.ask('GET', `/v1/fleet/emissions?${long}${more}`);
    const [main = 0, other = 0] = counting.map(({ calls }) => calls.statements);
    expect(main + 9 * other, more).toBeLessThanOrEqual(50);
    expect(other, more).toBeGreaterThan(0);
  }
});

test('a period of days is closed, stated and adjusted alike, from the sums of all databases', async () => {
  const days = { from: iso(START_MS + HOUR_MS), to: iso(START_MS + (DAYS - 1) * 24 * HOUR_MS) };
  const scopes = [{}, { accounting: 'market' }, { filter: 'project:llm' }];
  const ids: string[] = [];
  await both(async (fleet) => {
    for (const scope of scopes) {
      const { id } = await fleet.ask<{ id: number }>('POST', '/v1/periods', { ...days, ...scope });
      if (fleet === one) ids.push(String(id));
    }
  });
  const closedMs = one.nowMs;
  // Of a node of another database than the first, in an hour that has settled long ago.
  const late = reportOf(4, 70);
  await at(closedMs + MINUTE_MS, async (fleet) => {
    expect(await (await send(fleet, 4, [late])).json()).toMatchObject({ accepted: 1 });
    fleet.nowMs += 5 * MINUTE_MS;
    await fleet.runJobs();
  });
  const asOf = `asOf=${iso(closedMs)}`;
  const questions = [
    '/v1/periods',
    ...ids.flatMap((id) => [`/v1/periods/${id}`, `/v1/periods/${id}/statement?format=json`]),
    `/v1/fleet/emissions?from=${days.from}&to=${days.to}&${asOf}&groupBy=node`,
  ];
  // What is joined differs by database, and with it whose mean power tells of gaps.
  await expectSameAnswers(questions, 'missingEnergyKwhEstimate', 'notCounted');
  const [period] = ids;
  const now = await three.ask<Record<'figure' | 'now' | 'adjustment', { energyKwh: number }>>(
    'GET',
    `/v1/periods/${period}`,
  );
  expect(now.adjustment.energyKwh).toBeCloseTo(late.devices[0]!.energyMillijoules / 3.6e9, 9);
  const then = await three.ask<{ totals: { energyKwh: number } }>('GET', questions.at(-1)!);
  expect(then.totals.energyKwh).toBeCloseTo(now.figure.energyKwh, 9);
});

test('what changes hardware of the fleet is followed by all databases', async () => {
  await both(async (fleet) => {
    fleet.nowMs += MINUTE_MS;
    const from = { effectiveFrom: iso(START_MS + 2 * 24 * HOUR_MS) };
    await fleet.ask('PATCH', '/v1/sites/lyon', { embodiedLifetimeYears: 3, ...from });
    await fleet.ask('PUT', '/v1/hardware/h100-sxm5-80gb', { kgCo2eq: 300, source: 'test', ...from });
  });
  const long = `from=${iso(START_MS)}&to=${iso(START_MS + DAYS * 24 * HOUR_MS)}`;
  const question = `/v1/fleet/emissions?${long}&groupBy=site`;
  expect((await three.ask<{ hoursWaiting?: number }>('GET', question)).hoursWaiting).toBeGreaterThan(0);
  await both(async (fleet) => {
    for (let turn = 0; turn < 3; turn++) {
      fleet.nowMs += 5 * MINUTE_MS;
      await fleet.runJobs();
    }
  });
  await expectSameAnswers([question, question.replace('site', 'node')]);
});
