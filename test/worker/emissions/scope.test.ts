/** Two zones of different scope: sums name it, have a part of each, and say whose intensities they were made with. */
import { beforeAll, expect, test } from 'vitest';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';
import { storeValues } from '../../../worker/storage/grid-writes.ts';
import { ask, clock, DAY_MS, database, gpu, HOUR_MS, newNode, report, storeHours } from './support.ts';

interface Figures {
  readonly energyKwh: number;
  readonly operationalGrams: number;
  readonly scope: string | null;
  readonly scopes: Record<string, { facilityEnergyKwh: number; operationalGrams: number }> | null;
}
interface Answer {
  readonly totals: Figures;
  readonly series: readonly Figures[];
  readonly groups: readonly (Figures & { key: string })[];
  readonly excluded: readonly { gridZone: string; reason: string; energyKwh: number }[];
  readonly intensitySources: readonly object[];
}

const GPU = 'GPU-00000000-0000-4000-8000-00000000000a';
const nodes = new Map<string, string>();
/** An hour at 1 kW in each of two zones: 100 g/kWh of consumption, 30 g/kWh of production. */
beforeAll(async () => {
  await storeHours('US-CAL-CISO', [100]);
  await storeValues(
    database,
    { gridZone: 'DE', basis: 'lifecycle', signal: 'average', scope: 'production', provider: 'plants' },
    [0, 1].map((half) => ({
      startMs: epochMs(DAY_MS + (half * HOUR_MS) / 2),
      endMs: epochMs(DAY_MS + ((half + 1) * HOUR_MS) / 2),
      gramsPerKwh: gramsPerKwh(20 + 20 * half),
      kind: half === 0 ? ('measured' as const) : ('estimated' as const),
      method: null,
      issuedAtMs: null,
    })),
    DAY_MS + HOUR_MS,
  );
  for (const [index, gridZone] of ['US-CAL-CISO', 'DE'].entries()) {
    await ask('POST', '/v1/sites', { id: gridZone.toLowerCase(), gridZone, pueRatio: 2 });
    const node = await newNode(gridZone, gridZone.toLowerCase());
    nodes.set(gridZone, node.nodeId);
    clock.nowMs = DAY_MS + HOUR_MS;
    await report(
      node.token,
      Array.from({ length: 12 }, () => [gpu(GPU.replace(/a$/, `${index}`), 300_000_000)]),
    );
    clock.nowMs = DAY_MS;
  }
  clock.nowMs = DAY_MS + 2 * HOUR_MS;
});

const of = (query: string) => ask<Answer>('GET', `/v1/fleet/emissions?${query}`);
const close = (value: number) => expect.closeTo(value, 9);

test('a sum over zones of both names them and has a part of each', async () => {
  const { totals, groups, series, excluded } = await of('groupBy=gridZone&step=day');
  expect(totals).toMatchObject({
    operationalGrams: close(260),
    scope: 'mixed',
    scopes: {
      consumption: { facilityEnergyKwh: close(2), operationalGrams: close(200) },
      production: { facilityEnergyKwh: close(2), operationalGrams: close(60) },
    },
  });
  expect(series[0]).toMatchObject({ scope: 'mixed', scopes: totals.scopes });
  expect(groups.map(({ key, scope, scopes }) => [key, scope, scopes])).toEqual([
    ['DE', 'production', null],
    ['US-CAL-CISO', 'consumption', null],
  ]);
  expect(excluded).toEqual([]);
});

test('one scope alone can be asked for: the energy of the other is counted and excluded', async () => {
  const used = await of('scope=consumption');
  expect(used.totals).toMatchObject({ energyKwh: 2, operationalGrams: close(200), scope: 'consumption' });
  expect(used.excluded).toEqual([
    { gridZone: 'DE', reason: 'no series on this basis of consumption', energyKwh: 1 },
  ]);
  const made = await of('scope=production');
  expect(made.totals).toMatchObject({ energyKwh: 2, operationalGrams: close(60), scope: 'production' });
  expect(made.excluded).toMatchObject([{ gridZone: 'US-CAL-CISO', energyKwh: 1 }]);
});

test('an answer says whose intensities it was made with, of what kind, and when they came', async () => {
  const { intensitySources } = await of('');
  const fetched = (ms: number) => ({
    earliestFetchedAt: new Date(ms).toISOString(),
    latestFetchedAt: new Date(ms).toISOString(),
  });
  const plants = { gridZone: 'DE', scope: 'production', provider: 'plants', ...fetched(DAY_MS + HOUR_MS) };
  expect(intensitySources).toEqual([
    { ...plants, kind: 'estimated', facilityEnergyKwh: close(1), operationalGrams: close(40) },
    { ...plants, kind: 'measured', facilityEnergyKwh: close(1), operationalGrams: close(20) },
    {
      gridZone: 'US-CAL-CISO',
      scope: 'consumption',
      provider: 'recorded',
      kind: 'measured',
      facilityEnergyKwh: close(2),
      operationalGrams: close(200),
      ...fetched(DAY_MS),
    },
  ]);
});

