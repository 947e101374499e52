import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Figures } from '../../../shared/emissions/figures.ts';
import { EmissionsJoin, type JoinRequest, PLACE_KEYS } from '../../../shared/emissions/join.ts';
import type { JoinNode, NodeHourLedger } from '../../../shared/emissions/join-node.ts';
import { STEPS, type Step, stepEdges } from '../../../shared/emissions/time-steps.ts';
import { SCOPES, type Scope } from '../../../shared/grid/intensity.ts';
import { type IntensityResolver, intensityResolver } from '../../../shared/grid/resolve.ts';
import type { Place } from '../../../shared/settings/place.ts';
import { NO_FACTORS } from '../../../shared/settings/site-factors.ts';
import { HOUR_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';
import { ENERGY_KINDS } from '../../../shared/wire/ingest.ts';

/** Two days over a change of month and over a change to summer time in Europe, which UTC does not know. */
const START_MS = Date.UTC(2024, 2, 30, 12);
const HOURS = 48;
const END_MS = START_MS + HOURS * HOUR_MS;
const ZONES = ['ZONE-A', 'ZONE-B', 'ZONE-C'];

/** Hourly values of consumption in one zone and of production in another, zero among them; ZONE-C has no series. */
const resolvers = new Map<string, IntensityResolver>(
  ZONES.map((gridZone, zone) => [
    gridZone,
    intensityResolver(
      { gridZone, basis: 'lifecycle', signal: 'average' },
      zone === 2
        ? []
        : Array.from({ length: HOURS }, (_, hour) => ({
            startMs: epochMs(START_MS + hour * HOUR_MS),
            endMs: epochMs(START_MS + (hour + 1) * HOUR_MS),
            gramsPerKwh: gramsPerKwh(zone === 0 ? hour * 10 : 700 - hour),
            kind: hour % 3 === 0 ? ('measured' as const) : ('estimated' as const),
            provider: 'test',
            scope: zone === 0 ? ('consumption' as const) : ('production' as const),
            method: null,
            issuedAtMs: null,
            fetchedAtMs: epochMs(START_MS + hour * HOUR_MS),
          })),
    ),
  ]),
);

interface Fleet {
  readonly node: JoinNode;
  readonly hours: readonly NodeHourLedger[];
}

const windowEnergy = fc.record({
  hour: fc.integer({ min: 0, max: HOURS - 1 }),
  window: fc.integer({ min: 0, max: 11 }),
  energies: fc.array(fc.integer({ min: 0, max: 3_000_000_000 }), { minLength: 3, maxLength: 3 }),
  kind: fc.constantFrom(...ENERGY_KINDS),
  idleShare: fc.double({ min: 0, max: 1, noNaN: true }),
  jobShare: fc.double({ min: 0, max: 1, noNaN: true }),
});

const fleetNode = fc
  .record({
    windows: fc.array(windowEnergy, { maxLength: 30 }),
    /** Changes of place, in windows from the start. */
    moves: fc.array(fc.integer({ min: 1, max: HOURS * 12 - 1 }), { maxLength: 3 }),
    zones: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 4, maxLength: 4 }),
    pues: fc.array(fc.double({ min: 1, max: 2, noNaN: true }), { minLength: 4, maxLength: 4 }),
    model: fc.constantFrom('NVIDIA L4', 'NVIDIA B200'),
  })
  .map(({ windows, moves, zones, pues, model }) => (number: number): Fleet => {
    const cuts = [
      START_MS,
      ...[...new Set(moves)].sort((a, b) => a - b).map((at) => START_MS + at * WINDOW_MS),
      END_MS,
    ];
    const places = cuts.slice(1).map(
      (endMs, i): Place => ({
        startMs: epochMs(cuts[i]!),
        endMs: epochMs(endMs),
        siteId: `site-${zones[i]}`,
        gridZone: ZONES[zones[i]!]!,
        pueRatio: pues[i]!,
        lifetimeYears: 4,
        factors: NO_FACTORS,
      }),
    );
    const byHour = new Map<number, Map<number, (typeof windows)[number]>>();
    for (const each of windows)
      byHour.set(each.hour, (byHour.get(each.hour) ?? new Map()).set(each.window, each));
    const hours = [...byHour].map(([hour, ofHour]) => ({
      hourStartMs: START_MS + hour * HOUR_MS,
      ledger: {
        windows: Array.from({ length: 12 }, (_, window) => {
          const given = ofHour.get(window);
          if (!given) return [];
          const devices = given.energies.map((energyMillijoules, deviceIndex) => {
            const idleMillijoules = Math.floor(energyMillijoules * given.idleShare);
            return {
              deviceIndex,
              meteredMilliseconds: WINDOW_MS,
              energyMillijoules,
              kind: given.kind,
              recoveredMillijoules: 0,
              integratedMillijoules: null,
              idleMillijoules,
              utilizationRatio: null,
            };
          });
          const jobShares = devices.map(({ deviceIndex, energyMillijoules, idleMillijoules }) => ({
            jobNumber: 1,
            deviceIndex,
            energyMillijoules: Math.floor((energyMillijoules - idleMillijoules) * given.jobShare),
            allocatedMilliseconds: WINDOW_MS,
          }));
          return [{ epoch: 'epoch0001', revision: 1, final: true, contentDigest: 0, devices, jobShares }];
        }),
      },
    }));
    const parts = [
      { id: 'a', type: 'gpu', name: model, grams: 100_000, gramsLow: 80_000, gramsHigh: 200_000 },
      { id: 'chassis', type: 'chassis', name: 'Chassis', grams: 150_000, gramsLow: 1, gramsHigh: 300_000 },
    ].map((part) => ({ ...part, inServiceMs: START_MS, outOfServiceMs: null }));
    const node: JoinNode = {
      number,
      id: `node-${number}`,
      hostname: `host-${number}`,
      enrolledAtMs: START_MS,
      retiredAtMs: null,
      absences: [],
      devices: [
        { deviceIndex: 0, id: 'a', type: 'gpu', name: model },
        { deviceIndex: 1, id: 'cpu-0', type: 'cpu', name: 'CPU' },
        { deviceIndex: 2, id: 'memory-0', type: 'memory', name: 'Memory' },
      ],
      parts,
      places,
    };
    return { node, hours };
  });

