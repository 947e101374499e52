/** Law: jobs + idle + unattributed = fleet, in energy, operational and embodied alike, however time and hardware are cut. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Figures } from '../../../shared/emissions/figures.ts';
import { EmissionsJoin, type GroupKey, type JoinResult } from '../../../shared/emissions/join.ts';
import type { JoinNode, NodeHourLedger, NodePart } from '../../../shared/emissions/join-node.ts';
import { JOB_KEYS, type JobFacts } from '../../../shared/emissions/owners.ts';
import { type SupplyContract, SupplyPlan } from '../../../shared/emissions/supply.ts';
import { STEPS, type Step, stepEdges } from '../../../shared/emissions/time-steps.ts';
import type { LedgerDevice, LedgerJobShare } from '../../../shared/ledger/hour.ts';
import { NO_FACTORS, type SiteFactors } from '../../../shared/settings/site-factors.ts';
import { splitInteger } from '../../../shared/split.ts';
import { HOUR_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';
import { ENERGY_KINDS } from '../../../shared/wire/ingest.ts';

const START_MS = Date.UTC(2024, 2, 30, 22);
const HOURS = 4;
const END_MS = START_MS + HOURS * HOUR_MS;

const JOBS: readonly JobFacts[] = [
  { number: 1, id: 'slurm:c:1', project: 'llm', user: 'ada', phase: 'train' },
  { number: 2, id: 'slurm:c:2', project: 'llm', user: 'bob', phase: null },
  { number: 3, id: 'slurm:c:3', project: null, user: null, phase: 'eval' },
  { number: 4, id: 'slurm:c:4', project: 'idle', user: 'ada', phase: 'eval' },
];

interface Node {
  readonly node: JoinNode;
  readonly hours: readonly NodeHourLedger[];
}

/** Of the first place; the second has none. */
const FACTORS: SiteFactors = {
  wueLitresPerKwh: 1.8,
  gridWaterLitresPerKwh: 0,
  residualGramsPerKwh: 500,
  overheads: {
    host: { ratio: 0.12, source: 'test' },
    network: { ratio: 0.05, source: 'test' },
    storage: null,
    cooling: { ratio: 0, source: 'test' },
  },
};
/** Covers a part of what the first place uses in the first two hours. */
const CONTRACT: SupplyContract = {
  id: 'go',
  siteId: 'A',
  kind: 'certificate',
  kwh: 0.5,
  fromMs: START_MS,
  toMs: START_MS + 2 * HOUR_MS,
  gridZone: null,
  gramsPerKwh: 20,
  source: 'test',
};

const ratio = fc.double({ min: 0, max: 1, noNaN: true });
const instant = fc.integer({ min: START_MS - HOUR_MS, max: END_MS });

const device = fc.record({
  energyMillijoules: fc.integer({ min: 0, max: 3_000_000_000 }),
  meteredMilliseconds: fc.integer({ min: 0, max: WINDOW_MS }),
  idleRatio: ratio,
  jobsRatio: ratio,
  recoveredRatio: fc.constantFrom(0, 0.3),
  utilizationRatio: fc.option(ratio),
  kind: fc.constantFrom(...ENERGY_KINDS),
  /** How the jobs divide the device, and how much of the window they have together. */
  weights: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 4, maxLength: 4 }),
  allocatedRatio: ratio,
});
type Given = typeof device extends fc.Arbitrary<infer T> ? T : never;

function ledgerOf(given: Given, deviceIndex: number): { device: LedgerDevice; shares: LedgerJobShare[] } {
  const { energyMillijoules, meteredMilliseconds, utilizationRatio, kind, weights } = given;
  const idleMillijoules = Math.floor(energyMillijoules * given.idleRatio);
  const inJobs = weights.some((weight) => weight > 0)
    ? Math.floor((energyMillijoules - idleMillijoules) * given.jobsRatio)
    : 0;
  const energies = splitInteger(inJobs, weights);
  const times = splitInteger(Math.floor(WINDOW_MS * given.allocatedRatio), weights);
  return {
    device: {
      deviceIndex,
      meteredMilliseconds,
      energyMillijoules,
      kind,
      recoveredMillijoules: Math.floor(energyMillijoules * given.recoveredRatio),
      integratedMillijoules: null,
      idleMillijoules,
      utilizationRatio,
    },
    shares: weights.flatMap((weight, i) =>
      weight === 0
        ? []
        : [
            {
              jobNumber: i + 1,
              deviceIndex,
              energyMillijoules: energies[i]!,
              allocatedMilliseconds: times[i]!,
            },
          ],
    ),
  };
}

