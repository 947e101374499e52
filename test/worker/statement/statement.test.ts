/** Carbon statements through the public door, of a job whose every name is hostile; whole outputs are in test/golden/statement. */
import { beforeAll, expect, test } from 'vitest';
import jobJson from '../../golden/statement/job.json?raw';
import jobMarkdown from '../../golden/statement/job.md?raw';
import jobLatex from '../../golden/statement/job.tex?raw';
import jobModelCard from '../../golden/statement/job.yaml?raw';
import periodMarkdown from '../../golden/statement/period.md?raw';
import projectMarkdown from '../../golden/statement/project.md?raw';
import {
  ask,
  clock,
  DAY_MS,
  gpu,
  H100,
  HOUR_MS,
  newNode,
  storeHours,
  WINDOW_MS,
} from '../emissions/support.ts';
import { refusal } from '../support/api.ts';

const GPUS = [
  'GPU-00000000-0000-4000-8000-00000000000a',
  'GPU-00000000-0000-4000-8000-00000000000b',
] as const;
const JOB = 'slurm:c:`1`|[x](http://e.vil)<img src=x>';
const PROJECT = 'A&B, 100% $\\input{/etc/passwd}$ #1_~^"\'';
const USER = '---\nadmin: true'.replace('\n', ' ');

interface Statement {
  readonly totals: Record<string, number>;
  readonly totalGramsLow: number;
  readonly gpuCount: number;
  readonly gpuHours: number;
  readonly hardware: readonly { model: string; gpuCount: number; gpuHours: number }[];
  readonly parts: readonly {
    readonly type: string;
    readonly count: number;
    readonly embodiedGrams: number;
    readonly embodiedGramsLow: number;
    readonly embodiedGramsHigh: number;
    readonly shareOfEmbodied: number;
  }[];
  readonly zones: readonly { meanGramsPerKwh: number; yearAverage: { gramsPerKwh: number; year: number } }[];
  readonly sites: readonly { site: string; pueRatio: number }[];
  readonly embodied: { method: string; lifetimeYears: number[] };
  readonly equivalents: readonly { id: string; count: number }[];
}

/** Two hours: one GPU in the job throughout, the other half of the first hour; a frozen first hour. */
beforeAll(async () => {
  await storeHours('US-CAL-CISO', [100, 200]);
  await ask('POST', '/v1/sites', {
    id: 'sf',
    gridZone: 'US-CAL-CISO',
    pueRatio: 1.5,
    embodiedLifetimeYears: 5,
    networkOverheadRatio: 0.1,
    networkOverheadSource: 'switch telemetry',
  });
  const node = await newNode('statement-1', 'sf');
  clock.nowMs = DAY_MS + 2 * HOUR_MS;
  const reports = Array.from({ length: 24 }, (_, i) => ({
    windowStartMs: DAY_MS + i * WINDOW_MS,
    epoch: 'epoch0001',
    revision: 1,
    final: true,
    devices: [gpu(GPUS[0], 180_000_000, { utilizationRatio: 0.95 }), gpu(GPUS[1], 90_000_000)],
    jobs: [
      {
        id: JOB,
        project: PROJECT,
        user: USER,
        phase: 'fine-tuning',
        devices: [
          { id: GPUS[0], energyMillijoules: 180_000_000, allocatedMilliseconds: WINDOW_MS },
          ...(i < 6
            ? [{ id: GPUS[1], energyMillijoules: 90_000_000, allocatedMilliseconds: WINDOW_MS }]
            : []),
        ],
      },
    ],
  }));
  const parts = [
    ...GPUS.map((id) => ({ id, type: 'gpu', name: H100 })),
    ...[0, 1].map((socket) => ({
      id: `cpu-${socket}`,
      type: 'cpu',
      name: 'AMD EPYC 9654 96-Core Processor',
    })),
    ...[0, 1, 2, 3].map((slot) => ({
      id: `dimm-slot-${slot}`,
      type: 'dimm',
      name: 'DDR5 $\\input{x}$ | M321',
      capacityBytes: 2 ** 36,
    })),
    { id: 'S64HNE0R500001', type: 'ssd', name: 'SAMSUNG MZQL2', capacityBytes: 3.84e12 },
  ];
  const inventory = { hostname: 'statement-1', kernel: '6.8', productName: '', parts };
  const said = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports, inventory };
  await ask('POST', '/v1/ingest', said, node.token);
  await ask('PATCH', `/v1/jobs/${encodeURIComponent(JOB)}`, { units: { token: 1e9 } });
  clock.nowMs = DAY_MS + 6 * HOUR_MS;
  await ask('POST', '/v1/periods', { from: at(0), to: at(1), why: 'first hour' });
});

