/** Forecasts from the cron to the public door, over real D1: kept as issued, made whole or not at all, and told apart. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Basis, Scope } from '../../../shared/grid/intensity.ts';
import { DAY_MS, HOUR_MS } from '../../../shared/time/window.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';
import { loadOutlooks } from '../../../worker/dashboard/load-outlook.ts';
import type { IntensityProvider } from '../../../worker/grid/provider.ts';
import { readFetches } from '../../../worker/storage/grid-fetches.ts';
import { storeValues } from '../../../worker/storage/grid-writes.ts';
import { makeForecasts } from '../../../worker/use-cases/grid-forecast-own.ts';
import { refreshForecasts } from '../../../worker/use-cases/grid-forecast-refresh.ts';
import { database } from '../ingest/support.ts';
import { recordingDatabase } from '../storage/recording-database.ts';
import { clockedApi } from '../support/clocked-api.ts';
import { ensureSite } from '../support/enrolment.ts';
import { expecting } from './expecting-provider.ts';

const NOW_MS = Date.parse('2026-03-10T12:02:00Z');
const NOON_MS = Date.parse('2026-03-10T12:00:00Z');

interface Step {
  start: string;
  end: string;
  gramsPerKwh: number;
  low: number | null;
  high: number | null;
  kind: string;
  provider: string;
  issuedAt: string;
}
interface Forecast {
  provider: string | null;
  method: string | null;
  issuedAt: string | null;
  reason: string | null;
  steps: Step[];
}
interface Choice {
  gridZone: string;
  start: string;
  end: string;
  spans: unknown[];
  grams: number;
}
interface Greenest {
  best: Choice | null;
  startNow: Choice | null;
  saving: { grams: number; gramsLow: number; gramsHigh: number } | null;
  worthWaiting: boolean;
  zones: { gridZone: string; forecast: { provider: string; kind: string } }[];
  excluded: { gridZone: string; reason: string }[];
}

async function get<T>(path: string, nowMs = NOW_MS): Promise<T> {
  const response = await clockedApi(nowMs).call('GET', path);
  const body = await response.json<T>();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${JSON.stringify(body)}`);
  return body;
}
const forecastOf = (zone: string, query = '', nowMs = NOW_MS) =>
  get<Forecast>(`/v1/grid/${zone}/forecast?basis=direct&${query}`, nowMs);

beforeEach(async () => {
  const tables = [
    'grid_values',
    'grid_revisions',
    'grid_series',
    'grid_fetches',
    'grid_services',
    'grid_forecasts',
    'grid_forecast_states',
  ];
  await database.batch([
    ...tables.map((table) => database.prepare(`DELETE FROM ${table}`)),
    database.prepare(`DELETE FROM settings WHERE key = 'gridZone'`),
    database.prepare('DELETE FROM sites'),
  ]);
});

/** Clean at noon, dirty at midnight, day after day. */
const sunny = (hourMs: number) => 300 + 200 * Math.cos((2 * Math.PI * (hourMs % DAY_MS)) / DAY_MS);

/** Hours of a stored series up to the one that ends at `untilMs`. */
async function history(
  gridZone: string,
  hours: number,
  untilMs = NOON_MS,
  of = sunny,
  { basis = 'direct', scope = 'consumption' }: { basis?: Basis; scope?: Scope } = {},
): Promise<void> {
  const values = Array.from({ length: hours }, (_, index) => {
    const startMs = untilMs - (hours - index) * HOUR_MS;
    return {
      startMs: epochMs(startMs),
      endMs: epochMs(startMs + HOUR_MS),
      gramsPerKwh: gramsPerKwh(of(startMs)),
      kind: 'measured' as const,
      method: null,
      issuedAtMs: null,
    };
  });
  const series = { gridZone, basis, signal: 'average', scope } as const;
  const provider = scope === 'consumption' ? 'a-provider' : 'plants';
  await storeValues(database, { ...series, provider }, values, untilMs);
}

