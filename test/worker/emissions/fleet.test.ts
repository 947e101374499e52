import { beforeAll, expect, test } from 'vitest';
import { refusal } from '../support/api.ts';
import {
  ask,
  clock,
  DAY_MS,
  gpu,
  H100,
  HOUR_MS,
  newNode,
  RECORDED_GRAMS_PER_KWH,
  report,
  storeHours,
  WINDOW_MS,
} from './support.ts';

interface Figures {
  readonly energyKwh: number;
  readonly facilityEnergyKwh: number;
  readonly operationalGrams: number;
  readonly embodiedGrams: number;
  readonly totalGrams: number;
  readonly coverage: number | null;
  readonly nodesExpected: number;
  readonly nodesReporting: number;
  readonly missingEnergyKwhEstimate: number;
  readonly gpuSeconds: number;
  readonly gridKinds: Record<string, number>;
  readonly energyKinds: Record<string, number>;
}
interface Answer {
  readonly from: string;
  readonly to: string;
  readonly totals: Figures;
  readonly series: readonly (Figures & { start: string; end: string })[];
  readonly groups: readonly (Figures & { key: string; label: string; series: readonly Figures[] })[];
  readonly excluded: readonly { gridZone: string; reason: string; energyKwh: number }[];
}

/** A window at 500 W, then one at 1,000 W, and so on. */
const powerOf = (window: number) => (window % 2 === 0 ? 150_000_000 : 300_000_000);
const GPU = 'GPU-00000000-0000-4000-8000-00000000000a';
let nodeId: string;
let danishId: string;

/** Two sites: recorded Californian hours with a PUE that changes at 02:30, and one whose zone has only a yearly average. */
beforeAll(async () => {
  await storeHours('US-CAL-CISO', RECORDED_GRAMS_PER_KWH);
  await storeHours('DK-DK1', [0, 0, 0, 0]);
  await ask('POST', '/v1/sites', { id: 'sf', gridZone: 'US-CAL-CISO', pueRatio: 1.25 });
  await ask('POST', '/v1/sites', { id: 'dk', gridZone: 'DK-DK1', pueRatio: 1.1 });
  const effectiveFrom = new Date(DAY_MS + 2.5 * HOUR_MS).toISOString();
  await ask('PATCH', '/v1/sites/sf', { pueRatio: 1.5, effectiveFrom });
  const node = await newNode('sf-1', 'sf');
  const danish = await newNode('dk-1', 'dk');
  nodeId = node.nodeId;
  danishId = danish.nodeId;
  clock.nowMs = DAY_MS + 4 * HOUR_MS;
  // A gap of two windows in the second hour.
  const windows = Array.from({ length: 48 }, (_, i) =>
    i === 15 || i === 16 ? null : [gpu(GPU, powerOf(i))],
  );
  const parts = [{ id: GPU, type: 'gpu' as const, name: H100 }];
  await report(node.token, windows.slice(0, 24), parts);
  await report(node.token, [...windows.slice(0, 24).fill(null), ...windows.slice(24)]);
  await report(
    danish.token,
    Array.from({ length: 24 }, () => [gpu(GPU.replace(/a$/, 'b'), 90_000_000)]),
  );
});

const of = (path: string) => ask<Answer>('GET', path);
const close = (actual: number, expected: number) =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-9 * Math.abs(expected));

test('grams are the sum over windows of energy, PUE and the recorded intensity of that window', async () => {
  const { totals } = await of(`/v1/nodes/${nodeId}/emissions`);
  let millijoules = 0;
  let facilityKwh = 0;
  let grams = 0;
  for (let i = 0; i < 48; i++) {
    if (i === 15 || i === 16) continue;
    const kwh = (powerOf(i) / 3_600_000_000) * (i < 30 ? 1.25 : 1.5);
    millijoules += powerOf(i);
    facilityKwh += kwh;
    grams += kwh * RECORDED_GRAMS_PER_KWH[Math.floor(i / 12)]!;
  }
  expect(totals.energyKwh).toBe(millijoules / 3_600_000_000);
  close(totals.facilityEnergyKwh, facilityKwh);
  close(totals.operationalGrams, grams);
  expect(totals.gridKinds).toEqual({ measured: 1, estimated: 0, forecast: 0, annual: 0 });
  expect(totals.energyKinds).toEqual({ counter: 1, integrated: 0, modelled: 0, simulated: 0 });
  expect(totals.gpuSeconds).toBe(46 * 300);
});

test('a gap lowers coverage by what it lasted and adds nothing but an estimate', async () => {
  const { totals } = await of(`/v1/nodes/${nodeId}/emissions`);
  expect(totals.coverage).toBe(46 / 48);
  const mean = totals.energyKwh / 46;
  close(totals.missingEnergyKwhEstimate, 2 * mean);
});