const fleet = fc
  .array(fleetNode, { minLength: 1, maxLength: 4 })
  .map((makers) => makers.map((make, i) => make(i + 1)));

function join(
  nodes: readonly Fleet[],
  request: Partial<JoinRequest> & { step?: Step; fromMs?: number; toMs?: number } = {},
) {
  const { step = 'none', fromMs = START_MS, toMs = END_MS } = request;
  const sums = new EmissionsJoin({
    edges: stepEdges(step, fromMs, toMs),
    nowMs: END_MS,
    withSeries: step !== 'none',
    groupBy: null,
    ofJobs: null,
    lowUtilizationRatio: 0.2,
    supply: null,
    accepts: () => true,
    intensityOf: (gridZone) => resolvers.get(gridZone)!,
    ...request,
  });
  for (const { node, hours } of nodes) sums.addNode(node, hours);
  return sums.result();
}

const EXACT = ['energyKwh', 'idleEnergyKwh', 'unattributedEnergyKwh', 'gpuSeconds'] as const;
const GRAMS = [
  'facilityEnergyKwh',
  'operationalGrams',
  'idleGrams',
  'unattributedGrams',
  'embodiedGrams',
  'embodiedGramsLow',
  'embodiedGramsHigh',
  'missingEnergyKwhEstimate',
] as const;

function expectSum(parts: readonly Figures[], whole: Figures): void {
  for (const name of EXACT) {
    // Whole millijoules and milliseconds: the sum of the parts is the very integer.
    const scale = name === 'gpuSeconds' ? 1_000 : 3_600_000_000;
    const integer = (figures: Figures) => BigInt(Math.round(figures[name] * scale));
    expect(
      parts.reduce((sum, part) => sum + integer(part), 0n),
      name,
    ).toBe(integer(whole));
  }
  for (const name of GRAMS) {
    const sum = parts.reduce((total, part) => total + part[name], 0);
    expect(Math.abs(sum - whole[name]), name).toBeLessThanOrEqual(1e-9 * Math.max(whole[name], 1e-3));
  }
}

test('steps of any length and groups of any kind sum to the whole', () => {
  fc.assert(
    fc.property(fleet, fc.constantFrom(...STEPS), fc.constantFrom(...PLACE_KEYS), (nodes, step, groupBy) => {
      const { totals, series, groups } = join(nodes, { step, groupBy });
      expectSum(groups, totals);
      if (step === 'none') return;
      expectSum(series, totals);
      for (const group of groups) expectSum(group.series, group);
    }),
    { numRuns: 60 },
  );
});

