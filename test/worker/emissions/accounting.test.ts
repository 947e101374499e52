/** What an operator says of a site, and what comes of it: PUE by month, water, overheads, supply contracts. */
import { beforeAll, expect, test } from 'vitest';
import { refusal } from '../support/api.ts';
import { ask, clock, DAY_MS, gpu, HOUR_MS, newNode, report, storeHours } from './support.ts';

interface Figures {
  readonly energyKwh: number;
  readonly facilityEnergyKwh: number;
  readonly operationalGrams: number;
  readonly totalGrams: number;
  readonly embodiedGrams: number;
  readonly gridKinds?: Record<string, number>;
  readonly supplyKinds?: Record<string, number>;
  readonly waterLitresSite: number | null;
  readonly waterLitresGrid: number | null;
  readonly waterKnown: Record<string, number>;
  readonly overheads: Record<string, { energyKwh: number; operationalGrams: number } | null>;
}
interface Answer {
  readonly accounting: string;
  readonly totals: Figures;
  readonly series: readonly Figures[];
  readonly groups: readonly (Figures & { key: string })[];
  readonly contracts?: readonly {
    id: string;
    site: string;
    kwh: number;
    usedKwh: number;
    unusedKwh: number;
  }[];
}

const GPU = 'GPU-00000000-0000-4000-8000-00000000000a';
/** Two hours at 1 kW in each of two sites; grid 100, then 200 g/kWh. */
beforeAll(async () => {
  await storeHours('US-CAL-CISO', [100, 200]);
  await ask('POST', '/v1/sites', { id: 'west', gridZone: 'US-CAL-CISO', pueRatio: 1.5 });
  await ask('POST', '/v1/sites', { id: 'east', gridZone: 'US-CAL-CISO', pueRatio: 1 });
  for (const site of ['west', 'east']) {
    const node = await newNode(`${site}-1`, site);
    clock.nowMs = DAY_MS + 2 * HOUR_MS;
    await report(
      node.token,
      Array.from({ length: 24 }, () => [gpu(GPU.replace(/a$/, site === 'west' ? 'a' : 'b'), 300_000_000)]),
    );
    clock.nowMs = DAY_MS;
  }
  clock.nowMs = DAY_MS + 2 * HOUR_MS;
});

const of = (query: string) => ask<Answer>('GET', `/v1/fleet/emissions?${query}`);
const at = (hours: number) => new Date(DAY_MS + hours * HOUR_MS).toISOString();
const change = (site: string, said: object) =>
  ask<Record<string, unknown>>('PATCH', `/v1/sites/${site}`, said);
const contract = (rest: object) => ({
  kind: 'certificate',
  kwh: 1,
  vintageFrom: at(0),
  vintageTo: at(2),
  gramsPerKwh: 0,
  source: 'GO 1',
  ...rest,
});

test('without a word of the operator there is no water and no overhead: null, not zero', async () => {
  const { totals } = await of('');
  expect(totals).toMatchObject({
    waterLitresSite: null,
    waterLitresGrid: null,
    waterKnown: { site: 0, grid: 0 },
    overheads: { host: null, network: null, storage: null, cooling: null },
  });
});

test('water and overheads are the factors times the energy, each on its own line', async () => {
  await change('west', {
    wueLitresPerKwh: 1.8,
    gridWaterLitresPerKwh: 2,
    networkOverheadRatio: 0.1,
    networkOverheadSource: 'switch telemetry',
    effectiveFrom: at(0),
  });
  const { totals } = await of('');
  expect(totals.waterLitresSite).toBeCloseTo(2 * 1.8, 9);
  expect(totals.waterLitresGrid).toBeCloseTo(2 * 1.5 * 2, 9);
  expect(totals.waterKnown).toEqual({ site: 0.5, grid: 0.5 });
  expect(totals.overheads.network!.energyKwh).toBeCloseTo(0.2, 9);
  expect(totals.overheads.network!.operationalGrams).toBeCloseTo(0.1 * 100 + 0.1 * 200, 9);
  expect(totals.overheads.storage).toBe(null);
  expect(totals.operationalGrams).toBeCloseTo(1.5 * 300 + 300, 9);
  const site = await ask<Record<string, unknown>>('GET', '/v1/sites/west');
  expect(site).toMatchObject({ wueLitresPerKwh: 1.8, networkOverheadSource: 'switch telemetry' });
  await change('west', { wueLitresPerKwh: null, networkOverheadRatio: null, effectiveFrom: at(1) });
  const later = (await of('step=hour')).series;
  expect(later.map(({ waterLitresSite }) => waterLitresSite)).toEqual([expect.closeTo(1.8, 9), null]);
  expect(later[1]!.overheads.network).toBe(null);
});

test('a list of months sets the PUE of each', async () => {
  const site = await change('east', {
    pueByMonth: [
      { month: '2024-05', pueRatio: 1.2 },
      { month: '2024-06', pueRatio: 1.3 },
    ],
  });
  expect(site).toMatchObject({ pueRatio: 1.2 });
  const { groups } = await of('groupBy=site');
  expect(groups.find(({ key }) => key === 'east')!.facilityEnergyKwh).toBeCloseTo(2.4, 9);
  await change('east', { pueRatio: 1, effectiveFrom: at(-24 * 20) });
  await change('east', { pueByMonth: [{ month: '2024-05', pueRatio: 1 }] });
});

