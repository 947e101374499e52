/** Four nodes of two sites with jobs over some days, and whatever may change of what is in their rollups or beside them. */
import fc from 'fast-check';
import {
  ask,
  clock,
  DAY_MS,
  database,
  gpu,
  H100,
  HOUR_MS,
  newNode,
  storeHours,
  WINDOW_MS,
} from '../emissions/support.ts';
import { instant } from './support.ts';

export const DAYS = 4;
export const HOURS = DAYS * 24;
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
async function tell(node: string, windows: readonly number[], milliwatts: number, said: object = {}) {
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
      jobs: window % 5 === 0 ? [] : [{ ...JOBS[window % 4], ...said, devices: [share] }],
    };
  });
  const body = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports };
  await ask('POST', '/v1/ingest', body, nodes.get(node)!.token);
}

/** Of the only node so far; those after it count on from there. */
async function renumber(number: number): Promise<void> {
  for (const sql of [
    'UPDATE nodes SET number = ?1',
    "UPDATE settings SET subject = 'node:' || CAST(?1 AS INTEGER) WHERE subject LIKE 'node:%'",
    'UPDATE tokens SET node_number = ?1 WHERE node_number IS NOT NULL',
  ])
    await database.prepare(sql).bind(number).run();
}

/** @param firstNumber of the nodes: a fleet is large by its last one */
export async function tellDays(firstNumber = 1): Promise<void> {
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
    if (i === 0 && firstNumber > 1) await renumber(firstNumber);
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
}

const hourOf = fc.integer({ min: 0, max: HOURS - 1 });
const node = fc.constantFrom(...NODES);
const site = fc.constantFrom(...SITES);
export const change = fc.oneof(
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
  fc.record({
    kind: fc.constant('word' as const),
    job: fc.integer({ min: 0, max: 3 }),
    byAgent: fc.boolean(),
    said: fc.record({
      project: fc.constantFrom('llm', 'vision', 'idle'),
      user: fc.constantFrom('ada', 'bob', 'none'),
      phase: fc.constantFrom('train', 'tune'),
    }),
  }),
  fc.record({ kind: fc.constant('figure' as const), grams: fc.integer({ min: 100, max: 200 }) }),
);
export type Change = typeof change extends fc.Arbitrary<infer C> ? C : never;

export async function apply(made: Change): Promise<void> {
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
    case 'word': {
      const { id } = JOBS[made.job]!;
      if (!made.byAgent) return void (await ask('PATCH', `/v1/jobs/${id}`, made.said));
      // The last hour, in which each job may be told of otherwise.
      return tell('a', [HOURS * 12 - 12 + made.job], 1_000, made.said);
    }
    case 'figure':
      return void (await ask('PUT', '/v1/hardware/l4', { kgCo2eq: made.grams, source: 'test' }));
  }
}

async function siteSays(id: string, hour: number, said: object): Promise<void> {
  await ask('PATCH', `/v1/sites/${id}`, { ...said, effectiveFrom: instant(hour) });
}
