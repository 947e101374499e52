/** The catalog through the public door, and what an operator's own figures do to all others. */
import { expect, test } from 'vitest';
import { catalog } from '../../../shared/embodied/catalog.ts';
import { ask, clock, DAY_MS, H100, HOUR_MS, newNode } from '../emissions/support.ts';
import { gpuId, gpuPart, inventory, iso, partOf } from './support.ts';

interface Entry {
  readonly id: string;
  readonly kgCo2eq: number;
}
interface Page {
  readonly hardware: readonly Entry[];
  readonly match: object | null;
  readonly nextCursor: string | null;
}
const list = (query: string) => ask<Page>('GET', `/v1/hardware?${query}`);

test('the whole catalog, page by page', async () => {
  const ids: string[] = [];
  let cursor = '';
  do {
    const page = await list(`limit=30${cursor}`);
    ids.push(...page.hardware.map(({ id }) => id));
    cursor = page.nextCursor === null ? '' : `&cursor=${page.nextCursor}`;
  } while (cursor !== '');
  expect(ids).toEqual(catalog.entries.map(({ id }) => id).sort());
});

test('an entry says its figure, bounds, kind, year, boundary, formula and sources', async () => {
  expect(await ask('GET', '/v1/hardware/h100-sxm5-80gb')).toMatchObject({
    type: 'gpu',
    names: expect.arrayContaining([H100]),
    kgCo2eq: 164,
    low: 131.2,
    high: 273,
    adpeKgSbeq: 0.00516,
    primaryEnergyMegajoules: 1820,
    waterCubicMetresEq: 63.9,
    kind: 'manufacturer',
    year: 2025,
    formula: null,
    otherImpactsModel: expect.stringContaining('dieAreaMm2'),
    boundary: expect.stringContaining('cradle to gate'),
    adpeKgSbeqLow: 0.00516,
    adpeKgSbeqHigh: 0.0238,
    waterCubicMetresEqHigh: null,
    sources: [expect.stringContaining('HGX H100'), expect.stringContaining('MLCA')],
    published: null,
    ownFigures: [],
  });
  expect(await ask('GET', '/v1/hardware/mi300x')).toMatchObject({
    kind: 'model',
    formula: expect.stringContaining('memoryGigabytes'),
  });
});

test('by type, kind and text', async () => {
  const ids = async (query: string) => (await list(`limit=200&${query}`)).hardware.map(({ id }) => id);
  expect(await ids('type=tpu')).toEqual(['tpu-v4', 'tpu-v4i', 'tpu-v5e', 'tpu-v5p', 'tpu-v6e']);
  expect(await ids('kind=manufacturer')).toEqual(['b200-sxm-180gb', 'dell-r740-pcf', 'h100-sxm5-80gb']);
  expect(await ids('text=instinct&type=gpu')).toEqual(['mi210', 'mi250', 'mi250x', 'mi300x', 'mi325x']);
});

test('what stands for a name, and that a model stands for an unknown one', async () => {
  const match = async (type: string, name: string) => {
    const { hardware, match: how } = await list(`type=${type}&name=${encodeURIComponent(name)}`);
    return [hardware[0]!.id, how];
  };
  expect(await match('gpu', H100)).toEqual(['h100-sxm5-80gb', { matched: true, by: 'exact' }]);
  expect(await match('gpu', 'NVIDIA GeForce RTX 3090 Ti')).toEqual([
    'rtx-3090',
    { matched: false, by: 'similar' },
  ]);
  expect(await match('gpu', 'Acme 9000')).toEqual(['gpu-unknown', { matched: false, by: 'modelled' }]);
  expect(await match('cpu', 'AMD EPYC 9654 96-Core Processor')).toEqual([
    'epyc-9654',
    { matched: true, by: 'exact' },
  ]);
  expect((await clock.call('GET', '/v1/hardware?name=x')).status).toBe(400);
});