test('ranges that touch sum to the whole, wherever they are cut', () => {
  const cut = fc.integer({ min: START_MS, max: END_MS });
  fc.assert(
    fc.property(fleet, fc.uniqueArray(cut, { maxLength: 4 }), (nodes, cuts) => {
      const edges = [...new Set([START_MS, ...cuts, END_MS])].sort((a, b) => a - b);
      const parts = edges.slice(1).map((toMs, i) => join(nodes, { fromMs: edges[i]!, toMs }).totals);
      const { missingEnergyKwhEstimate: _, ...whole } = join(nodes).totals;
      // The estimate knows only the mean power of its own range, so it is not additive over ranges.
      expectSum(
        parts.map((part) => ({ ...part, missingEnergyKwhEstimate: 0 })),
        { ...whole, missingEnergyKwhEstimate: 0 },
      );
    }),
    { numRuns: 60 },
  );
});

test('a step is what a range of its own would be', () => {
  fc.assert(
    fc.property(fleet, fc.constantFrom('hour', 'day', 'month'), (nodes, step) => {
      for (const { startMs, endMs, ...figures } of join(nodes, { step }).series.slice(0, 6)) {
        const own = join(nodes, { fromMs: startMs, toMs: endMs }).totals;
        // The estimate uses the mean power of the range asked for.
        expect({ ...figures, missingEnergyKwhEstimate: 0 }).toEqual({ ...own, missingEnergyKwhEstimate: 0 });
      }
    }),
    { numRuns: 40 },
  );
});

test('totals are the plain sum by hand, what has no intensity is excluded whole, and shares are shares', () => {
  fc.assert(
    fc.property(fleet, (nodes) => {
      let millijoules = 0n;
      let excluded = 0n;
      let grams = 0;
      let idleGrams = 0;
      let jobGrams = 0;
      for (const { node, hours } of nodes)
        for (const { hourStartMs, ledger } of hours)
          ledger.windows.forEach((epochs, window) => {
            const startMs = hourStartMs + window * WINDOW_MS;
            const place = node.places.find((each) => each.startMs <= startMs && startMs < each.endMs)!;
            const intensity = resolvers.get(place.gridZone!)!(startMs);
            const gramsOf = (energyMillijoules: number) =>
              (energyMillijoules / 3.6e9) * place.pueRatio * (intensity?.gramsPerKwh ?? 0);
            for (const { energyMillijoules, idleMillijoules } of epochs.flatMap(({ devices }) => devices)) {
              millijoules += BigInt(energyMillijoules);
              if (intensity === null) excluded += BigInt(energyMillijoules);
              grams += gramsOf(energyMillijoules);
              idleGrams += gramsOf(idleMillijoules);
            }
            for (const { energyMillijoules } of epochs.flatMap(({ jobShares }) => jobShares))
              jobGrams += gramsOf(energyMillijoules);
          });
      const result = join(nodes);
      expect(result.totals.energyKwh).toBe(Number(millijoules) / 3.6e9);
      expect(Math.abs(result.totals.operationalGrams - grams)).toBeLessThanOrEqual(1e-9 * grams);
      expect(Math.abs(result.totals.idleGrams - idleGrams)).toBeLessThanOrEqual(1e-9 * grams);
      const { unattributedGrams } = result.totals;
      expect(Math.abs(grams - idleGrams - jobGrams - unattributedGrams)).toBeLessThanOrEqual(1e-9 * grams);
      const listed = result.excluded.reduce(
        (sum, { energyKwh }) => sum + BigInt(Math.round(energyKwh * 3.6e9)),
        0n,
      );
      expect(listed).toBe(excluded);
      expect(result.excluded.every(({ gridZone }) => gridZone === 'ZONE-C')).toBe(true);
      const sum = (shares: object) =>
        Object.values(shares).reduce((total: number, share) => total + share, 0);
      expect(sum(result.totals.energyKinds)).toBeCloseTo(millijoules > 0n ? 1 : 0, 12);
      expect(sum(result.totals.gridKinds)).toBeCloseTo(millijoules > excluded ? 1 : 0, 12);
    }),
    { numRuns: 100 },
  );
});

