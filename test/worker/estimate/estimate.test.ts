/** Estimates after the fact: where each number comes from, what is assumed, and how it fails. */
import { beforeAll, expect, test } from 'vitest';
import { ask, clock, DAY_MS, HOUR_MS, storeHours } from '../emissions/support.ts';
import { refusal } from '../support/api.ts';

interface Answer {
  readonly from: string | null;
  readonly totals: Record<string, number> & {
    readonly gridKinds: Record<string, number>;
    readonly energyKinds: Record<string, number>;
    readonly energyKwhByDevice: Record<string, number>;
    readonly coverage: number | null;
  };
  readonly excluded: readonly { gridZone: string; energyKwh: number }[];
  readonly estimate: Record<string, unknown>;
  readonly assumptions: readonly string[];
  readonly sources: readonly string[];
}

const estimate = (body: object) => ask<Answer>('POST', '/v1/estimate', body);
const at = (hours: number) => new Date(DAY_MS + hours * HOUR_MS).toISOString();
const H100 = 'NVIDIA H100 80GB HBM3';
const base = { hardware: H100, count: 8, hours: 2, powerWatts: 500, gridZone: 'US-CAL-CISO', pueRatio: 1.25 };

beforeAll(async () => {
  await storeHours('US-CAL-CISO', [100, 200]);
  clock.nowMs = DAY_MS + 24 * HOUR_MS;
});

test('a name that only begins like a known one says what stands for it, with wide bounds', async () => {
  const { totals, assumptions, ...rest } = await estimate({
    ...base,
    hardware: 'NVIDIA GeForce RTX 3090 Ti',
  });
  expect(assumptions[0]).toMatch(/^Hardware: GeForce RTX 3090, .* stands for "NVIDIA GeForce RTX 3090 Ti"/);
  expect(totals.embodiedGramsHigh! / totals.embodiedGrams!).toBeCloseTo((2 * 182.7) / 140.57, 9);
  expect(rest).toMatchObject({ embodiedLifetimeYears: [4] });
});

test('with dates the stored series counts, window by window', async () => {
  const { totals, assumptions } = await estimate({ ...base, hours: undefined, from: at(0), to: at(2) });
  expect(totals.energyKwh).toBe(8);
  expect(totals.facilityEnergyKwh).toBeCloseTo(10, 12);
  expect(totals.operationalGrams).toBeCloseTo(5 * 100 + 5 * 200, 9);
  // 164 kg over 4 years of 8,760 hours.
  expect(totals.embodiedGrams).toBeCloseTo((8 * 2 * 164_000) / (4 * 8_760), 9);
  expect(totals.totalGrams).toBeCloseTo(totals.operationalGrams! + totals.embodiedGrams!, 9);
  expect(totals.gridKinds).toEqual({ measured: 1, estimated: 0, forecast: 0, annual: 0 });
  expect(totals.energyKinds).toEqual({ counter: 0, integrated: 0, modelled: 1, simulated: 0 });
  expect(totals).toMatchObject({ gpuSeconds: 8 * 7_200, coverage: null, unattributedEnergyKwh: 0 });
  expect(assumptions).toEqual([
    expect.stringMatching(/^Host: neither/),
    expect.stringMatching(/^Lifetime: 4/),
  ]);
  const half = await estimate({ ...base, hours: 1, from: at(0), to: at(2) });
  expect(half.totals.operationalGrams).toBeCloseTo(totals.operationalGrams! / 2, 9);
  expect(half.assumptions[1]).toMatch(/^Spread: the 1 hours evenly over the 2 hours/);
});

test('without dates, or on days without a series, the yearly average stands in and says so', async () => {
  const average = await estimate({ ...base, gridZone: 'DE' });
  expect(average.from).toBeNull();
  expect(average.totals.gridKinds.annual).toBe(1);
  expect(average.assumptions).toContainEqual(expect.stringMatching(/^Dates: not given/));
  expect(average.sources).toContainEqual(expect.stringMatching(/^intensity of DE: yearly average of 2024/));
  const dated = await estimate({ ...base, gridZone: 'DE', from: at(0) });
  expect(dated.totals.operationalGrams).toBeCloseTo(average.totals.operationalGrams!, 6);
  const mixed = await estimate({ ...base, hours: 4, from: at(0) });
  expect(mixed.totals.gridKinds).toMatchObject({ measured: 0.5, estimated: 0.5 });
});

test('what has no series on the basis asked for has no grams and is listed', async () => {
  const { totals, excluded, estimate: how } = await estimate({ ...base, basis: 'direct' });
  expect(totals).toMatchObject({ energyKwh: 8, operationalGrams: 0 });
  expect(excluded).toEqual([{ gridZone: 'US-CAL-CISO', reason: 'no series on this basis', energyKwh: 8 }]);
  expect(how.gramsPerKwh).toBeNull();
});