test('an own figure moves every figure of all time, is logged, and can be taken back', async () => {
  await ask('POST', '/v1/sites', { id: 'own', gridZone: 'DE', pueRatio: 1 });
  const node = await newNode('own-1', 'own');
  await inventory(node, [gpuPart(1)]);
  clock.nowMs = DAY_MS + 10 * HOUR_MS;
  const beforeMs = clock.nowMs;
  const grams = async (asOf = '') => {
    const range = `from=${iso(DAY_MS)}&to=${iso(DAY_MS + 10 * HOUR_MS)}${asOf}`;
    const { totals } = await ask<{ totals: { embodiedGrams: number } }>(
      'GET',
      `/v1/nodes/${node.nodeId}/emissions?${range}`,
    );
    return totals.embodiedGrams;
  };
  const published = await grams();
  clock.nowMs += 60_000;
  const own = { kgCo2eq: 200, low: 180, high: 250, source: 'our supplier', why: 'measured' };
  expect(await ask('PUT', '/v1/hardware/h100-sxm5-80gb', own)).toMatchObject({
    kgCo2eq: 200,
    kind: 'operator',
    sources: ['our supplier'],
    published: { kgCo2eq: 164, low: 131.2, high: 273 },
  });
  const more = (36_000 * 10) / (4 * 8_760);
  expect((await grams()) - published).toBeCloseTo(more, 6);
  expect(await grams(`&asOf=${iso(beforeMs)}`)).toBe(published);
  expect((await partOf(node.nodeId, gpuId(1))).figures[0]).toMatchObject({ kind: 'operator' });
  const { changes } = await ask<{ changes: object[] }>('GET', '/v1/changes?limit=1');
  expect(changes[0]).toMatchObject({
    subject: 'hardware:h100-sxm5-80gb',
    what: 'figure',
    from: null,
    to: { kgCo2eq: 200, source: 'our supplier' },
    why: 'measured',
  });
  const estimated = await ask<{ totals: { embodiedGrams: number } }>('POST', '/v1/estimate', {
    hardware: 'h100-sxm5-80gb',
    count: 1,
    hours: 8_760,
    powerWatts: 700,
    gridZone: 'DE',
    pueRatio: 1,
  });
  expect(estimated).toMatchObject({ embodiedLifetimeYears: [4] });
  expect(estimated.totals.embodiedGrams).toBeCloseTo(50_000, 6);
  clock.nowMs += 60_000;
  await ask('DELETE', '/v1/hardware/h100-sxm5-80gb?why=wrong');
  expect(await grams()).toBe(published);
  expect((await clock.call('DELETE', '/v1/hardware/h100-sxm5-80gb')).status).toBe(404);
});

