/** The order of trust at the public door: set, kept with its date, and charged. */
import { expect, test } from 'vitest';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';
import { storeValues } from '../../../worker/storage/grid-writes.ts';
import { database } from '../ingest/support.ts';
import { api, call } from '../support/api.ts';

const MIDNIGHT = Date.parse('2024-03-01T00:00:00Z');
const HOUR_MS = 3_600_000;

interface Trust {
  providers: string[] | null;
  fallbacks: string[];
  scope: string | null;
  history: { providers: string[] | null; effectiveFrom: string; recordedBy: string }[];
}

async function store(gridZone: string, provider: string, grams: readonly number[]): Promise<void> {
  await storeValues(
    database,
    {
      gridZone,
      basis: 'lifecycle',
      signal: 'average',
      scope: provider === 'entsoe' ? 'production' : 'consumption',
      provider,
    },
    grams.map((value, i) => ({
      startMs: epochMs(MIDNIGHT + i * HOUR_MS),
      endMs: epochMs(MIDNIGHT + (i + 1) * HOUR_MS),
      gramsPerKwh: gramsPerKwh(value),
      kind: 'measured' as const,
      method: null,
      issuedAtMs: null,
    })),
    MIDNIGHT + 24 * HOUR_MS,
  );
}

const charged = async (zone: string, hours: number) => {
  const to = new Date(MIDNIGHT + hours * HOUR_MS).toISOString();
  const { series } = await api<{
    series: { start: string; gramsPerKwh: number; kind: string; provider: string; fetchedAt: string }[];
  }>('GET', `/v1/grid/${zone}/intensity?from=2024-03-01T00:00:00Z&to=${to}`);
  return series.map(({ start, gramsPerKwh, kind, provider }) => [
    start.slice(11, 16),
    gramsPerKwh,
    kind,
    provider,
  ]);
};

test('without one, the default holds', async () => {
  expect(await api<Trust>('GET', '/v1/grid/NL/trust')).toEqual({
    gridZone: 'NL',
    basis: 'lifecycle',
    signal: 'average',
    providers: null,
    fallbacks: ['carryForward', 'hourOfDayMean', 'annual'],
    scope: null,
    scopeNow: 'consumption',
    notedScopes: [],
    history: [],
  });
});

test('an order holds from its date, within its basis, and each value keeps its provider', async () => {
  await store('NL', 'electricity-maps', [100, 110, 120]);
  await store('NL', 'entsoe', [200, 210, 220, 230]);
  expect(await charged('NL', 4)).toEqual([
    ['00:00', 100, 'measured', 'electricity-maps'],
    ['01:00', 110, 'measured', 'electricity-maps'],
    ['02:00', 120, 'measured', 'electricity-maps'],
    ['03:00', 120, 'estimated', 'electricity-maps'],
  ]);
  const set = await api<Trust>('PUT', '/v1/grid/NL/trust', {
    providers: ['entsoe', 'user'],
    effectiveFrom: '2024-03-01T01:00:00Z',
    why: 'our auditor asked for it',
  });
  expect(set).toMatchObject({
    providers: ['entsoe', 'user'],
    scope: 'production',
    history: [{ effectiveFrom: '2024-03-01T01:00:00.000Z', recordedBy: 'admin' }],
  });
  expect(await charged('NL', 4)).toEqual([
    ['00:00', 100, 'measured', 'electricity-maps'],
    ['01:00', 210, 'measured', 'entsoe'],
    ['02:00', 220, 'measured', 'entsoe'],
    ['03:00', 230, 'measured', 'entsoe'],
  ]);
  expect(await api<Trust>('GET', '/v1/grid/NL/trust?basis=direct')).toMatchObject({
    providers: null,
    history: [],
  });
  const { changes } = await api<{ changes: object[] }>('GET', '/v1/changes?subject=grid:NL');
  expect(changes[0]).toMatchObject({
    what: 'trust.lifecycle.average',
    to: { providers: ['entsoe', 'user'], scope: 'production' },
    why: 'our auditor asked for it',
  });
});

test('a fallback that is not allowed stands in for nothing', async () => {
  await store('BE', 'electricity-maps', [100]);
  expect((await charged('BE', 4)).map(([start, , kind]) => [start, kind])).toEqual([
    ['00:00', 'measured'],
    ['01:00', 'estimated'],
    ['03:00', 'annual'],
  ]);
  const body = { fallbacks: ['annual'], effectiveFrom: '2024-01-01T00:00:00Z' };
  expect(await api<Trust>('PUT', '/v1/grid/BE/trust', body)).toMatchObject({
    providers: null,
    fallbacks: ['annual'],
  });
  expect((await charged('BE', 4)).map(([start, , kind]) => [start, kind])).toEqual([
    ['00:00', 'measured'],
    ['01:00', 'annual'],
  ]);
  await api('PUT', '/v1/grid/BE/trust', { ...body, fallbacks: [] });
  expect(await charged('BE', 4)).toEqual([['00:00', 100, 'measured', 'electricity-maps']]);
});

test('an order of the own series alone keeps to the scope that it is told', async () => {
  const body = { providers: ['user'], effectiveFrom: '2024-01-01T00:00:00Z' };
  expect(await api<Trust>('PUT', '/v1/grid/AT/trust', body)).toMatchObject({ scope: null });
  const kept = await api<Trust>('PUT', '/v1/grid/AT/trust', { ...body, scope: 'production' });
  expect(kept).toMatchObject({
    scope: 'production',
    scopeNow: 'production',
    history: [{ scope: null }, { scope: 'production' }],
  });
});

test.each([
  [
    'an order of both scopes',
    { providers: ['user', 'entsoe', 'electricity-maps'] },
    /^\/providers\/2: "electricity-maps" has values of consumption, but "entsoe" has values of production, and an order keeps to one scope/,
  ],
  [
    'a provider of another scope than the one asked for',
    { providers: ['entsoe'], scope: 'consumption' },
    /^\/providers\/0: "entsoe" has values of production, but scope is consumption/,
  ],
  [
    'an unknown name',
    { providers: ['electricity-map'] },
    /^\/providers\/0: no provider is called "electricity-map"; did you mean "electricity-maps"/,
  ],
  [
    'a provider of another basis',
    { providers: ['user', 'entsoe-direct'] },
    /^\/providers\/1: "entsoe-direct" is direct and average; this order is of lifecycle/,
  ],
  ['a provider of other zones', { providers: ['eia'] }, /"eia" has no values of DE/],
  ['one named twice', { providers: ['user', 'user'] }, /^\/providers\/1: "user" is named twice/],
  ['an empty order', { providers: [] }, /^\/providers/],
  ['an unknown fallback', { fallbacks: ['guess'] }, /^\/fallbacks\/0/],
])('%s is refused', async (_, body, detail) => {
  const response = await call('PUT', '/v1/grid/DE/trust', body);
  expect([response.status, await response.json()]).toMatchObject([
    422,
    { code: 'invalid_body', detail: expect.stringMatching(detail) },
  ]);
  expect(await api<Trust>('GET', '/v1/grid/DE/trust')).toMatchObject({ history: [] });
});

test('a zone that nobody knows is refused with the nearest', async () => {
  for (const method of ['GET', 'PUT']) {
    const response = await call(method, '/v1/grid/DK1/trust', method === 'PUT' ? {} : undefined);
    expect(await response.json()).toMatchObject({
      code: 'unknown_grid_zone',
      detail: expect.stringContaining('DK-DK1'),
    });
  }
});