test('market: contracts cover what they can, the rest is at the grid’s intensity and says so', async () => {
  await change('west', { supplyContracts: { 'go-1': contract({ kwh: 1.5 }) } });
  const market = await of('accounting=market&step=hour&groupBy=site');
  expect(market.accounting).toBe('market');
  const west = market.groups.find(({ key }) => key === 'west')!;
  // Half of 3 kWh, evenly: half of each hour.
  expect(west.operationalGrams).toBeCloseTo(0.75 * 100 + 0.75 * 200, 9);
  expect(west.supplyKinds).toEqual({ contract: 0.5, residual: 0, location: 0.5 });
  expect(west).not.toHaveProperty('gridKinds');
  expect(market.groups.find(({ key }) => key === 'east')!.supplyKinds).toMatchObject({ location: 1 });
  expect(market.totals.totalGrams).toBe(market.totals.operationalGrams + market.totals.embodiedGrams);
  expect(market.contracts).toMatchObject([
    { id: 'go-1', site: 'west', kwh: 1.5, usedKwh: 1.5, unusedKwh: 0 },
  ]);
  // A part of the vintage is covered like the whole.
  const hour = await of(`accounting=market&from=${at(0)}&to=${at(1)}&filter=site:west`);
  expect(hour.totals.operationalGrams).toBeCloseTo(0.75 * 100, 9);
  const location = await of('');
  expect(location.totals.operationalGrams).toBeCloseTo(1.5 * 300 + 300, 9);
  expect(location.totals).not.toHaveProperty('supplyKinds');
  expect(location).not.toHaveProperty('contracts');
});

test('market: a residual mix takes the place of the grid, and what a contract has too much stays unused', async () => {
  await change('west', { residualGramsPerKwh: 600, effectiveFrom: at(0) });
  const west = (await of('accounting=market&filter=site:west')).totals;
  expect(west.operationalGrams).toBeCloseTo(1.5 * 600, 9);
  expect(west.supplyKinds).toEqual({ contract: 0.5, residual: 0.5, location: 0 });
  await change('west', {
    supplyContracts: {
      'ppa-1': contract({
        kind: 'ppa',
        kwh: 10,
        boundary: 'gridZone',
        gridZone: 'US-CAL-CISO',
        gramsPerKwh: 20,
      }),
    },
  });
  const all = await of('accounting=market');
  // 1.5 of 5 kWh are the certificate's; the agreement has the rest of both sites.
  expect(all.totals.operationalGrams).toBeCloseTo(3.5 * 20, 9);
  expect(all.totals.supplyKinds!.contract).toBeCloseTo(1, 12);
  expect(all.contracts!.find(({ id }) => id === 'ppa-1')).toMatchObject({ usedKwh: 3.5, unusedKwh: 6.5 });
});

test('market: a contract that is taken back is gone, and asOf still knows it', async () => {
  const beforeMs = clock.nowMs;
  clock.nowMs += HOUR_MS;
  const site = await change('west', { supplyContracts: { 'go-1': null, 'ppa-1': null } });
  expect(site.supplyContracts).toEqual([]);
  const now = await of(`accounting=market&filter=site:west&to=${at(2)}`);
  expect(now.totals.supplyKinds).toMatchObject({ contract: 0, residual: 1 });
  const then = new Date(beforeMs).toISOString();
  const known = await of(`accounting=market&filter=site:west&to=${at(2)}&asOf=${then}`);
  expect(known.totals.supplyKinds!.contract).toBeCloseTo(1, 12);
});

test('what cannot be is refused with its field', async () => {
  const refused = async (said: object) => refusal(await clock.call('PATCH', '/v1/sites/west', said));
  const invalid = (field: string) => ({ status: 422, code: 'invalid_body', field });
  expect(await refused({ storageOverheadRatio: 0.1 })).toEqual(invalid('/storageOverheadSource'));
  expect(await refused({ pueByMonth: [{ month: '2024-13', pueRatio: 1.2 }] })).toEqual(
    invalid('/pueByMonth/0/month'),
  );
  expect(await refused({ supplyContracts: { a: contract({ gramsPerKwh: undefined }) } })).toEqual(
    invalid('/supplyContracts/a/gramsPerKwh'),
  );
  expect(await refused({ supplyContracts: { a: contract({ boundary: 'gridZone' }) } })).toEqual(
    invalid('/supplyContracts/a/gridZone'),
  );
  expect(
    await refused({ supplyContracts: { a: contract({ boundary: 'gridZone', gridZone: 'XX' }) } }),
  ).toEqual({
    status: 422,
    code: 'unknown_grid_zone',
    field: '/supplyContracts/a/gridZone',
  });
  const marginal = await clock.call('GET', '/v1/fleet/emissions?accounting=market&signal=marginal');
  expect(await refusal(marginal)).toEqual({ status: 400, code: 'invalid_parameter', field: 'accounting' });
});