test('an own figure holds from its date: what accrued before stays, and asOf before it knows nothing of it', async () => {
  await ask('POST', '/v1/sites', { id: 'dated', gridZone: 'DE', pueRatio: 1 });
  const node = await newNode('dated-1', 'dated');
  await inventory(node, [gpuPart(2)]);
  const cameMs = clock.nowMs;
  const at = (hours: number) => cameMs + hours * HOUR_MS;
  clock.nowMs = at(20);
  const beforeMs = clock.nowMs;
  const grams = async (fromHour: number, toHour: number, asOf = '') => {
    const range = `from=${iso(at(fromHour))}&to=${iso(at(toHour))}${asOf}`;
    const path = `/v1/nodes/${node.nodeId}/emissions?${range}`;
    return (await ask<{ totals: { embodiedGrams: number } }>('GET', path)).totals.embodiedGrams;
  };
  const [early, late] = [await grams(0, 10), await grams(10, 20)];
  clock.nowMs += 60_000;
  const figure = { kgCo2eq: 200, low: 180, high: 250, source: 'from the new supplier on' };
  const dated = { ...figure, effectiveFrom: iso(at(10)) };
  expect(await ask('PUT', '/v1/hardware/h100-sxm5-80gb', dated)).toMatchObject({
    kgCo2eq: 200,
    ownFigures: [{ effectiveFrom: iso(at(10)), figure }],
  });
  const more = (36_000 * 10) / (4 * 8_760);
  expect(await grams(0, 10)).toBeCloseTo(early, 9);
  expect((await grams(10, 20)) - late).toBeCloseTo(more, 9);
  expect((await grams(0, 20)) - early - late).toBeCloseTo(more, 9);
  expect(await grams(10, 20, `&asOf=${iso(beforeMs)}`)).toBe(late);
  const part = await partOf(node.nodeId, gpuId(2), `?to=${iso(at(20))}`);
  expect(part).toMatchObject({
    figureHistory: [
      { from: null, embodiedGrams: 164_000 },
      { from: iso(at(10)), embodiedGrams: 200_000 },
    ],
    figures: [{ kind: 'operator', kgCo2eq: 200 }],
  });
  expect(part.embodiedGrams).toBeCloseTo(200_000 - (36_000 * 10) / (4 * 8_760), 6);
  expect(part.accruedSoFarGrams + part.remainingGrams!).toBeCloseTo(part.embodiedGrams, 6);
  expect(await partOf(node.nodeId, gpuId(2), `?to=${iso(at(5))}`)).toMatchObject({
    embodiedGrams: 164_000,
    figureHistory: [],
  });
  const { changes } = await ask<{ changes: object[] }>('GET', '/v1/changes?limit=1');
  expect(changes[0]).toMatchObject({
    subject: 'hardware:h100-sxm5-80gb',
    effectiveFrom: iso(at(10)),
    to: { kgCo2eq: 200 },
  });
  // From the fifteenth hour on the published figure holds again; and then it does for all time.
  await ask('DELETE', `/v1/hardware/h100-sxm5-80gb?effectiveFrom=${iso(at(15))}`);
  expect((await grams(10, 20)) - late).toBeCloseTo(more / 2, 9);
  await ask('DELETE', '/v1/hardware/h100-sxm5-80gb');
  expect(await grams(0, 20)).toBeCloseTo(early + late, 9);
  // A figure without a date is for all time, whatever was taken back from some date on.
  await ask('PUT', '/v1/hardware/h100-sxm5-80gb', figure);
  expect((await grams(10, 20)) - late).toBeCloseTo(more, 9);
  await ask('DELETE', '/v1/hardware/h100-sxm5-80gb');
  expect(await ask('GET', '/v1/hardware/h100-sxm5-80gb')).toMatchObject({
    ownFigures: [],
    kind: 'manufacturer',
  });
  const future = { ...figure, effectiveFrom: iso(clock.nowMs + HOUR_MS) };
  expect((await clock.call('PUT', '/v1/hardware/h100-sxm5-80gb', future)).status).toBe(422);
});

test('a GPU that the catalog lacks gets an entry of its own', async () => {
  await ask('POST', '/v1/sites', { id: 'acme', gridZone: 'DE', pueRatio: 1 });
  const node = await newNode('acme-1', 'acme');
  await inventory(node, [{ id: 'acme', type: 'gpu', name: 'Acme 9000 96GB' }]);
  expect(await partOf(node.nodeId, 'acme')).toMatchObject({ match: 'modelled', embodiedGramsHigh: 362_600 });
  const entry = { type: 'gpu', names: ['Acme 9000 96GB'], kgCo2eq: 300, source: 'their sheet' };
  await ask('PUT', '/v1/hardware/acme-9000', entry);
  expect(await partOf(node.nodeId, 'acme')).toMatchObject({ match: 'exact', embodiedGrams: 300_000 });
  await ask('DELETE', '/v1/hardware/acme-9000');
  expect((await clock.call('GET', '/v1/hardware/acme-9000')).status).toBe(404);
});

test.each([
  [{ kgCo2eq: 10, low: 11, source: 'x' }, 'l4', '/low'],
  [{ kgCo2eq: 10, high: 9, source: 'x' }, 'l4', '/high'],
  [{ kgCo2eq: 10, source: 'x', type: 'gpu' }, 'l4', '/names'],
  [{ kgCo2eq: 10, source: 'x' }, 'nobodys', '/names'],
])('%j of %s is refused', async (body, id, field) => {
  const response = await clock.call('PUT', `/v1/hardware/${id}`, body);
  expect([response.status, ((await response.json()) as { field: string }).field]).toEqual([422, field]);
});