const kept = async () =>
  (await database.prepare('SELECT * FROM grid_forecasts ORDER BY key').all<Record<string, unknown>>())
    .results;

describe('our own', () => {
  test('a zone with days of history gets a forecast with a band, from the first hour that is not known', async () => {
    await ensureSite('berlin', 'DE');
    await history('DE', 7 * 24);
    expect(await makeForecasts(database, NOW_MS)).toEqual([
      {
        gridZone: 'DE',
        basis: 'direct',
        signal: 'average',
        method: 'usual day and the last hours, from 7.0 days of a-provider',
      },
    ]);
    const { steps, provider, reason, issuedAt } = await forecastOf('DE');
    expect({ provider, reason, issuedAt }).toEqual({
      provider: 'wattshed',
      reason: null,
      issuedAt: new Date(NOW_MS).toISOString(),
    });
    expect(steps).toHaveLength(96);
    expect(steps[0]).toMatchObject({ start: '2026-03-10T12:00:00.000Z', kind: 'forecast' });
    for (const step of steps) {
      expect(step.gramsPerKwh / sunny(Date.parse(step.start))).toBeCloseTo(1, 2);
      expect(step.low!).toBeLessThanOrEqual(step.gramsPerKwh);
      expect(step.high!).toBeGreaterThanOrEqual(step.gramsPerKwh);
    }
  });

  test('a doubled run, two at once and a missed one make the same forecast, once', async () => {
    await ensureSite('berlin', 'DE');
    await history('DE', 5 * 24);
    await Promise.all([makeForecasts(database, NOW_MS), makeForecasts(database, NOW_MS)]);
    const first = await kept();
    expect(first).toHaveLength(1);
    expect(await makeForecasts(database, NOW_MS + 300_000)).toEqual([]);
    expect(await kept()).toEqual(first);

    await database.batch(
      ['grid_forecasts', 'grid_fetches'].map((name) => database.prepare(`DELETE FROM ${name}`)),
    );
    await makeForecasts(database, NOW_MS + HOUR_MS);
    const late = await kept();
    expect(late.map(({ key, steps }) => ({ key, steps }))).toEqual(
      first.map(({ key, steps }) => ({ key, steps })),
    );
  });

  test('the next slot has an issue of its own, and the earlier one stays to be asked for', async () => {
    await ensureSite('berlin', 'DE');
    await history('DE', 5 * 24);
    await makeForecasts(database, NOW_MS);
    const before = await forecastOf('DE');
    const laterMs = NOW_MS + 6 * HOUR_MS;
    await history('DE', 6, NOON_MS + 6 * HOUR_MS, () => 900);
    await makeForecasts(database, laterMs);
    expect(await kept()).toHaveLength(2);
    const after = await forecastOf('DE', '', laterMs);
    expect(after.issuedAt).not.toBe(before.issuedAt);
    expect(after.steps[0]!.gramsPerKwh).toBeGreaterThan(1.5 * sunny(laterMs));
    const asThen = await forecastOf('DE', `issuedBefore=${new Date(laterMs).toISOString()}`, laterMs);
    expect(asThen.issuedAt).toBe(before.issuedAt);
    expect(asThen.steps[0]).toEqual(before.steps.find(({ start }) => start === asThen.steps[0]!.start));
  });

  test('without history there is none, and the answer says why', async () => {
    await ensureSite('berlin', 'DE');
    await ensureSite('paris', 'FR');
    await history('DE', 20);
    expect(await makeForecasts(database, NOW_MS)).toMatchObject([{ gridZone: 'DE', method: null }]);
    expect(await forecastOf('DE')).toMatchObject({
      steps: [],
      provider: null,
      reason: 'no data: less than 48 hours of a-provider are known',
    });
    expect((await forecastOf('FR')).reason).toBe('no series on this basis and signal is stored');
    expect((await get<Forecast>('/v1/grid/FR/forecast')).reason).toContain('yearly average');
  });

  test('a series that waits for its first forecast, and one of a zone that nobody uses, are not called missing', async () => {
    await ensureSite('berlin', 'DE');
    await history('DE', 5 * 24);
    await history('FR', 5 * 24);
    expect((await forecastOf('DE')).reason).toBe('a forecast is due; ask again in some minutes');
    expect((await forecastOf('FR')).reason).toBe(
      'no site is in this zone, and only zones in use have forecasts: create a site there',
    );
  });

  test('it is made of the scope that the zone has, and a forecast of the other is not shown for it', async () => {
    await ensureSite('berlin', 'DE');
    await history('DE', 7 * 24);
    await history('DE', 20 * 24, NOON_MS, () => 30, { scope: 'production' });
    expect(await makeForecasts(database, NOW_MS)).toMatchObject([
      { method: expect.stringContaining('7.0 days of a-provider') },
    ]);
    expect(await forecastOf('DE')).toMatchObject({ provider: 'wattshed', scope: 'consumption' });
    await clockedApi(NOW_MS - HOUR_MS).call('PUT', '/v1/grid/DE/trust', {
      basis: 'direct',
      scope: 'production',
    });
    expect(await forecastOf('DE')).toMatchObject({ provider: null, scope: null });
    const laterMs = NOW_MS + 6 * HOUR_MS;
    await makeForecasts(database, laterMs);
    expect(await forecastOf('DE', '', laterMs)).toMatchObject({ scope: 'production' });
    await database.prepare(`DELETE FROM settings WHERE subject = 'grid:DE'`).run();
  });

  test('own values that hold for a whole day tell the scope until they end', async () => {
    await ensureSite('belfort', 'FR');
    await history('FR', 10 * 24, NOON_MS, sunny, { scope: 'production' });
    const midnightMs = NOON_MS - 12 * HOUR_MS;
    const days = [-4, -3, -2, -1, 0].map((day) => ({
      startMs: epochMs(midnightMs + day * DAY_MS),
      endMs: epochMs(midnightMs + (day + 1) * DAY_MS),
      gramsPerKwh: gramsPerKwh(70 + day),
      ...{ kind: 'measured', method: null, issuedAtMs: null },
    })) as Parameters<typeof storeValues>[2];
    const own = {
      gridZone: 'FR',
      basis: 'direct',
      signal: 'average',
      scope: 'consumption',
      provider: 'user',
    };
    await storeValues(database, own as Parameters<typeof storeValues>[1], days, NOW_MS);
    await makeForecasts(database, NOW_MS);
    expect(await forecastOf('FR')).toMatchObject({ provider: 'wattshed', scope: 'consumption' });
  });

  test('a series that ended long ago tells nothing of tomorrow', async () => {
    await ensureSite('berlin', 'DE');
    await history('DE', 5 * 24, NOON_MS - 2 * DAY_MS);
    await makeForecasts(database, NOW_MS);
    expect((await forecastOf('DE')).reason).toBe('no data: no series has a value of the last 24 hours');
  });

  test('an hour that is known in part is not known, and what the provider only expects is no history', async () => {
    await ensureSite('berlin', 'DE');
    await history('DE', 3 * 24);
    const quarter = {
      startMs: epochMs(NOON_MS),
      endMs: epochMs(NOON_MS + HOUR_MS / 4),
      gramsPerKwh: gramsPerKwh(2_000),
      method: null,
      issuedAtMs: null,
    };
    const series = {
      gridZone: 'DE',
      basis: 'direct',
      signal: 'average',
      scope: 'consumption',
      provider: 'a-provider',
    } as const;
    await storeValues(database, series, [{ ...quarter, kind: 'measured' }], NOW_MS);
    const ahead = { ...quarter, startMs: epochMs(NOON_MS + HOUR_MS), endMs: epochMs(NOON_MS + 2 * HOUR_MS) };
    await storeValues(database, series, [{ ...ahead, kind: 'forecast' }], NOW_MS);
    await makeForecasts(database, NOW_MS);
    const { steps } = await forecastOf('DE');
    expect(steps[0]!.start).toBe('2026-03-10T12:00:00.000Z');
    expect(steps[0]!.gramsPerKwh / sunny(NOON_MS)).toBeCloseTo(1, 2);
  });
});