test('embodied is the straight line of GPU and host over four years, for nodes that sent an inventory', async () => {
  const { totals } = await of(`/v1/nodes/${nodeId}/emissions`);
  const kilograms = 164 + 150 + 66.1 + 24.3 * 2.99 * 2 + 6.68;
  close(totals.embodiedGrams, (kilograms * 1_000 * 4) / (4 * 8_760));
  expect(totals.totalGrams).toBe(totals.operationalGrams + totals.embodiedGrams);
  const ledger = await ask<{ parts: { id: string; accruedGrams: number; assumed: boolean }[] }>(
    'GET',
    `/v1/nodes/${nodeId}/embodied`,
  );
  const gpuPart = ledger.parts.find(({ id }) => id === GPU)!;
  expect(gpuPart.assumed).toBe(false);
  close(gpuPart.accruedGrams, (164_000 * 4) / (4 * 8_760));
});

test('an intensity of zero is zero, and measured', async () => {
  const { totals } = await of(`/v1/nodes/${danishId}/emissions`);
  expect(totals.operationalGrams).toBe(0);
  expect(totals.energyKwh).toBe(0.6);
  expect(totals.gridKinds.measured).toBe(1);
});

test('steps and groups add up to the totals', async () => {
  for (const groupBy of ['node', 'gridZone', 'site', 'gpuModel']) {
    const answer = await of(`/v1/fleet/emissions?step=hour&groupBy=${groupBy}`);
    expect(answer.series).toHaveLength(4);
    expect(answer.groups).toHaveLength(groupBy === 'gpuModel' ? 1 : 2);
    for (const name of ['energyKwh', 'operationalGrams', 'embodiedGrams', 'gpuSeconds'] as const) {
      const sum = (items: readonly Figures[]) => items.reduce((total, item) => total + item[name], 0);
      close(sum(answer.series), answer.totals[name]);
      close(sum(answer.groups), answer.totals[name]);
      for (const group of answer.groups) close(sum(group.series), group[name]);
    }
    expect(answer.totals).toMatchObject({ nodesExpected: 2, nodesReporting: 2 });
  }
});

test('ranges that touch add up wherever they are cut', async () => {
  const at = (ms: number) => encodeURIComponent(new Date(ms).toISOString());
  const whole = (await of('/v1/fleet/emissions')).totals;
  for (const cutMs of [DAY_MS + 1, DAY_MS + 3 * WINDOW_MS, DAY_MS + 2 * HOUR_MS + 12_345]) {
    const before = (await of(`/v1/fleet/emissions?from=${at(DAY_MS)}&to=${at(cutMs)}`)).totals;
    const after = (await of(`/v1/fleet/emissions?from=${at(cutMs)}`)).totals;
    close(before.energyKwh + after.energyKwh, whole.energyKwh);
    close(before.operationalGrams + after.operationalGrams, whole.operationalGrams);
    close(before.embodiedGrams + after.embodiedGrams, whole.embodiedGrams);
  }
});

test('filters hold together, by zone, site, model and node', async () => {
  const danish = (await of(`/v1/nodes/${danishId}/emissions`)).totals.energyKwh;
  for (const filter of ['site:dk', 'gridZone:DK-DK1', `node:${danishId},gpuModel:${H100}`]) {
    const { totals } = await of(`/v1/fleet/emissions?filter=${encodeURIComponent(filter)}`);
    expect(totals).toMatchObject({ energyKwh: danish, nodesExpected: 1 });
  }
  const { totals } = await of('/v1/fleet/emissions?filter=site:dk,gridZone:US-CAL-CISO');
  expect(totals).toMatchObject({ energyKwh: 0, nodesExpected: 0, coverage: null });
});

test('a zone without a series on the signal asked for is excluded, never converted', async () => {
  const answer = await of('/v1/fleet/emissions?signal=marginal');
  expect(answer.totals.operationalGrams).toBe(0);
  expect(answer.excluded.map(({ gridZone }) => gridZone).sort()).toEqual(['DK-DK1', 'US-CAL-CISO']);
  const excluded = answer.excluded.reduce((sum, { energyKwh }) => sum + energyKwh, 0);
  close(excluded, answer.totals.energyKwh);
});

test('what nobody can answer is refused by name, and ranges are bounded', async () => {
  const refused = async (query: string) => refusal(await clock.call('GET', `/v1/fleet/emissions?${query}`));
  for (const [query, field] of [
    ['groupBy=queue', 'groupBy'],
    ['filter=queue:long', 'filter'],
    ['lowUtilizationRatio=20', 'lowUtilizationRatio'],
    ['groupBy=node&top=0', 'top'],
    ['accounting=both', 'accounting'],
    ['asOf=2099-05-01T00:00:00Z', 'asOf'],
    ['from=2024-05-18T00:00:00Z&to=2024-05-17T00:00:00Z', 'from'],
    ['from=yesterday', 'from'],
  ] as const) {
    expect(await refused(query)).toEqual({ status: 400, code: 'invalid_parameter', field });
  }
  const tooLong = { status: 400, code: 'range_too_long' };
  expect(await refused('from=2024-05-01T00:00:00Z&step=window')).toEqual({ ...tooLong, field: 'step' });
  expect(await refused('from=1990-01-01T00:00:00Z')).toEqual({ ...tooLong, field: 'from' });
  const unknown = await clock.call('GET', '/v1/nodes/nobody/emissions');
  expect(await refusal(unknown)).toEqual({ status: 404, code: 'not_found', field: 'id' });
});
