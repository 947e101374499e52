/** What a zone is charged with when its providers change: from then on the other scope, before as it was. */
import { beforeEach, expect, test } from 'vitest';
import type { Scope } from '../../../shared/grid/intensity.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';
import type { Env } from '../../../worker/env.ts';
import { gridRefresh } from '../../../worker/jobs/grid-refresh.ts';
import { storeValues } from '../../../worker/storage/grid-writes.ts';
import { Shards } from '../../../worker/storage/shards.ts';
import { loadIntensity } from '../../../worker/use-cases/grid-intensity.ts';
import { noteScopes } from '../../../worker/use-cases/grid-scope-notes.ts';
import recorded18 from '../../fixtures/grid-api/uk-carbon-intensity/intensity_pt24h_recorded_2023-03-18T1201Z.json?raw';
import { database } from '../ingest/support.ts';
import { api } from '../support/api.ts';
import { ensureSite } from '../support/enrolment.ts';
import { fetchOf } from './recorded.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOON = Date.parse('2024-03-20T12:00:00Z');
const series = { gridZone: 'DE', basis: 'lifecycle', signal: 'average' } as const;

beforeEach(() =>
  database.batch(
    ['grid_values', 'grid_revisions', 'grid_series', 'settings', 'changes'].map((table) =>
      database.prepare(`DELETE FROM ${table}`),
    ),
  ),
);

/** Hours of `[fromMs, toMs)`. */
async function store(scope: Scope, fromMs: number, toMs: number, provider = `${scope} provider`) {
  const hours = Array.from({ length: (toMs - fromMs) / HOUR_MS }, (_, i) => fromMs + i * HOUR_MS);
  await storeValues(
    database,
    { ...series, scope, provider },
    hours.map((startMs) => ({
      startMs: epochMs(startMs),
      endMs: epochMs(startMs + HOUR_MS),
      gramsPerKwh: gramsPerKwh(scope === 'production' ? 50 : 300),
      kind: 'measured' as const,
      method: null,
      issuedAtMs: null,
    })),
    toMs,
  );
}

/** Of the start of each hour. */
async function charged(fromMs: number, toMs: number, knownAtMs?: number) {
  const resolve = await loadIntensity(database, { ...series, fromMs, toMs }, knownAtMs);
  const hours = Array.from({ length: (toMs - fromMs) / HOUR_MS }, (_, i) => fromMs + i * HOUR_MS);
  return hours.map((ms) => resolve(ms)?.gramsPerKwh ?? null);
}

const PRODUCTION_HOURS = Array.from({ length: 48 }, () => 50);

test('a provider of consumption that is added changes the hours from the next on, and none before', async () => {
  await store('production', NOON - 10 * DAY_MS, NOON);
  await noteScopes(database, ['DE'], NOON);
  // A key is added, and with it come seven days of the past.
  await store('production', NOON, NOON + 4 * HOUR_MS);
  await store('consumption', NOON - 7 * DAY_MS, NOON + 4 * HOUR_MS);
  await noteScopes(database, ['DE'], NOON + 30 * 60_000);
  expect(await charged(NOON - 2 * DAY_MS, NOON)).toEqual(PRODUCTION_HOURS);
  expect(await charged(NOON, NOON + 4 * HOUR_MS)).toEqual([50, 300, 300, 300]);
  // As it was known before, all is of production.
  expect(await charged(NOON - 2 * HOUR_MS, NOON + HOUR_MS, NOON)).toEqual([50, 50, 50]);
  const { notedScopes } = await api<{ notedScopes: object[] }>('GET', '/v1/grid/DE/trust');
  expect(notedScopes).toEqual([
    {
      scope: 'production',
      effectiveFrom: new Date(NOON - 10 * DAY_MS).toISOString(),
      recordedAt: new Date(NOON).toISOString(),
    },
    {
      scope: 'consumption',
      effectiveFrom: new Date(NOON + HOUR_MS).toISOString(),
      recordedAt: new Date(NOON + 30 * 60_000).toISOString(),
    },
  ]);
  const { changes } = await api<{ changes: { what: string }[] }>('GET', '/v1/changes?subject=grid:DE');
  expect(changes.find(({ what }) => what === 'scope.lifecycle.average')).toMatchObject({
    from: 'production',
    to: 'consumption',
    who: 'grid',
    why: 'consumption provider has values of consumption',
  });
});

test('values of a long past that a new provider brings later change none of it', async () => {
  await store('production', NOON - 40 * DAY_MS, NOON);
  await noteScopes(database, ['DE'], NOON);
  await store('consumption', NOON - 30 * DAY_MS, NOON - 29 * DAY_MS);
  expect(await charged(NOON - 30 * DAY_MS, NOON - 28 * DAY_MS)).toEqual(PRODUCTION_HOURS);
});

test('nothing is written again, and more of production changes nothing', async () => {
  await store('consumption', NOON - 10 * DAY_MS, NOON);
  expect(await noteScopes(database, ['DE', 'DE'], NOON)).toMatchObject([{ scope: 'consumption' }]);
  expect(await noteScopes(database, ['DE'], NOON + HOUR_MS)).toEqual([]);
  await store('production', NOON - 10 * DAY_MS, NOON + 20 * HOUR_MS);
  expect(await noteScopes(database, ['DE'], NOON + 2 * HOUR_MS)).toEqual([]);
  expect(new Set(await charged(NOON - DAY_MS, NOON))).toEqual(new Set([300]));
  expect(new Set(await charged(NOON + 4 * HOUR_MS, NOON + 8 * HOUR_MS))).not.toContain(50);
});