const service = fc.record({ inMs: instant, out: fc.option(instant) });

const node = fc
  .record({
    gpus: fc.array(service, { maxLength: 3 }),
    host: service,
    windows: fc.array(
      fc.record({
        at: fc.integer({ min: -1, max: HOURS * 12 - 1 }),
        devices: fc.array(device, { minLength: 5, maxLength: 5 }),
      }),
      { maxLength: 12 },
    ),
    enrolledAtMs: instant,
    retiredAtMs: fc.option(instant),
    moveMs: instant,
    pue: fc.double({ min: 1, max: 2, noNaN: true }),
  })
  .map((given) => (number: number): Node => {
    const devices = [
      ...given.gpus.map((_, i) => ({ id: `gpu-${i}`, type: 'gpu' as const, name: 'NVIDIA L4' })),
      { id: 'cpu-0', type: 'cpu' as const, name: 'CPU' },
      { id: 'other', type: 'other' as const, name: 'rest' },
    ].map((each, deviceIndex) => ({ ...each, deviceIndex }));
    const part = (id: string, type: string, grams: number, { inMs, out }: typeof given.host): NodePart => ({
      id,
      type,
      name: 'NVIDIA L4',
      inServiceMs: inMs,
      outOfServiceMs: out,
      grams,
      gramsLow: grams / 2,
      gramsHigh: grams * 3,
    });
    const byHour = new Map<number, Map<number, Given[]>>();
    for (const { at, devices: ofWindow } of given.windows) {
      const hour = Math.floor(at / 12);
      byHour.set(hour, (byHour.get(hour) ?? new Map()).set(at - hour * 12, ofWindow));
    }
    const hours = [...byHour].map(([hour, windows]) => ({
      hourStartMs: START_MS + hour * HOUR_MS,
      ledger: {
        windows: Array.from({ length: 12 }, (_, index) => {
          const ofWindow = windows.get(index);
          if (!ofWindow) return [];
          const all = devices.map(({ deviceIndex }) => ledgerOf(ofWindow[deviceIndex]!, deviceIndex));
          return [
            {
              epoch: 'epoch0001',
              revision: 1,
              final: true,
              contentDigest: 0,
              devices: all.map((each) => each.device),
              jobShares: all.flatMap((each) => each.shares),
            },
          ];
        }),
      },
    }));
    const place = (startMs: number, endMs: number, gridZone: string | null, pueRatio: number) => ({
      startMs: epochMs(startMs),
      endMs: epochMs(endMs),
      siteId: gridZone,
      gridZone,
      pueRatio,
      lifetimeYears: 4,
      factors: NO_FACTORS,
    });
    return {
      hours,
      node: {
        number,
        id: `node-${number}`,
        hostname: `host-${number}`,
        enrolledAtMs: given.enrolledAtMs,
        retiredAtMs: given.retiredAtMs,
        absences: [],
        devices,
        parts: [
          ...given.gpus.map((each, i) => part(`gpu-${i}`, 'gpu', 164_000, each)),
          part('chassis', 'chassis', 368_094, given.host),
        ],
        places: [
          { ...place(START_MS - 2 * HOUR_MS, given.moveMs, 'A', given.pue), factors: FACTORS },
          place(given.moveMs, END_MS + HOUR_MS, number % 2 === 0 ? 'B' : null, 1),
        ],
      },
    };
  });
const fleet = fc
  .array(node, { minLength: 1, maxLength: 3 })
  .map((makers) => makers.map((make, i) => make(i + 1)));