const refresh = (provider: IntensityProvider, nowMs = NOW_MS) =>
  refreshForecasts({ db: database, providers: [provider], fetch, nowMs });

describe("a provider's", () => {
  test('is kept as it was issued, every three hours, and never replaced', async () => {
    await ensureSite('berlin', 'DE');
    expect(await refresh(expecting(100))).toMatchObject([{ outcome: 'values' }]);
    const first = await kept();
    expect(await refresh(expecting(200), NOW_MS + 300_000)).toEqual([]);
    await database.prepare('DELETE FROM grid_fetches').run();
    await refresh(expecting(200), NOW_MS + 300_000);
    expect(await kept()).toEqual(first);
    expect(await refresh(expecting(300), NOW_MS + 2 * HOUR_MS)).toEqual([]);
    await refresh(expecting(300), NOW_MS + 3 * HOUR_MS + 300_000);
    expect(await kept()).toHaveLength(2);
    expect((await forecastOf('DE', '', NOW_MS + 3 * HOUR_MS + 600_000)).steps[0]).toMatchObject({
      gramsPerKwh: 300,
    });
    const then = `issuedBefore=${new Date(NOW_MS + 3 * HOUR_MS).toISOString()}`;
    expect((await forecastOf('DE', then)).steps[0]).toMatchObject({ gramsPerKwh: 100, low: null });
  });

  test('stands before our own while it is fresh, and either can be asked for', async () => {
    await ensureSite('berlin', 'DE');
    await history('DE', 5 * 24);
    await makeForecasts(database, NOW_MS);
    await refresh(expecting(100));
    expect(await forecastOf('DE')).toMatchObject({ provider: 'a-provider' });
    expect(await forecastOf('DE', 'provider=wattshed')).toMatchObject({ provider: 'wattshed' });
    await makeForecasts(database, NOW_MS + 7 * HOUR_MS);
    expect(await forecastOf('DE', '', NOW_MS + 7 * HOUR_MS)).toMatchObject({ provider: 'wattshed' });
  });

  test('has a band once enough of its issues met their outcomes', async () => {
    await ensureSite('berlin', 'DE');
    // Forecasts of 100 that became 150 and 67 in turn: off by ln 1.5 either way.
    const outcome = (hourMs: number) => ((hourMs / HOUR_MS) % 2 === 0 ? 150 : 100 / 1.5);
    await history('DE', 14 * 24, NOON_MS, outcome);
    const untilMs = NOON_MS - (NOON_MS % DAY_MS);
    for (let issue = 40; issue > 0; issue--) {
      await database.prepare('DELETE FROM grid_fetches').run();
      await refresh(expecting(100), untilMs - issue * 6 * HOUR_MS + 60_000);
    }
    await refresh(expecting(100));
    const factor = Math.exp(1.2815515655 * Math.log(1.5));
    const { steps } = await forecastOf('DE');
    expect(steps[5]!.high).toBeCloseTo(100 * factor, 0);
    expect(steps[5]!.low).toBeCloseTo(100 / factor, 0);
  });

  test('a fetch takes few queries', async () => {
    await ensureSite('berlin', 'DE');
    const { database: recording, recorded } = recordingDatabase(database);
    await refreshForecasts({ db: recording, providers: [expecting(100)], fetch, nowMs: NOW_MS });
    expect(recorded.length).toBeLessThanOrEqual(14);
  });

  test('issues of more than 14 days ago make room', async () => {
    await ensureSite('berlin', 'DE');
    await refresh(expecting(100), NOW_MS - 15 * DAY_MS);
    await refresh(expecting(100), NOW_MS);
    expect(await kept()).toHaveLength(1);
  });

  test('one that fails is asked less and less, and blocks no other', async () => {
    await ensureSite('berlin', 'DE');
    await ensureSite('paris', 'FR');
    const down = expecting(100, {
      name: 'down',
      fetchForecast: async () => {
        throw new Error('boom');
      },
    });
    const results = await refreshForecasts({
      db: database,
      providers: [down, expecting(100)],
      fetch,
      nowMs: NOW_MS,
    });
    expect(results).toEqual([{ provider: 'down', gridZone: 'DE', outcome: 'failed' }]);
    expect(await refresh(expecting(100), NOW_MS + 300_000)).toHaveLength(2);
    const [state] = (await readFetches(database)).filter(({ provider }) => provider === 'down forecast');
    expect(state).toMatchObject({ consecutiveFailures: 1, nextDueAtMs: NOW_MS + HOUR_MS });
    expect(state!.lastError).toContain('boom');
  });
});

