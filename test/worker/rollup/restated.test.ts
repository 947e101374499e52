/** Whatever changes and whenever the rollups are made: an answer from them is that of the join over every node and hour. */
import fc from 'fast-check';
import { beforeAll, test } from 'vitest';
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
import { expectSame, instant, rollUp } from './support.ts';

const DAYS = 4;
const HOURS = DAYS * 24;
const NODES = ['a', 'b', 'c', 'd'] as const;
const SITES = ['sf', 'dk'] as const;

const nodes = new Map<string, { nodeId: string; token: string }>();
let revision = 1;

const JOBS = [
  { id: 'slurm:c:0', project: 'llm', user: 'ada' },
  { id: 'slurm:c:1', project: 'llm', phase: 'train' },
  { id: 'slurm:c:2', user: 'ada' },
  { id: 'slurm:c:3', project: 'idle' },
];

/** A window of one node: idle, in a job, or of unknown use; with or without a meter of the whole host. */
async function tell(node: string, windows: readonly number[], milliwatts: number) {
  revision++;
  const reports = windows.map((window) => {
    const energyMillijoules = 90_000_000 + milliwatts * 300;
    const id = `GPU-${node}`;
    const host = { id: 'host', type: 'other', name: 'BMC', kind: 'integrated' };
    const devices = [
      gpu(id, energyMillijoules, {
        utilizationRatio: window % 7 === 0 ? 0.1 : 0.9,
        ...(window % 3 === 0 ? { idleMillijoules: 1_000 } : {}),
      }),
      ...(window % 2 === 0
        ? [{ ...host, meteredMilliseconds: WINDOW_MS, energyMillijoules: 30_000_000 + window }]
        : []),
    ];
    const share = { id, energyMillijoules: 80_000_000, allocatedMilliseconds: WINDOW_MS };
    return {
      windowStartMs: DAY_MS + window * WINDOW_MS,
      epoch: 'epoch0001',
      revision,
      final: true,
      devices,
      jobs: window % 5 === 0 ? [] : [{ ...JOBS[window % 4], devices: [share] }],
    };
  });
  const body = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports };
  await ask('POST', '/v1/ingest', body, nodes.get(node)!.token);
}

beforeAll(async () => {
  await storeHours(
    'US-CAL-CISO',
    Array.from({ length: HOURS + 24 }, (_, i) => 80 + (i % 24) * 9.7),
  );
  // Of the other scope, and of none in the hours after.
  await storeHours(
    'DK-DK1',
    Array.from({ length: HOURS / 2 }, (_, i) => 30 + (i % 7)),
    'production',
  );
  await ask('POST', '/v1/sites', { id: 'sf', gridZone: 'US-CAL-CISO', pueRatio: 1.25 });
  await ask('POST', '/v1/sites', { id: 'dk', gridZone: 'DK-DK1', pueRatio: 1.1 });
  const factors = { wueLitresPerKwh: 1.8, hostOverheadRatio: 0.1, hostOverheadSource: 'test' };
  await ask('PATCH', '/v1/sites/sf', { ...factors, effectiveFrom: instant(-24 * 365) });
  for (const [i, name] of NODES.entries()) {
    const node = await newNode(name, SITES[i % 2]!);
    nodes.set(name, node);
    await ask('PATCH', `/v1/nodes/${node.nodeId}`, { labels: { rack: `r${i % 3}` } });
  }
  for (let day = 0; day < DAYS; day++) {
    clock.nowMs = DAY_MS + (day + 1) * 24 * HOUR_MS;
    for (const [i, name] of NODES.entries()) {
      const windows = Array.from({ length: 24 }, (_, hour) => [
        hour * 12 + (hour % 11),
        hour * 12 + 11,
      ]).flat();
      await tell(
        name,
        windows.map((window) => day * 288 + window),
        1_000 * i,
      );
    }
  }
  clock.nowMs = DAY_MS + HOURS * HOUR_MS + 40 * 60_000;
});