interface Asked {
  readonly step?: Step;
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly groupBy?: GroupKey | null;
  /** Only this job. */
  readonly only?: number;
  /** False: nothing is asked of jobs. */
  readonly split?: boolean;
  readonly accounting?: 'location' | 'market';
  /** Only so many groups. */
  readonly top?: number;
}

/** As the server would: over all that is used. */
function supplyOf(nodes: readonly Node[]): SupplyPlan {
  const plan = new SupplyPlan([CONTRACT]);
  for (const { node, hours } of nodes)
    for (const { hourStartMs, ledger } of hours)
      ledger.windows.forEach((epochs, i) => {
        const startMs = hourStartMs + i * WINDOW_MS;
        const place = node.places.find((each) => each.startMs <= startMs && startMs < each.endMs)!;
        const devices = epochs.flatMap((epoch) => epoch.devices);
        const millijoules = devices.reduce((sum, each) => sum + each.energyMillijoules, 0);
        plan.add(String(place.siteId), place.gridZone, startMs, (millijoules / 3.6e9) * place.pueRatio);
      });
  plan.spread();
  return plan;
}

function join(nodes: readonly Node[], asked: Asked = {}): JoinResult {
  const {
    step = 'none',
    fromMs = START_MS,
    toMs = END_MS,
    groupBy = null,
    only,
    split = true,
    accounting = 'location',
    top = null,
  } = asked;
  const sums = new EmissionsJoin({
    edges: stepEdges(step, fromMs, toMs),
    nowMs: END_MS - 100_000,
    withSeries: step !== 'none',
    groupBy,
    accepts: () => true,
    intensityOf: (zone) => (windowStartMs) =>
      zone === 'B' && windowStartMs % HOUR_MS === 0
        ? null
        : {
            startMs: epochMs(windowStartMs),
            endMs: epochMs(windowStartMs + WINDOW_MS),
            gramsPerKwh: gramsPerKwh(windowStartMs % 700),
            kind: 'measured',
            provider: 'test',
            method: null,
            issuedAtMs: null,
            fetchedAtMs: epochMs(0),
          },
    lowUtilizationRatio: 0.2,
    supply: accounting === 'market' ? supplyOf(nodes) : null,
    ofJobs: split
      ? {
          jobOf: (number) => JOBS[number - 1]!,
          acceptsJob: (job) => only === undefined || job.number === only,
          acceptsOwner: ({ kind }) => only === undefined || kind === 'job',
        }
      : null,
  });
  for (const each of nodes) sums.addNode(each.node, each.hours);
  return sums.result(top);
}

const EXACT = {
  energyKwh: 3_600_000_000,
  idleEnergyKwh: 3_600_000_000,
  unattributedEnergyKwh: 3_600_000_000,
  lowUtilizationEnergyKwh: 3_600_000_000,
  gpuSeconds: 1_000,
} as const;
const CLOSE = [
  'facilityEnergyKwh',
  'operationalGrams',
  'idleGrams',
  'unattributedGrams',
  'lowUtilizationGrams',
  'embodiedGrams',
  'embodiedGramsLow',
  'embodiedGramsHigh',
  'totalGrams',
] as const;