describe('greenest', () => {
  const greenest = (query: string, nowMs = NOW_MS) =>
    get<Greenest>(`/v1/grid/greenest?basis=direct&${query}`, nowMs);

  test('waits for the clean noon, and says what it was computed from', async () => {
    await ensureSite('berlin', 'DE');
    await history('DE', 10 * 24 - 12, NOON_MS - 12 * HOUR_MS);
    const midnight = NOON_MS - 12 * HOUR_MS + 60_000;
    await makeForecasts(database, midnight);
    const answer = await get<Greenest>(
      '/v1/grid/greenest?basis=direct&durationMinutes=240&powerWatts=2000',
      midnight,
    );
    expect(answer).toMatchObject({
      best: { gridZone: 'DE', start: '2026-03-10T10:00:00.000Z', end: '2026-03-10T14:00:00.000Z' },
      startNow: { gridZone: 'DE', start: new Date(midnight).toISOString() },
      worthWaiting: true,
      zones: [{ gridZone: 'DE', forecast: { provider: 'wattshed', kind: 'forecast' } }],
      excluded: [],
    });
    const mean = [10, 11, 12, 13].reduce((sum, hour) => sum + sunny(hour * HOUR_MS) / 4, 0);
    expect(answer.best!.grams / (mean * 8)).toBeCloseTo(1, 2);
    expect(answer.saving!.gramsLow).toBeGreaterThan(0);
    expect(answer.saving!.gramsLow).toBeLessThanOrEqual(answer.saving!.grams);
  });

  test('a job at once begins in the hour that is known already, in front of the forecast', async () => {
    await ensureSite('berlin', 'DE');
    const runningEndMs = NOON_MS + HOUR_MS;
    await history('DE', 10 * 24, runningEndMs);
    await makeForecasts(database, NOW_MS);
    expect((await forecastOf('DE')).steps[0]!.start).toBe(new Date(runningEndMs).toISOString());
    const { startNow, saving } = await greenest('durationMinutes=30&powerWatts=2000');
    expect(startNow).toMatchObject({ start: new Date(NOW_MS).toISOString() });
    expect(startNow!.grams).toBeCloseTo(sunny(NOON_MS), 6);
    expect(startNow).toMatchObject({ gramsLow: startNow!.grams, gramsHigh: startNow!.grams });
    expect(saving).not.toBeNull();
    // Beyond it the job runs on into the forecast; a start that nobody knows anything of stays unknown.
    expect((await greenest('durationMinutes=120')).startNow).toMatchObject({
      end: new Date(NOW_MS + 2 * HOUR_MS).toISOString(),
    });
    await database
      .prepare('DELETE FROM grid_values WHERE key % 16777216 >= ?')
      .bind(NOON_MS / 300_000)
      .run();
    expect((await greenest('durationMinutes=30')).startNow).toBeNull();
  });

  test('a flat grid has no start worth waiting for', async () => {
    await ensureSite('berlin', 'DE');
    let seed = 7;
    const noise = () => {
      seed = (seed * 16_807) % 2_147_483_647;
      return 300 + 20 * (seed / 2_147_483_647 - 0.5);
    };
    await history('DE', 10 * 24, NOON_MS, noise);
    await makeForecasts(database, NOW_MS);
    expect(await greenest('durationMinutes=240')).toMatchObject({ worthWaiting: false });
  });

  test('of two zones the cleaner one; a zone without a forecast is listed, with the reason', async () => {
    for (const [site, zone] of [
      ['berlin', 'DE'],
      ['paris', 'FR'],
      ['oslo', 'NO-NO1'],
    ] as const)
      await ensureSite(site, zone);
    await history('DE', 5 * 24);
    await history('FR', 5 * 24, NOON_MS, (hourMs) => sunny(hourMs) / 10);
    await makeForecasts(database, NOW_MS);
    await makeForecasts(database, NOW_MS + 300_000);
    const answer = await greenest('durationMinutes=60&gridZones=DE,FR,NO-NO1', NOW_MS + 600_000);
    expect(answer).toMatchObject({
      best: { gridZone: 'FR' },
      startNow: { gridZone: 'DE' },
      worthWaiting: true,
      excluded: [{ gridZone: 'NO-NO1', reason: 'no series on this basis and signal is stored' }],
    });
    expect(answer.zones.map(({ gridZone }) => gridZone)).toEqual(['FR', 'DE']);
    expect((await greenest('durationMinutes=60', NOW_MS + 600_000)).zones).toHaveLength(2);
  });

  test('zones are compared by forecasts of one scope: that of the first zone, or the one asked for', async () => {
    await ensureSite('berlin', 'DE');
    await ensureSite('paris', 'FR');
    await history('DE', 7 * 24);
    // Cleaner by far, without its imports.
    await history('FR', 7 * 24, NOON_MS, (ms) => sunny(ms) / 10, { scope: 'production' });
    await makeForecasts(database, NOW_MS);
    await makeForecasts(database, NOW_MS);
    const from = (gridZones: string, query = '') =>
      get<Greenest & { scope: string }>(
        `/v1/grid/greenest?basis=direct&durationMinutes=120&gridZones=${gridZones}${query}`,
      );
    expect(await from('DE,FR')).toMatchObject({
      scope: 'consumption',
      best: { gridZone: 'DE' },
      zones: [{ gridZone: 'DE' }],
      excluded: [
        {
          gridZone: 'FR',
          reason:
            'its forecast is of production, and zones are compared by values of consumption here; ask with scope=production for those that have it',
        },
      ],
    });
    expect(await from('FR,DE')).toMatchObject({ scope: 'production', best: { gridZone: 'FR' } });
    expect(await from('DE,FR', '&scope=production')).toMatchObject({
      scope: 'production',
      best: { gridZone: 'FR' },
      startNow: null,
    });
  });

  test('of more zones in use than it looks at the others are listed, with what to ask', async () => {
    const zones = ['AT', 'BE', 'BG', 'CH', 'CZ', 'DE', 'DK-DK1', 'EE', 'ES', 'FI', 'FR', 'GR'];
    for (const zone of zones) await ensureSite(`in-${zone.toLowerCase()}`, zone);
    const { excluded } = await get<Greenest>('/v1/grid/greenest?durationMinutes=60&basis=direct');
    expect(excluded.map(({ gridZone }) => gridZone)).toEqual(zones);
    expect(excluded.filter(({ reason }) => reason.includes('gridZones'))).toEqual([
      { gridZone: 'FR', reason: 'only the first 10 zones by name are looked at; ask for it with gridZones' },
      { gridZone: 'GR', reason: 'only the first 10 zones by name are looked at; ask for it with gridZones' },
    ]);
  });

  test('a pause is taken where it helps', async () => {
    await ensureSite('berlin', 'DE');
    await history('DE', 5 * 24);
    await makeForecasts(database, NOW_MS);
    const deadline = `deadline=${new Date(NOW_MS + 48 * HOUR_MS).toISOString()}`;
    const whole = await greenest(`durationMinutes=600&${deadline}`);
    const inPieces = await greenest(`durationMinutes=600&interruptible=true&${deadline}`);
    expect(whole.best!.spans).toHaveLength(1);
    expect(inPieces.best!.spans.length).toBeGreaterThan(1);
    expect(inPieces.best!.grams).toBeLessThan(whole.best!.grams);
  });

  test('a forecast without a band makes no promise, and marginal is never told from average', async () => {
    await ensureSite('berlin', 'DE');
    await refresh(expecting(100));
    expect((await greenest('durationMinutes=60')).excluded).toMatchObject([
      { gridZone: 'DE', reason: expect.stringContaining('too few forecasts of a-provider') },
    ]);
    expect((await greenest('durationMinutes=60&signal=marginal')).excluded).toMatchObject([
      { reason: 'no series on this basis and signal is stored' },
    ]);
  });

  test.each([
    ['durationMinutes=60&gridZones=XX', 422, 'unknown_grid_zone'],
    ['durationMinutes=60&notBefore=2026-03-09T00:00:00Z', 400, 'invalid_parameter'],
    ['durationMinutes=60&deadline=2026-03-20T00:00:00Z', 400, 'invalid_parameter'],
    ['durationMinutes=120&deadline=2026-03-10T13:00:00Z', 400, 'invalid_parameter'],
    ['durationMinutes=0', 400, 'invalid_parameter'],
    ['durationMinutes=60&powerWatts=0', 400, 'invalid_parameter'],
    [
      `durationMinutes=60&gridZones=${Array.from({ length: 11 }, () => 'DE').join(',')}`,
      400,
      'invalid_parameter',
    ],
    ['', 400, 'invalid_parameter'],
  ])('refuses %s', async (query, status, code) => {
    const response = await clockedApi(NOW_MS).call('GET', `/v1/grid/greenest?${query}`);
    expect({ status: response.status, ...(await response.json<object>()) }).toMatchObject({ status, code });
  });
});