test('utilization alone is a model with bounds; power that is given has none', async () => {
  const { powerWatts: _, ...rest } = base;
  const { totals, estimate: how, sources } = await estimate({ ...rest, utilizationRatio: 0.5 });
  expect(how).toMatchObject({ powerWatts: 306.6 });
  expect(totals.energyKwhLow).toBeCloseTo((16 * 700 * (0.1 + 0.5 * 0.29)) / 1_000, 9);
  expect(totals.energyKwhHigh).toBeCloseTo((16 * 700 * (0.25 + 0.5 * 0.77)) / 1_000, 9);
  expect(totals.operationalGramsLow! / totals.operationalGrams!).toBeCloseTo(
    totals.energyKwhLow! / totals.energyKwh!,
    12,
  );
  expect(totals.totalGramsHigh).toBeCloseTo(totals.operationalGramsHigh! + totals.embodiedGramsHigh!, 9);
  expect(sources).toContainEqual(expect.stringContaining('arXiv:2506.14551'));
  const given = await estimate(base);
  expect(given.totals.energyKwhLow).toBe(given.totals.energyKwhHigh);
});

test('a host adds its power and its share of what making it took', async () => {
  const alone = await estimate(base);
  const { totals } = await estimate({
    ...base,
    count: 4,
    host: {
      devicesPerHost: 8,
      powerWatts: 1_000,
      parts: [
        { type: 'cpu', name: 'AMD EPYC 9654', count: 2 },
        { type: 'memory', capacityGigabytes: 2_048 },
        { type: 'ssd', capacityGigabytes: 3_840, count: 8 },
      ],
    },
  });
  expect(totals.energyKwhByDevice).toEqual({ gpu: 4, cpu: 0, memory: 0, other: 1 });
  const host = (totals.embodiedGrams! - alone.totals.embodiedGrams! / 2) * ((4 * 8_760) / 2) * 2;
  // The frame with six power supplies, two CPUs, memory with 32 modules, eight disks.
  const kilograms = 658.722 + 2 * 34 + 2_048 * 1.768 + 32 * 5.22 + 8 * (3_840 * 0.0401 + 6.34);
  expect(host / 1_000 / kilograms).toBeCloseTo(1, 2);
});

test('a cloud region brings its zone and its published PUE', async () => {
  const { gridZone: _, pueRatio: __, ...rest } = base;
  const { estimate: how, assumptions } = await estimate({ ...rest, cloudRegion: 'aws:eu-north-1' });
  expect(how).toMatchObject({ gridZone: 'SE-SE3', pueRatio: 1.1 });
  expect(assumptions).toContain('PUE: 1.1, published for aws:eu-north-1 in 2024.');
});

test('zero is a value, and so is very much', async () => {
  const nothing = await estimate({ ...base, powerWatts: 0 });
  expect(nothing.totals).toMatchObject({ energyKwh: 0, operationalGrams: 0, operationalGramsLow: 0 });
  const much = await estimate({ ...base, count: 100_000, hours: 2_400 });
  expect(much.totals.energyKwh).toBeCloseTo(120_000_000, 3);
});

test.each([
  [{ hardware: 'H100' }, 422, 'invalid_body', '/hardware'],
  [{ powerWatts: undefined }, 422, 'invalid_body', '/powerWatts'],
  [{ powerWatts: undefined, utilizationRatio: 90 }, 422, 'invalid_body', '/utilizationRatio'],
  [{ utilizationRatio: 0.9 }, 422, 'invalid_body', '/utilizationRatio'],
  [
    { hardware: 'dgx-h100', powerWatts: undefined, utilizationRatio: 0.9 },
    422,
    'invalid_body',
    '/powerWatts',
  ],
  [{ hardware: 'dgx-h100', host: { devicesPerHost: 8 } }, 422, 'invalid_body', '/host'],
  [{ hours: undefined }, 422, 'invalid_body', '/hours'],
  [{ to: at(1) }, 422, 'invalid_body', '/from'],
  [{ hours: 3, from: at(0), to: at(2) }, 422, 'invalid_body', '/hours'],
  [{ from: at(2), to: at(0) }, 422, 'invalid_body', '/to'],
  [{ from: at(23) }, 422, 'invalid_body', '/hours'],
  [{ from: at(-24 * 400), to: at(0) }, 400, 'range_too_long', '/from'],
  [{ pueRatio: undefined }, 422, 'invalid_body', '/pueRatio'],
  [{ gridZone: 'Germany' }, 422, 'unknown_grid_zone', 'gridZone'],
  [{ gridZone: undefined, cloudRegion: 'aws:mars-1' }, 422, 'unknown_grid_zone', '/cloudRegion'],
  [{ gridZone: undefined }, 422, 'invalid_body', '/gridZone'],
  [{ pue: 1.2 }, 422, 'invalid_body', '/pue'],
])('%o is refused with its field', async (changes, status, code, field) => {
  const response = await clock.call('POST', '/v1/estimate', { ...base, ...changes });
  expect(await refusal(response)).toEqual({ status, code, field });
});

test('unknown hardware is answered with what may have been meant', async () => {
  const response = await clock.call('POST', '/v1/estimate', { ...base, hardware: 'H100' });
  const { detail } = await response.json<{ detail: string }>();
  for (const name of ['H100 SXM5 80GB', 'H100 PCIe 80GB', 'H100 NVL 94GB']) expect(detail).toContain(name);
});