function expectSum(parts: readonly Figures[], whole: Figures): void {
  for (const [name, scale] of Object.entries(EXACT)) {
    const integer = (figures: Figures) => BigInt(Math.round(figures[name as keyof typeof EXACT] * scale));
    expect(
      parts.reduce((sum, part) => sum + integer(part), 0n),
      name,
    ).toBe(integer(whole));
  }
  for (const name of CLOSE) {
    const sum = parts.reduce((total, part) => total + part[name], 0);
    expect(Math.abs(sum - whole[name]), name).toBeLessThanOrEqual(1e-9 * Math.max(whole[name], 1e-3));
    for (const part of parts) expect(part[name], name).toBeGreaterThanOrEqual(0);
  }
  const recovered = (figures: Figures) => figures.recovered * figures.energyKwh;
  expect(parts.reduce((sum, part) => sum + recovered(part), 0)).toBeCloseTo(recovered(whole), 9);
  for (const value of [
    ({ waterLitresSite }: Figures) => waterLitresSite,
    ({ waterLitresGrid }: Figures) => waterLitresGrid,
    ({ overheads }: Figures) => overheads.host?.energyKwh ?? null,
    ({ overheads }: Figures) => overheads.network?.energyKwh ?? null,
    ({ overheads }: Figures) => overheads.network?.operationalGrams ?? null,
    ({ overheads }: Figures) => overheads.cooling?.energyKwh ?? null,
    ({ overheads }: Figures) => overheads.storage?.energyKwh ?? null,
  ]) {
    const of = value(whole);
    const known = parts.map(value).filter((each) => each !== null);
    if (of === null) expect(known).toEqual([]);
    else {
      const sum = known.reduce((total, each) => total + each, 0);
      expect(Math.abs(sum - of)).toBeLessThanOrEqual(1e-9 * Math.max(of, 1e-3));
    }
  }
}

const ACCOUNTINGS = ['location', 'market'] as const;

test('groups that are not listed are told together, and those that are have the most grams', () => {
  fc.assert(
    fc.property(fleet, fc.constantFrom(...STEPS), fc.nat(6), (nodes, step, top) => {
      const { groups: all, totals } = join(nodes, { step, groupBy: 'job' });
      const { groups, otherGroups } = join(nodes, { step, groupBy: 'job', top });
      expect(groups).toHaveLength(Math.min(top, all.length));
      for (const group of groups) expect(group).toEqual(all.find(({ key }) => key === group.key));
      const grams = all.map(({ totalGrams }) => totalGrams).sort((a, b) => b - a);
      expect(groups.map(({ totalGrams }) => totalGrams)).toEqual(grams.slice(0, top));
      if (otherGroups === null) {
        expect(groups).toHaveLength(all.length);
        return;
      }
      expect(otherGroups.groupCount + groups.length).toBe(all.length);
      expectSum([...groups, otherGroups], totals);
      if (step !== 'none') expectSum(otherGroups.series, otherGroups);
    }),
    { numRuns: 50 },
  );
});

test('all groups of nodes told together are the fleet, in every figure', () => {
  fc.assert(
    fc.property(fleet, fc.constantFrom(...ACCOUNTINGS), (nodes, accounting) => {
      const { totals, gpuCount, otherGroups } = join(nodes, {
        groupBy: 'node',
        split: false,
        accounting,
        top: 0,
      });
      // Of nodes that were never there for a moment there is no group, and nothing to tell.
      if (otherGroups === null) {
        expect([gpuCount, totals.energyKwh, totals.operationalGrams, totals.embodiedGrams]).toEqual([
          0, 0, 0, 0,
        ]);
        return;
      }
      expect(otherGroups.gpuCount).toBe(gpuCount);
      for (const [name, value] of Object.entries(totals)) {
        const other = otherGroups[name as keyof Figures];
        if (typeof value === 'number' && !Number.isInteger(value)) {
          const differs = Math.abs((other as number) - value);
          expect(differs, name).toBeLessThanOrEqual(1e-9 * Math.abs(value));
        } else if (typeof value !== 'object') expect(other, name).toBe(value);
        else if (value !== null && name !== 'overheads')
          for (const [key, share] of Object.entries(value as Record<string, number>))
            expect((other as unknown as Record<string, number>)[key], `${name} ${key}`).toBeCloseTo(share, 9);
      }
    }),
    { numRuns: 50 },
  );
});

