import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { HOST_PARTS, type PartType, partFootprint } from '../../../shared/embodied/footprint.ts';
import { EmissionsJoin } from '../../../shared/emissions/join.ts';
import type { JoinNode, NodePart } from '../../../shared/emissions/join-node.ts';
import { SupplyPlan } from '../../../shared/emissions/supply.ts';
import { intensityResolver } from '../../../shared/grid/resolve.ts';
import { NO_FACTORS } from '../../../shared/settings/site-factors.ts';
import { HOUR_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';

const page = readFileSync(new URL('../../../docs/method.md', import.meta.url), 'utf8');
const START_MS = Date.UTC(2024, 4, 17);

/** Cells of the table row that begins with this text. */
function row(first: string): string[] {
  const line = page.split('\n').find((each) => each.startsWith(`| ${first}`));
  if (!line) throw new Error(`docs/method.md has no row "${first}"`);
  return line
    .split('|')
    .map((cell) => cell.trim())
    .slice(1, -1);
}
const given = (first: string) => Number(row(first)[1]);
const figure = (name: string) => Number(row(`\`${name}\``)[2]);

function part(type: PartType, name: string): NodePart & { kilograms: number } {
  const { grams, gramsLow, gramsHigh } = partFootprint({ type, name, capacityBytes: null });
  const service = { inServiceMs: START_MS, outOfServiceMs: null };
  return { id: type, type, name, ...service, grams, gramsLow, gramsHigh, kilograms: grams / 1_000 };
}

/** The hour of the example, as the page gives it. */
function example(supply: SupplyPlan | null) {
  const gpu = part('gpu', 'NVIDIA H100 80GB HBM3');
  const hostParts = HOST_PARTS.map(({ type, name }) => part(type, name));
  expect(gpu.kilograms).toBe(given('making of the GPU'));
  expect(hostParts.reduce((sum, { kilograms }) => sum + kilograms, 0)).toBeCloseTo(
    given('making of chassis'),
    9,
  );
  const gridZone = 'US-CAL-CISO';
  const endMs = epochMs(START_MS + HOUR_MS);
  const startMs = epochMs(START_MS);
  const node: JoinNode = {
    number: 1,
    id: 'a',
    hostname: 'a',
    enrolledAtMs: START_MS,
    retiredAtMs: null,
    absences: [],
    devices: [{ deviceIndex: 0, id: 'gpu', type: 'gpu', name: gpu.name }],
    parts: [gpu, ...hostParts],
    places: [
      {
        startMs,
        endMs,
        siteId: 'a',
        gridZone,
        pueRatio: given('PUE of the site'),
        lifetimeYears: given('lifetime'),
        factors: { ...NO_FACTORS, residualGramsPerKwh: given('residual mix') },
      },
    ],
  };
  const device = {
    deviceIndex: 0,
    meteredMilliseconds: WINDOW_MS,
    energyMillijoules: given('power of the GPU') * WINDOW_MS,
    kind: 'counter' as const,
    recoveredMillijoules: 0,
    integratedMillijoules: null,
    idleMillijoules: 0,
    utilizationRatio: null,
  };
  const epoch = {
    epoch: 'epoch0001',
    revision: 1,
    final: true,
    contentDigest: 0,
    devices: [device],
    jobShares: [],
  };
  const resolver = intensityResolver({ gridZone, basis: 'lifecycle', signal: 'average' }, [
    {
      startMs,
      endMs,
      gramsPerKwh: gramsPerKwh(given('intensity of US-CAL-CISO')),
      kind: 'measured',
      provider: 'recorded',
      method: null,
      issuedAtMs: null,
      fetchedAtMs: startMs,
    },
  ]);
  const join = new EmissionsJoin({
    edges: [startMs, endMs],
    nowMs: endMs,
    withSeries: false,
    groupBy: null,
    ofJobs: null,
    lowUtilizationRatio: 0.2,
    supply,
    accepts: () => true,
    intensityOf: () => resolver,
  });
  join.addNode(node, [
    { hourStartMs: START_MS, ledger: { windows: Array.from({ length: 12 }, () => [epoch]) } },
  ]);
  return join.result().totals;
}

test('the worked example of docs/method.md is what the product computes from its inputs', () => {
  const totals = example(null);
  for (const name of [
    'energyKwh',
    'facilityEnergyKwh',
    'operationalGrams',
    'embodiedGrams',
    'totalGrams',
  ] as const)
    expect(totals[name], name).toBeCloseTo(figure(name), 5);
  expect(totals.coverage).toBe(1);
});

test('so is what the market makes of the same hour', () => {
  const plan = new SupplyPlan([
    {
      id: 'certificates',
      siteId: 'a',
      kind: 'certificate',
      kwh: given('certificates with that hour'),
      fromMs: START_MS,
      toMs: START_MS + HOUR_MS,
      gridZone: null,
      gramsPerKwh: given('intensity of the certificates'),
      source: 'docs/method.md',
    },
  ]);
  for (let window = 0; window < 12; window++)
    plan.add('a', 'US-CAL-CISO', START_MS + window * WINDOW_MS, figure('facilityEnergyKwh') / 12);
  plan.spread();
  const totals = example(plan);
  expect(totals.supplyKinds.contract).toBeCloseTo(figure('supplyKinds.contract'), 9);
  expect(totals.supplyKinds.residual).toBeCloseTo(figure('supplyKinds.residual'), 9);
  const atMarket = (name: string) => Number(row(`\`${name}\` at the market`)[2]);
  expect(totals.operationalGrams).toBeCloseTo(atMarket('operationalGrams'), 5);
  expect(totals.totalGrams).toBeCloseTo(atMarket('totalGrams'), 5);
});

test.each([
  ['a GPU that is not known', part('gpu', 'unheard of')],
  ['a CPU that is not known', part('cpu', 'unheard of')],
  ['chassis', part('chassis', '')],
  ['motherboard', part('motherboard', '')],
  ['power supplies', part('powerSupplies', '')],
  ['assembly', part('assembly', '')],
  ['HDD, per drive', part('hdd', '')],
])('the page tells the figure and bounds of %s', (name, { grams, gramsLow, gramsHigh }) => {
  const [, value, bounds] = row(name);
  expect(Number(value)).toBeCloseTo(grams / 1_000, 9);
  const [low, high = low] = bounds!.split(' to ').map(Number);
  expect(low).toBeCloseTo(gramsLow / 1_000, 9);
  expect(high).toBeCloseTo(gramsHigh / 1_000, 9);
});