test('the page finds the next 24 hours of a zone and its best start, and leaves out a zone without either', async () => {
  await ensureSite('berlin', 'DE');
  const midnightMs = NOON_MS - 12 * HOUR_MS;
  await history('DE', 10 * 24, midnightMs, sunny, { basis: 'lifecycle' });
  await makeForecasts(database, midnightMs);
  const outlooks = await loadOutlooks(
    (path, query) => get(`${path}?${new URLSearchParams(query)}`, midnightMs),
    ['DE', 'FR'],
    midnightMs,
  );
  expect([...outlooks.keys()]).toEqual(['DE']);
  const { steps, best, provider } = outlooks.get('DE')!;
  expect(provider).toBe('wattshed');
  expect(steps).toHaveLength(24);
  expect(best).toMatchObject({ startMs: midnightMs + 10 * HOUR_MS, endMs: midnightMs + 14 * HOUR_MS });
  expect(best!.savingRatio).toBeGreaterThan(0.5);
});

test('the page finds the best start of zones of either scope, each with its like', async () => {
  const midnightMs = NOON_MS - 12 * HOUR_MS;
  for (const [zone, scope] of [
    ['DE', 'consumption'],
    ['FR', 'production'],
  ] as const) {
    await ensureSite(`in-${zone.toLowerCase()}`, zone);
    await history(zone, 10 * 24, midnightMs, sunny, { basis: 'lifecycle', scope });
    await makeForecasts(database, midnightMs);
  }
  const read = <T>(path: string, query?: Record<string, string>) =>
    get<T>(`${path}?${new URLSearchParams(query)}`, midnightMs);
  const outlooks = await loadOutlooks(read, ['DE', 'FR'], midnightMs);
  const starts = [...outlooks].map(([key, { best }]) => [key, best?.startMs]);
  expect(starts).toEqual([
    ['DE', midnightMs + 10 * HOUR_MS],
    ['FR', midnightMs + 10 * HOUR_MS],
  ]);
});