test('jobs, idle and unattributed sum to the fleet, whatever jobs are grouped by and however time is cut', () => {
  fc.assert(
    fc.property(
      fleet,
      fc.constantFrom(...STEPS),
      fc.constantFrom(...JOB_KEYS),
      fc.constantFrom(...ACCOUNTINGS),
      (nodes, step, groupBy, accounting) => {
        const plain = join(nodes, { step, split: false, accounting });
        const { groups, totals, series } = join(nodes, { step, groupBy, accounting });
        expectSum(groups, plain.totals);
        expectSum([totals], plain.totals);
        expect(totals.nodesReporting).toBe(plain.totals.nodesReporting);
        series.forEach((each, i) => {
          expectSum([each], plain.series[i]!);
        });
        for (const group of groups) if (step !== 'none') expectSum(group.series, group);
      },
    ),
    { numRuns: 80 },
  );
});

test('ranges that touch sum to the whole for each owner, wherever they are cut', () => {
  fc.assert(
    fc.property(fleet, fc.integer({ min: START_MS + 1, max: END_MS - 1 }), (nodes, cutMs) => {
      const before = join(nodes, { toMs: cutMs, groupBy: 'job' }).groups;
      const after = join(nodes, { fromMs: cutMs, groupBy: 'job' }).groups;
      for (const group of join(nodes, { groupBy: 'job' }).groups)
        expectSum(
          [...before, ...after].filter(({ key }) => key === group.key),
          group,
        );
    }),
    { numRuns: 60 },
  );
});

test('a filter by job is that job’s group, and its nodes sum to it', () => {
  fc.assert(
    fc.property(fleet, fc.integer({ min: 1, max: 4 }), (nodes, only) => {
      const { totals, groups, excluded } = join(nodes, { only, groupBy: 'node' });
      const group = join(nodes, { groupBy: 'job' }).groups.find(({ key }) => key === JOBS[only - 1]!.id);
      if (group === undefined) {
        expect(totals.energyKwh).toBe(0);
        return;
      }
      expectSum([totals], group);
      expectSum(groups, totals);
      expect(totals.coverage).toBe(group.coverage);
      const without = excluded.reduce((sum, { energyKwh }) => sum + energyKwh, 0);
      expect(without).toBeLessThanOrEqual(totals.energyKwh * (1 + 1e-12));
    }),
    { numRuns: 60 },
  );
});