test('what is of consumption and what is of production are parts that add up, and each can be had alone', () => {
  const close = (a: number, b: number) =>
    expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-9 * Math.max(b, 1e-3));
  fc.assert(
    fc.property(fleet, fc.constantFrom('none', 'day'), (nodes, step) => {
      const whole = join(nodes, { step, groupBy: 'gridZone' });
      const [used, made] = SCOPES.map((scope) => join(nodes, { step, groupBy: 'gridZone', scope }));
      const excludedKwh = ({ excluded }: typeof whole) =>
        excluded.reduce((sum, { energyKwh }) => sum + energyKwh, 0);
      for (const [figures, parts] of [whole.totals, ...whole.series].map(
        (each, i) => [each, [used!, made!].map(({ totals, series }) => [totals, ...series][i]!)] as const,
      )) {
        const [ofUsed, ofMade] = parts;
        close(ofUsed!.operationalGrams + ofMade!.operationalGrams, figures.operationalGrams);
        if (figures.scope === 'mixed') {
          close(figures.scopes!.consumption.operationalGrams, ofUsed!.operationalGrams);
          close(figures.scopes!.production.operationalGrams, ofMade!.operationalGrams);
          expect(parts.map(({ scope }) => scope)).toEqual(SCOPES);
        } else {
          expect(figures.scopes).toBeNull();
          expect(parts.map(({ scope }) => scope)).toContain(figures.scope);
        }
      }
      for (const { key, scope } of whole.groups)
        expect(scope).toSatisfy(
          (each) => each === null || each === { 'ZONE-A': 'consumption', 'ZONE-B': 'production' }[key],
        );
      const energyKwh = whole.totals.energyKwh;
      for (const { totals, excluded } of [used!, made!]) {
        expect(totals.energyKwh).toBe(energyKwh);
        for (const { gridZone, reason } of excluded)
          expect([gridZone, reason]).not.toEqual([
            { consumption: 'ZONE-A', production: 'ZONE-B' }[totals.scope as Scope],
            expect.anything(),
          ]);
      }
      close(2 * energyKwh - excludedKwh(used!) - excludedKwh(made!), energyKwh - excludedKwh(whole));
    }),
    { numRuns: 60 },
  );
});

test('every kWh that is charged has a provider, a kind and the time when its value was fetched', () => {
  fc.assert(
    fc.property(fleet, (nodes) => {
      const { totals, gridUses } = join(nodes);
      const sum = (of: 'operationalGrams' | 'facilityEnergyKwh') =>
        gridUses.reduce((all, use) => all + use[of], 0);
      expect(sum('operationalGrams')).toBeCloseTo(totals.operationalGrams, 6);
      const measured = gridUses.filter(({ kind }) => kind === 'measured');
      expect(measured.length > 0).toBe(totals.gridKinds.measured > 0);
      for (const use of gridUses) {
        expect(use).toMatchObject({
          provider: 'test',
          scope: use.gridZone === 'ZONE-A' ? 'consumption' : 'production',
        });
        const hoursOf = nodes.flatMap(({ node, hours }) =>
          hours
            .filter(({ hourStartMs, ledger }) =>
              ledger.windows.some((epochs, window) => {
                const startMs = hourStartMs + window * WINDOW_MS;
                const place = node.places.find((each) => each.startMs <= startMs && startMs < each.endMs)!;
                return (
                  place.gridZone === use.gridZone &&
                  resolvers.get(use.gridZone)!(startMs)!.kind === use.kind &&
                  epochs.some(({ devices }) => devices.some(({ energyMillijoules }) => energyMillijoules > 0))
                );
              }),
            )
            .map(({ hourStartMs }) => hourStartMs),
        );
        expect([use.earliestFetchedAtMs, use.latestFetchedAtMs]).toEqual([
          Math.min(...hoursOf),
          Math.max(...hoursOf),
        ]);
      }
    }),
    { numRuns: 60 },
  );
});

test('months and days are cut in UTC: the night of a clock change has 24 hours', () => {
  const iso = (edges: readonly number[]) => edges.map((edge) => new Date(edge).toISOString().slice(0, 13));
  expect(iso(stepEdges('day', START_MS, END_MS))).toEqual([
    '2024-03-30T12',
    '2024-03-31T00',
    '2024-04-01T00',
    '2024-04-01T12',
  ]);
  expect(iso(stepEdges('month', START_MS, END_MS))).toEqual([
    '2024-03-30T12',
    '2024-04-01T00',
    '2024-04-01T12',
  ]);
  expect(stepEdges('none', START_MS, END_MS)).toEqual([START_MS, END_MS]);
});
