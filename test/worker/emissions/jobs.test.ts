/** Jobs through the public door: what agents report of them, grouped, filtered and found again. */
import { beforeAll, expect, test } from 'vitest';
import { ask, clock, DAY_MS, gpu, H100, HOUR_MS, newNode, storeHours, WINDOW_MS } from './support.ts';

interface Figures {
  readonly energyKwh: number;
  readonly operationalGrams: number;
  readonly embodiedGrams: number;
  readonly gpuSeconds: number;
  readonly coverage: number | null;
  readonly nodesExpected: number;
  readonly lowUtilizationEnergyKwh: number;
  readonly lowUtilizationGrams: number;
}
interface Answer {
  readonly totals: Figures;
  readonly groups: readonly (Figures & { key: string; owner: string | null; series: readonly Figures[] })[];
  readonly otherGroups: (Figures & { groupCount: number; series: readonly Figures[] }) | null;
}

const GPUS = [
  'GPU-00000000-0000-4000-8000-00000000000a',
  'GPU-00000000-0000-4000-8000-00000000000b',
] as const;
/** 600 W and 300 W over a window. */
const ENERGY = [180_000_000, 90_000_000] as const;
const TRAIN = 'slurm:c:1';
const EVAL = 'slurm:c:2';
let nodeId: string;

const share = (device: number, energyMillijoules: number, allocatedMilliseconds = WINDOW_MS) => ({
  id: GPUS[device]!,
  energyMillijoules,
  allocatedMilliseconds,
});

/** Two hours on two GPUs: one trains throughout; the other evaluates in the first hour, half of its time proven idle. */
beforeAll(async () => {
  await storeHours('US-CAL-CISO', [100, 200]);
  await ask('POST', '/v1/sites', { id: 'sf', gridZone: 'US-CAL-CISO', pueRatio: 1.5 });
  const node = await newNode('jobs-1', 'sf');
  nodeId = node.nodeId;
  clock.nowMs = DAY_MS + 2 * HOUR_MS;
  const reports = Array.from({ length: 24 }, (_, i) => ({
    windowStartMs: DAY_MS + i * WINDOW_MS,
    epoch: 'epoch0001',
    revision: 1,
    final: true,
    devices: [
      gpu(GPUS[0], ENERGY[0], { utilizationRatio: 0.95 }),
      gpu(GPUS[1], ENERGY[1], {
        utilizationRatio: 0.1,
        idleMillijoules: i < 12 ? ENERGY[1] / 3 : ENERGY[1],
      }),
    ],
    jobs: [
      { id: TRAIN, project: 'llm', user: 'ada', phase: 'train', devices: [share(0, ENERGY[0])] },
      ...(i < 12
        ? [
            {
              id: EVAL,
              project: 'llm',
              phase: 'eval',
              devices: [share(1, (ENERGY[1] * 2) / 3, WINDOW_MS / 2)],
            },
          ]
        : []),
    ],
  }));
  const parts = GPUS.map((id) => ({ id, type: 'gpu' as const, name: H100 }));
  const inventory = { hostname: 'jobs-1', kernel: '6.8', productName: '', parts };
  const said = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports, inventory };
  await ask('POST', '/v1/ingest', said, node.token);
});

const of = (query: string) => ask<Answer>('GET', `/v1/fleet/emissions?${query}`);
const close = (actual: number, expected: number) =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-9 * Math.abs(expected));

test('groups by job, project, phase and user sum to the totals of the fleet and of the node', async () => {
  const plain = (await of('')).totals;
  for (const groupBy of ['job', 'project', 'phase', 'user'])
    for (const path of ['/v1/fleet/emissions', `/v1/nodes/${nodeId}/emissions`]) {
      const { totals, groups } = await ask<Answer>('GET', `${path}?groupBy=${groupBy}&step=hour`);
      for (const name of ['energyKwh', 'operationalGrams', 'embodiedGrams', 'gpuSeconds'] as const) {
        close(totals[name], plain[name]);
        close(
          groups.reduce((sum, group) => sum + group[name], 0),
          plain[name],
        );
      }
    }
});

test('a job has what was allocated to it, and what was in none stands beside it', async () => {
  const { groups } = await of('groupBy=job');
  const byKey = new Map(groups.map((group) => [group.key, group]));
  expect([...byKey.keys()]).toEqual(['idle', TRAIN, EVAL, 'unattributed']);
  expect(byKey.get(TRAIN)).toMatchObject({ energyKwh: 1.2, gpuSeconds: 7_200, coverage: 1, owner: 'job' });
  expect(byKey.get(EVAL)).toMatchObject({ energyKwh: 0.2, gpuSeconds: 1_800, lowUtilizationEnergyKwh: 0.2 });
  expect(byKey.get('idle')).toMatchObject({ energyKwh: 0.4, gpuSeconds: 5_400, owner: 'idle' });
  close(byKey.get(TRAIN)!.operationalGrams, 1.5 * (0.6 * 100 + 0.6 * 200));
  close(byKey.get(EVAL)!.lowUtilizationGrams, 1.5 * 0.2 * 100);
  expect(byKey.get(TRAIN)!.embodiedGrams).toBeGreaterThan(byKey.get(EVAL)!.embodiedGrams);
});

test('only the groups with the most are listed where so many are asked for, the others as one', async () => {
  const all = await of('groupBy=job');
  const { groups, otherGroups, totals } = await of('groupBy=job&top=2&step=hour');
  expect(groups.map(({ key }) => key)).toEqual([TRAIN, expect.any(String)]);
  expect(otherGroups).toMatchObject({ groupCount: all.groups.length - 2 });
  const listed = groups.reduce((sum, group) => sum + group.energyKwh, 0);
  expect(listed + otherGroups!.energyKwh).toBeCloseTo(totals.energyKwh, 12);
  expect(otherGroups!.series).toHaveLength(groups[0]!.series.length);
  expect(all.otherGroups).toBeNull();
});

test('jobs without a user are the group none; a filter leaves only the share of its jobs', async () => {
  const byUser = await of('groupBy=user');
  expect(byUser.groups.map(({ key }) => key)).toEqual(['ada', 'idle', 'none', 'unattributed']);
  const { groups } = await of('groupBy=job');
  for (const [filter, key] of [
    [`job:${TRAIN}`, TRAIN],
    ['project:llm,phase:eval', EVAL],
    ['user:none', EVAL],
    ['job:idle', 'idle'],
    ['job:unattributed', 'unattributed'],
  ] as const) {
    const { totals } = await of(`filter=${encodeURIComponent(filter)}`);
    expect(totals).toMatchObject({ energyKwh: groups.find((group) => group.key === key)!.energyKwh });
  }
  expect((await of('filter=project:other')).totals).toMatchObject({ energyKwh: 0, nodesExpected: 0 });
});

test('how low is low is for the asker to say', async () => {
  expect((await of('lowUtilizationRatio=0.05')).totals.lowUtilizationEnergyKwh).toBe(0);
  expect((await of('lowUtilizationRatio=1')).totals.lowUtilizationEnergyKwh).toBeCloseTo(1.4, 12);
});