test('consumption that is silent for seven days gives way, from then on', async () => {
  await store('consumption', NOON - 10 * DAY_MS, NOON);
  await noteScopes(database, ['DE'], NOON);
  await store('production', NOON, NOON + 10 * DAY_MS);
  expect(await noteScopes(database, ['DE'], NOON + 6 * DAY_MS)).toEqual([]);
  const laterMs = NOON + 7 * DAY_MS;
  expect(await noteScopes(database, ['DE'], laterMs)).toMatchObject([
    {
      scope: 'production',
      effectiveFromMs: laterMs + HOUR_MS,
      why: 'production provider has values of production, and no provider has any of consumption',
    },
  ]);
  expect(await charged(laterMs + HOUR_MS, laterMs + 2 * HOUR_MS)).toEqual([50]);
  expect(await charged(laterMs, laterMs + HOUR_MS)).not.toEqual([50]);
});

test('production that is silent for seven days gives way to the yearly average, and back when it speaks again', async () => {
  await store('production', NOON - 10 * DAY_MS, NOON);
  await noteScopes(database, ['DE'], NOON);
  expect(await noteScopes(database, ['DE'], NOON + 6 * DAY_MS)).toEqual([]);
  const laterMs = NOON + 7 * DAY_MS;
  expect(await noteScopes(database, ['DE'], laterMs)).toMatchObject([
    { scope: 'consumption', effectiveFromMs: laterMs + HOUR_MS },
  ]);
  expect(await noteScopes(database, ['DE'], laterMs + DAY_MS)).toEqual([]);
  const [before, after] = await charged(laterMs, laterMs + 2 * HOUR_MS);
  expect(before).toBeNull();
  expect(after).toBeGreaterThan(50);
  await store('production', laterMs + DAY_MS, laterMs + 2 * DAY_MS);
  expect(await noteScopes(database, ['DE'], laterMs + 2 * DAY_MS)).toMatchObject([{ scope: 'production' }]);
});

test('the own series of production stands as long as it is brought', async () => {
  await store('production', NOON - 10 * DAY_MS, NOON);
  await noteScopes(database, ['DE'], NOON);
  await store('production', NOON, NOON + 8 * DAY_MS, 'user');
  expect(await noteScopes(database, ['DE'], NOON + 8 * DAY_MS)).toEqual([]);
  expect(await charged(NOON + 8 * DAY_MS - HOUR_MS, NOON + 8 * DAY_MS)).toEqual([50]);
});

test('two runs at once note it once, in the log as well', async () => {
  await store('production', NOON - DAY_MS, NOON);
  await noteScopes(database, ['DE'], NOON);
  await store('consumption', NOON - DAY_MS, NOON);
  await Promise.all([noteScopes(database, ['DE'], NOON), noteScopes(database, ['DE'], NOON + 1)]);
  const count = async (table: string, key: string) =>
    (
      await database
        .prepare(`SELECT COUNT(*) AS rows FROM ${table} WHERE ${key} = 'scope.lifecycle.average'`)
        .first<{ rows: number }>()
    )?.rows;
  expect([await count('settings', 'key'), await count('changes', 'what')]).toEqual([2, 2]);
});

test('a run writes few of them, and the next one the rest', async () => {
  for (const gridZone of ['DE', 'FR', 'PL', 'NL', 'BE'])
    await storeValues(
      database,
      { ...series, gridZone, scope: 'production', provider: 'plants' },
      [
        {
          startMs: epochMs(NOON),
          endMs: epochMs(NOON + HOUR_MS),
          gramsPerKwh: gramsPerKwh(50),
          kind: 'measured',
          method: null,
          issuedAtMs: null,
        },
      ],
      NOON,
    );
  const zones = ['DE', 'FR', 'PL', 'NL', 'BE'];
  const noted = async () => (await noteScopes(database, zones, NOON + HOUR_MS)).length;
  expect([await noted(), await noted(), await noted(), await noted()]).toEqual([2, 2, 1, 0]);
});

test('the own series is nobody’s change', async () => {
  await store('consumption', NOON - DAY_MS, NOON, 'user');
  expect(await noteScopes(database, ['DE'], NOON)).toEqual([]);
  expect(await noteScopes(database, [], NOON)).toEqual([]);
});

test('a zone that nobody has values of any more, its key gone, is looked at once an hour', async () => {
  await ensureSite('berlin', 'DE');
  await store('production', NOON - DAY_MS, NOON);
  await noteScopes(database, ['DE'], NOON);
  const { fetch } = fetchOf(() => new Response('bad gateway', { status: 502 }));
  const noted = async (nowMs: number) => {
    await gridRefresh({ env: {} as Env, shards: new Shards([database]), now: () => nowMs, fetch });
    const { notedScopes } = await api<{ notedScopes: { scope: string }[] }>('GET', '/v1/grid/DE/trust');
    return notedScopes.map(({ scope }) => scope);
  };
  expect(await noted(NOON + 8 * DAY_MS + 10 * 60_000)).toEqual(['production']);
  expect(await noted(NOON + 8 * DAY_MS + HOUR_MS + 60_000)).toEqual(['production', 'consumption']);
});

test('the job that fetches notes what came of it', async () => {
  const nowMs = Date.parse('2023-03-18T12:01:00Z');
  await ensureSite('london', 'GB');
  const { fetch } = fetchOf(() => new Response(recorded18));
  await gridRefresh({ env: {} as Env, shards: new Shards([database]), now: () => nowMs, fetch });
  const { notedScopes } = await api<{ notedScopes: { scope: string; recordedAt: string }[] }>(
    'GET',
    '/v1/grid/GB/trust?basis=direct',
  );
  expect(notedScopes).toMatchObject([{ scope: 'consumption', recordedAt: '2023-03-18T12:01:00.000Z' }]);
});