test('each window of a node names its intensity: the sum by hand is the answer', async () => {
  const range = `from=${new Date(DAY_MS).toISOString()}&to=${new Date(DAY_MS + HOUR_MS).toISOString()}`;
  const windowsOf = async (query: string) => {
    const path = `/v1/nodes/${nodes.get('DE')}/windows?${range}${query}`;
    const { windows } = await ask<{
      windows: {
        gridZone: string;
        intensity: { gramsPerKwh: number } | null;
        devices: { energyMillijoules: number }[];
      }[];
    }>('GET', path);
    return windows;
  };
  const windows = await windowsOf('');
  expect(windows).toHaveLength(12);
  expect(windows[11]).toMatchObject({
    gridZone: 'DE',
    intensity: {
      gramsPerKwh: 40,
      kind: 'estimated',
      provider: 'plants',
      scope: 'production',
      method: null,
      issuedAt: null,
      fetchedAt: new Date(DAY_MS + HOUR_MS).toISOString(),
    },
  });
  const grams = windows.reduce(
    (sum, { intensity, devices }) =>
      sum + ((devices[0]!.energyMillijoules * 2) / 3.6e9) * intensity!.gramsPerKwh,
    0,
  );
  const { totals } = await ask<Answer>('GET', `/v1/nodes/${nodes.get('DE')}/emissions?${range}`);
  expect(grams).toBeCloseTo(totals.operationalGrams, 9);
  expect((await windowsOf('&basis=direct'))[0]!.intensity).toBeNull();
});

test('an own series keeps its scope: it is charged where the zone has that scope, and else the reply says why not', async () => {
  const put = (gridZone: string, scope: string, hour: number) =>
    ask<{ written: number; notCharged?: string }>('PUT', `/v1/grid/${gridZone}/intensity`, {
      basis: 'lifecycle',
      scope,
      points: [
        {
          start: new Date(DAY_MS + hour * HOUR_MS).toISOString(),
          end: new Date(DAY_MS + (hour + 1) * HOUR_MS).toISOString(),
          gramsPerKwh: 7,
        },
      ],
    });
  const at = async (gridZone: string, hour: number) => {
    const [from, to] = [hour, hour + 1].map((each) => new Date(DAY_MS + each * HOUR_MS).toISOString());
    const { series } = await ask<{ series: { provider: string; scope: string }[] }>(
      'GET',
      `/v1/grid/${gridZone}/intensity?from=${from}&to=${to}`,
    );
    return series.map(({ provider, scope }) => [provider, scope].join(' '));
  };
  expect(await put('US-CAL-CISO', 'production', 1)).toEqual({
    written: 1,
    revised: 0,
    notCharged:
      'US-CAL-CISO is of consumption then, and a zone has one scope at a time. To have these values charged: PUT /v1/grid/US-CAL-CISO/trust with {"scope": "production", "providers": ["user"]} from a date on.',
  });
  expect(await at('US-CAL-CISO', 1)).toEqual(['recorded consumption']);
  const order = { scope: 'production', providers: ['user'], effectiveFrom: new Date(DAY_MS).toISOString() };
  await ask('PUT', '/v1/grid/US-CAL-CISO/trust', order);
  expect(await at('US-CAL-CISO', 1)).toEqual(['user production']);
  await ask('PUT', '/v1/grid/US-CAL-CISO/trust', { effectiveFrom: order.effectiveFrom });
  // The default is consumption, and values of it hold where they are given.
  expect(await put('DE', 'consumption', 3)).toEqual({ written: 1, revised: 0 });
  expect(await at('DE', 3)).toEqual(['user consumption']);
  expect(await put('AT', 'production', 1)).toEqual({ written: 1, revised: 0 });
  expect(await at('AT', 1)).toEqual(['user production']);
});

test('what is in no contract keeps the scope of the grid, and what no grid is charged for has none', async () => {
  const market = await of('accounting=market');
  expect(market.totals).toMatchObject({ scope: 'mixed', operationalGrams: close(260) });
  await ask('PATCH', '/v1/sites/de', {
    residualGramsPerKwh: 500,
    effectiveFrom: new Date(DAY_MS).toISOString(),
  });
  const residual = await of('accounting=market&groupBy=gridZone');
  expect(residual.groups.map(({ key, scope }) => [key, scope])).toEqual([
    ['DE', null],
    ['US-CAL-CISO', 'consumption'],
  ]);
});

test('a scope that is none is refused by name', async () => {
  await expect(of('scope=imports')).rejects.toThrow(/scope/);
});