const QUERIES = [
  'step=day',
  'step=hour&groupBy=site',
  'groupBy=gridZone&step=day',
  'groupBy=gpuModel',
  'filter=site:sf&step=day',
  'filter=gridZone:US-CAL-CISO',
  `from=${instant(1.5)}&to=${instant(HOURS - 7.25)}&step=day`,
  'groupBy=node',
  'groupBy=node&step=hour',
  'groupBy=job&step=day',
  'groupBy=project',
  `groupBy=user&from=${instant(1.5)}&to=${instant(HOURS - 7.25)}&step=day`,
  'groupBy=phase&filter=gridZone:US-CAL-CISO,label.rack:r1',
  'groupBy=node&filter=project:llm&step=day',
  'groupBy=gridZone&filter=job:slurm:c:2',
  'groupBy=site&filter=job:unattributed',
  'scope=production&step=day',
  'scope=consumption&groupBy=node',
];

const hourOf = fc.integer({ min: 0, max: HOURS - 1 });
const node = fc.constantFrom(...NODES);
const site = fc.constantFrom(...SITES);
const change = fc.oneof(
  fc.record({
    kind: fc.constant('late' as const),
    node,
    hour: hourOf,
    watts: fc.integer({ min: 1, max: 99 }),
  }),
  fc.record({
    kind: fc.constant('move' as const),
    node,
    hour: fc.double({ min: 0, max: HOURS, noNaN: true }),
    site,
  }),
  fc.record({ kind: fc.constant('part' as const), node, hour: hourOf }),
  fc.record({
    kind: fc.constant('lifetime' as const),
    site,
    hour: hourOf,
    years: fc.integer({ min: 3, max: 7 }),
  }),
  fc.record({
    kind: fc.constant('pue' as const),
    site,
    hour: fc.double({ min: 0, max: HOURS, noNaN: true }),
  }),
  fc.record({
    kind: fc.constant('zone' as const),
    site,
    hour: fc.double({ min: 0, max: HOURS, noNaN: true }),
  }),
  fc.record({ kind: fc.constant('intensity' as const), hour: hourOf }),
  fc.record({ kind: fc.constant('figure' as const), grams: fc.integer({ min: 100, max: 200 }) }),
);
type Change = typeof change extends fc.Arbitrary<infer C> ? C : never;

async function apply(made: Change): Promise<void> {
  clock.nowMs += 1_000;
  switch (made.kind) {
    case 'late':
      return tell(made.node, [made.hour * 12 + 5], made.watts * 1_000);
    case 'move':
      return void (await ask('PATCH', `/v1/nodes/${nodes.get(made.node)!.nodeId}`, {
        site: made.site,
        effectiveFrom: instant(made.hour),
      }));
    case 'part': {
      const parts = [{ id: `GPU-${made.node}`, type: 'gpu', name: made.hour % 2 ? H100 : 'NVIDIA L4' }];
      const inventory = { hostname: made.node, kernel: '6.8', productName: '', parts };
      const body = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports: [], inventory };
      await ask('POST', '/v1/ingest', body, nodes.get(made.node)!.token);
      const path = `/v1/nodes/${nodes.get(made.node)!.nodeId}/parts/GPU-${made.node}`;
      return void (await ask('PATCH', path, { inServiceFrom: instant(made.hour - 24) }));
    }
    case 'lifetime':
      return siteSays(made.site, made.hour, { embodiedLifetimeYears: made.years });
    case 'pue':
      return siteSays(made.site, made.hour, { pueRatio: 1 + made.hour / HOURS });
    case 'zone':
      return siteSays(made.site, made.hour, { gridZone: made.hour > 40 ? 'US-CAL-CISO' : 'DK-DK1' });
    case 'intensity':
      return storeHours(
        'US-CAL-CISO',
        Array.from({ length: made.hour + 1 }, (_, i) => 100 + i),
      );
    case 'figure':
      return void (await ask('PUT', '/v1/hardware/l4', { kgCo2eq: made.grams, source: 'test' }));
  }
}

async function siteSays(id: string, hour: number, said: object): Promise<void> {
  await ask('PATCH', `/v1/sites/${id}`, { ...said, effectiveFrom: instant(hour) });
}

test('an answer from rollups is that of the join', async () => {
  await rollUp(DAYS);
  for (const query of QUERIES) await expectSame(query);
});

test('and stays so after any changes of what is in them or beside them, once they are made anew', async () => {
  await rollUp(DAYS);
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      for (const made of changes) await apply(made);
      await rollUp(DAYS);
      for (const query of QUERIES) await expectSame(query);
    }),
    { numRuns: 6, endOnFailure: true },
  );
});