const at = (hours: number) => new Date(DAY_MS + hours * HOUR_MS).toISOString();
const ofJob = `/v1/jobs/${encodeURIComponent(JOB)}/statement`;
const ofProject = `/v1/projects/${encodeURIComponent(PROJECT)}/statement?from=${at(0)}&to=${at(2)}`;

async function textOf(path: string): Promise<{ text: string; type: string | null }> {
  const response = await clock.call('GET', path);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return { text, type: response.headers.get('Content-Type') };
}

/** Without what changes with every release. */
const masked = (text: string) =>
  text.replace(/[0-9a-f]{64}|(?:[0-9a-f]{16}\\allowbreak\{\}){4}/g, '(sha256)');

test.each([
  ['markdown', `${ofJob}?format=markdown`, jobMarkdown, 'text/markdown; charset=utf-8'],
  ['latex', `${ofJob}?format=latex`, jobLatex, 'text/x-tex; charset=utf-8'],
  ['modelcard', `${ofJob}?format=modelcard`, jobModelCard, 'text/yaml; charset=utf-8'],
  ['project', `${ofProject}&format=markdown`, projectMarkdown, 'text/markdown; charset=utf-8'],
  ['period', '/v1/periods/1/statement?format=markdown', periodMarkdown, 'text/markdown; charset=utf-8'],
])('%s is as in its golden file', async (name, path, golden, type) => {
  const got = await textOf(path);
  expect(got.type).toBe(type);
  expect(masked(got.text), name).toBe(golden);
});

test('json is as in its golden file', async () => {
  const { text } = await textOf(ofJob);
  expect(`${masked(JSON.stringify(JSON.parse(text), null, 2))}\n`).toBe(jobJson);
});

test('a statement of one scope counts the energy of the other and says that it has no grams', async () => {
  const { text } = await textOf(`${ofJob}?scope=production`);
  expect(JSON.parse(text)).toMatchObject({ totals: { operationalGrams: 0, scope: null } });
  expect(text).toContain('no series on this basis of production');
});

test('the numbers of a job are those of its emissions, and its mean intensity is its own, not the year’s', async () => {
  const statement = await ask<Statement>('GET', ofJob);
  const { totals } = await ask<Statement>('GET', ofJob.replace('/statement', '/emissions'));
  expect(statement.totals).toEqual(totals);
  expect(statement).toMatchObject({ gpuCount: 2, gpuHours: 2.5 });
  expect(statement.hardware).toMatchObject([{ model: H100, gpuCount: 2, gpuHours: 2.5 }]);
  // 0.6 + 0.15 kWh at 100, 0.6 kWh at 200, all x 1.5.
  expect(statement.zones[0]!.meanGramsPerKwh).toBeCloseTo((0.75 * 100 + 0.6 * 200) / 1.35, 9);
  expect(statement.zones[0]!.yearAverage).toMatchObject({ gramsPerKwh: 229, year: 2024 });
  expect(statement.sites).toMatchObject([{ site: 'sf' }]);
  expect(statement.sites[0]!.pueRatio).toBeCloseTo(1.5, 12);
  expect(statement.embodied.lifetimeYears).toEqual([5]);
  expect(statement.totalGramsLow).toBeCloseTo(totals.operationalGrams! + totals.embodiedGramsLow!, 9);
  const [kilometres, charges] = statement.equivalents;
  expect(kilometres!.count).toBeCloseTo(totals.totalGrams! / 244.2, 2);
  expect(charges!.count).toBeCloseTo(totals.totalGrams! / 12.4, 9);
});

test('all hardware is listed, and its shares are the embodied figure', async () => {
  for (const path of [ofJob, ofProject, '/v1/periods/1/statement']) {
    const { parts, totals } = await ask<Statement>('GET', path);
    const sum = (of: 'embodiedGrams' | 'embodiedGramsLow' | 'embodiedGramsHigh') =>
      parts.reduce((all, part) => all + part[of], 0);
    expect(parts.map(({ type, count }) => `${count} ${type}`).sort()).toEqual([
      '1 assembly',
      '1 chassis',
      '1 motherboard',
      '1 powerSupplies',
      '1 ssd',
      '2 cpu',
      '2 gpu',
      '4 dimm',
    ]);
    for (const of of ['embodiedGrams', 'embodiedGramsLow', 'embodiedGramsHigh'] as const)
      expect(sum(of)).toBeCloseTo(totals[of]!, 9);
    expect(parts.reduce((all, { shareOfEmbodied }) => all + shareOfEmbodied, 0)).toBeCloseTo(1, 9);
  }
});