test('coverage of an owner is a share', () => {
  fc.assert(
    fc.property(fleet, (nodes) => {
      for (const { coverage } of join(nodes, { groupBy: 'job' }).groups) {
        if (coverage === null) continue;
        expect(coverage).toBeGreaterThanOrEqual(0);
        expect(coverage).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 30 },
  );
});

/** One hour on a node with two GPUs and a host: a job has one GPU throughout, another half of the other's time. */
function example() {
  const share = (jobNumber: number, deviceIndex: number, watts: number, allocatedMilliseconds: number) => ({
    jobNumber,
    deviceIndex,
    energyMillijoules: watts * WINDOW_MS,
    allocatedMilliseconds,
  });
  const metered = (
    deviceIndex: number,
    watts: number,
    idleWatts: number,
    utilizationRatio: number | null,
  ) => ({
    deviceIndex,
    meteredMilliseconds: WINDOW_MS,
    energyMillijoules: watts * WINDOW_MS,
    kind: 'counter' as const,
    recoveredMillijoules: 0,
    integratedMillijoules: null,
    idleMillijoules: idleWatts * WINDOW_MS,
    utilizationRatio,
  });
  const epoch = {
    epoch: 'epoch0001',
    revision: 1,
    final: true,
    contentDigest: 0,
    devices: [metered(0, 600, 0, 0.9), metered(1, 300, 50, 0.1)],
    jobShares: [share(1, 0, 600, WINDOW_MS), share(2, 1, 250, WINDOW_MS / 2)],
  };
  const part = (id: string, type: string, grams: number): NodePart => ({
    id,
    type,
    name: id,
    inServiceMs: START_MS,
    outOfServiceMs: null,
    grams: grams * 4 * 8_760,
    gramsLow: 0,
    gramsHigh: 0,
  });
  const gpu = (deviceIndex: number) => ({
    deviceIndex,
    id: `gpu-${deviceIndex}`,
    type: 'gpu' as const,
    name: 'L4',
  });
  return {
    node: {
      number: 1,
      id: 'a',
      hostname: 'a',
      enrolledAtMs: START_MS,
      retiredAtMs: null,
      absences: [],
      devices: [gpu(0), gpu(1)],
      parts: [part('gpu-0', 'gpu', 10), part('gpu-1', 'gpu', 20), part('chassis', 'chassis', 40)],
      places: [
        {
          startMs: epochMs(START_MS),
          endMs: epochMs(END_MS),
          siteId: 'a',
          gridZone: 'A',
          pueRatio: 1,
          lifetimeYears: 4,
          factors: NO_FACTORS,
        },
      ],
    },
    hours: [{ hourStartMs: START_MS, ledger: { windows: Array.from({ length: 12 }, () => [epoch]) } }],
  };
}

test('by hand: a GPU goes with its time, the host with the GPUs, waste is what a GPU drew for a job while hardly used', () => {
  const { groups } = join([example()], { toMs: START_MS + HOUR_MS, groupBy: 'job' });
  const of = (key: string) => groups.find((group) => group.key === key)!;
  expect(of('slurm:c:1')).toMatchObject({
    energyKwh: 0.6,
    gpuSeconds: 3_600,
    coverage: 1,
    gpuUtilizationRatio: 0.9,
    lowUtilizationEnergyKwh: 0,
  });
  expect(of('slurm:c:1').embodiedGrams).toBeCloseTo(10 + 20, 9);
  expect(of('slurm:c:2')).toMatchObject({
    energyKwh: 0.25,
    gpuSeconds: 1_800,
    lowUtilizationEnergyKwh: 0.25,
  });
  expect(of('slurm:c:2').embodiedGrams).toBeCloseTo(10 + 10, 9);
  expect(of('slurm:c:2').lowUtilizationGrams).toBe(of('slurm:c:2').operationalGrams);
  // What was left of the second GPU's time was all drawn while it was proven free.
  expect(of('idle')).toMatchObject({ energyKwh: 0.05, gpuSeconds: 1_800, owner: 'idle' });
  expect(of('idle').embodiedGrams).toBeCloseTo(10 + 10, 9);
  expect(of('unattributed')).toMatchObject({ energyKwh: 0, gpuSeconds: 0 });
  expect(of('unattributed').embodiedGrams).toBeCloseTo(0, 9);
});

test('utilization that is not known is not low, and not counted in a mean', () => {
  const { node, hours } = example();
  const windows = hours[0]!.ledger.windows.map(([epoch]) => [
    { ...epoch!, devices: epoch!.devices.map((each) => ({ ...each, utilizationRatio: null })) },
  ]);
  const { totals } = join([{ node, hours: [{ hourStartMs: START_MS, ledger: { windows } }] }]);
  expect(totals).toMatchObject({ lowUtilizationEnergyKwh: 0, gpuUtilizationRatio: null });
});

test('how a job came to its energy travels with it', () => {
  const { node, hours } = example();
  const windows = hours[0]!.ledger.windows.map(([epoch]) => [
    {
      ...epoch!,
      jobShares: epoch!.jobShares.map((share) =>
        share.jobNumber === 2 ? { ...share, attribution: 'processes' as const } : share,
      ),
    },
  ]);
  const given = { node, hours: [{ hourStartMs: START_MS, ledger: { windows } }] };
  const { totals, groups } = join([given], { groupBy: 'job' });
  expect(totals.jobAttributions.processes).toBeCloseTo(0.25 / 0.85, 12);
  expect(groups.find(({ key }) => key === 'slurm:c:2')!.jobAttributions).toMatchObject({
    allocation: 0,
    processes: 1,
  });
  expect(join([given], { split: false }).totals.jobAttributions).toEqual(totals.jobAttributions);
});

test('a project that is called idle is not what was idle', () => {
  const { groups } = join([{ ...example(), hours: [] }, example()], { groupBy: 'project' });
  expect(groups.map(({ key, owner }) => [key, owner])).toEqual([
    ['idle', 'idle'],
    ['llm', 'job'],
    ['unattributed', 'unattributed'],
  ]);
});