test('a project is all of its jobs in the time asked for; one that ran nothing is not found', async () => {
  const whole = await ask<Statement>('GET', ofProject);
  expect(whole.totals).toEqual((await ask<Statement>('GET', ofJob)).totals);
  const hour = await ask<Statement>(
    'GET',
    `/v1/projects/${encodeURIComponent(PROJECT)}/statement?from=${at(1)}&to=${at(2)}`,
  );
  expect(hour).toMatchObject({ gpuCount: 1, totals: { energyKwh: 0.6 } });
  const other = await clock.call('GET', `/v1/projects/other/statement?from=${at(0)}`);
  expect(await refusal(other)).toEqual({ status: 404, code: 'not_found', field: 'project' });
});

test('the training type is the phase where that says it, else what is asked for, else left out', async () => {
  expect((await textOf(`${ofJob}?format=modelcard`)).text).toContain('training_type: "fine-tuning"');
  expect((await textOf(`${ofJob}?format=modelcard&trainingType=pre-training`)).text).toContain(
    'training_type: "pre-training"',
  );
  expect((await textOf(`${ofProject}&format=modelcard`)).text).not.toContain('training_type');
});

test('a period keeps its frozen figure, whatever comes later', async () => {
  const before = await ask<Statement>('GET', '/v1/periods/1/statement');
  clock.nowMs += HOUR_MS;
  await ask('PATCH', '/v1/sites/sf', { pueRatio: 2, effectiveFrom: at(0) });
  expect((await ask<Statement>('GET', ofJob)).sites[0]!.pueRatio).toBeCloseTo(2, 9);
  expect(await ask<Statement>('GET', '/v1/periods/1/statement')).toEqual(before);
  const missing = await clock.call('GET', '/v1/periods/99/statement');
  expect(await refusal(missing)).toEqual({ status: 404, code: 'not_found', field: 'id' });
});

test('the versions name what the figure was made with, and nothing that was taken back or plays no part', async () => {
  clock.nowMs += 1;
  const contract = {
    kind: 'ppa',
    kwh: 0.01,
    vintageFrom: at(0),
    vintageTo: at(2),
    gramsPerKwh: 5,
    source: 's',
  };
  await ask('PATCH', '/v1/sites/sf', { supplyContracts: { kept: contract, gone: contract } });
  await ask('PUT', '/v1/hardware/epyc-9654', { kgCo2eq: 30, source: 'maker' });
  await ask('PUT', '/v1/hardware/l4', { kgCo2eq: 30, source: 'of no part here' });
  await ask('PUT', '/v1/hardware/h100-sxm5-80gb', { kgCo2eq: 30, source: 'taken back' });
  clock.nowMs += 1;
  await ask('PATCH', '/v1/sites/sf', {
    supplyContracts: { gone: null },
    networkOverheadRatio: null,
    effectiveFrom: at(0),
  });
  await ask('DELETE', '/v1/hardware/h100-sxm5-80gb');
  type Versions = { versions: { settings: readonly { subject: string; key: string }[] } };
  const named = async (accounting: string) =>
    (await ask<Versions>('GET', `${ofJob}?accounting=${accounting}`)).versions.settings.map(
      ({ subject, key }) => `${subject} ${key}`,
    );
  const always = [
    'hardware:epyc-9654 figure',
    'site:sf embodiedLifetimeYears',
    'site:sf gridZone',
    'site:sf networkOverheadSource',
    'site:sf pueRatio',
  ];
  expect((await named('location')).sort()).toEqual(always);
  expect((await named('market')).sort()).toEqual([...always, 'site:sf supplyContract:kept']);
  const { versions } = await ask<Versions>('POST', '/v1/periods', {
    from: at(1),
    to: at(2),
    accounting: 'market',
  });
  expect(
    versions.settings.filter(({ key }) => key.startsWith('supplyContract')).map(({ key }) => key),
  ).toEqual(['supplyContract:kept']);
});
