/** Garbage from every provider, all the way: through the job that fetches into a real D1, to reports and figures. */
import { beforeAll, expect, test } from 'vitest';
import { readFetches } from '../../../worker/storage/grid-fetches.ts';
import { refreshForecasts } from '../../../worker/use-cases/grid-forecast-refresh.ts';
import { refreshGrid } from '../../../worker/use-cases/grid-refresh.ts';
import { ask, clock, database, newNode } from '../emissions/support.ts';
import { afterLogin, cases, garbageOf, NOON, text } from './garbage.ts';
import { fetchOf } from './recorded.ts';

const HOUR_MS = Date.parse(`${NOON}Z`);
const NOW_MS = HOUR_MS + 3_600_000;

beforeAll(() => {
  clock.nowMs = NOW_MS;
});

/** As if nobody had been asked before. */
const forgetFetches = () =>
  database.batch(['grid_fetches', 'grid_services'].map((table) => database.prepare(`DELETE FROM ${table}`)));

const valuesStored = () =>
  database.prepare('SELECT count(*) AS count FROM grid_values').first<{ count: number }>();

/** One kWh in the hour from noon; later revisions replace it. */
const report = (token: string, revision: number) =>
  ask<{ accepted: number; unchanged: number }>(
    'POST',
    '/v1/ingest',
    {
      version: 1,
      sentAtMs: NOW_MS,
      agentVersion: '0.1.0',
      reports: Array.from({ length: 12 }, (_, i) => ({
        windowStartMs: HOUR_MS + i * 300_000,
        epoch: 'epoch0001',
        revision,
        final: true,
        devices: [
          {
            id: 'GPU-0',
            type: 'gpu',
            name: 'NVIDIA H100 80GB HBM3',
            meteredMilliseconds: 300_000,
            energyMillijoules: 210_000_000,
            kind: 'counter',
          },
        ],
        jobs: [],
      })),
    },
    token,
  );

test.each(cases.map((one) => [one.provider.name, one] as const))(
  'no garbage from %s reaches a figure or blocks a report',
  async (name, one) => {
    const { provider, besides, gridZone } = one;
    const providers = besides ? [provider, besides] : [provider];
    const asked = providers.map((of) => `${of.name} ${gridZone}`);
    // The zones of the providers before would be asked for first.
    await database.batch(
      ['grid_values', 'settings'].map((table) => database.prepare(`DELETE FROM ${table}`)),
    );
    await ask('POST', '/v1/sites', { id: name, gridZone, pueRatio: 1 });
    const { nodeId, token } = await newNode(name, name);
    await report(token, 1);
    const figure = () =>
      ask(
        'GET',
        `/v1/nodes/${nodeId}/emissions?from=${NOON}:00Z&to=2026-01-20T13:00:00Z&basis=${provider.basis}&signal=${provider.signal}`,
      );
    const before = await figure();

    const garbage = garbageOf(one, one.reply);
    expect(garbage.length).toBeGreaterThan(20);
    for (const [kind, answer] of garbage) {
      await forgetFetches();
      const { fetch } = fetchOf(answer);
      const results = await refreshGrid({ db: database, providers, fetch, nowMs: NOW_MS });
      expect([kind, results.map((of) => `${of.provider} ${of.gridZone}`)]).toEqual([kind, asked]);
      for (const { outcome, written } of results)
        expect([kind, outcome, written]).toEqual([
          kind,
          expect.stringMatching(/^(failed|noData|rateLimited)$/),
          0,
        ]);
      for (const state of await readFetches(database))
        expect([kind, state.lastError]).toEqual([kind, expect.stringMatching(/./)]);
    }
    expect(await valuesStored()).toEqual({ count: 0 });
    expect(await figure()).toEqual(before);
    expect(await report(token, 2)).toMatchObject({ accepted: 12 });

    // The test would see a value: the good reply changes the figure.
    await forgetFetches();
    const { fetch } = fetchOf(afterLogin(text(one.reply({}))));
    await refreshGrid({ db: database, providers, fetch, nowMs: NOW_MS });
    expect((await valuesStored())!.count).toBeGreaterThan(0);
    expect(await figure()).not.toEqual(before);
  },
);

const forecasting = cases.flatMap((one) =>
  one.forecastReply ? [[one.provider.name, { ...one, reply: one.forecastReply }] as const] : [],
);

test('every provider that has a forecast is among those below', () => {
  const names = cases.filter(({ provider }) => provider.fetchForecast).map(({ provider }) => provider.name);
  expect(names).toHaveLength(6);
  expect(forecasting.map(([name]) => name)).toEqual(names);
});

interface ForecastAnswer {
  provider: string | null;
  steps: { start: string; gramsPerKwh: number }[];
}

test.each(forecasting)(
  'no garbage from %s becomes a forecast, reaches a figure or blocks a report',
  async (name, one) => {
    const { provider, besides, gridZone, grams = 100 } = one;
    const providers = besides ? [provider, besides] : [provider];
    await database.batch(
      ['grid_values', 'grid_forecasts', 'settings'].map((table) => database.prepare(`DELETE FROM ${table}`)),
    );
    const site = `${name}-ahead`;
    await ask('POST', '/v1/sites', { id: site, gridZone, pueRatio: 1 });
    const { nodeId, token } = await newNode(site, site);
    await report(token, 1);
    const query = `basis=${provider.basis}&signal=${provider.signal}`;
    const answers = () =>
      Promise.all([
        ask('GET', `/v1/nodes/${nodeId}/emissions?from=${NOON}:00Z&to=2026-01-20T13:00:00Z&${query}`),
        ask<ForecastAnswer>('GET', `/v1/grid/${gridZone}/forecast?${query}`),
        ask('GET', `/v1/grid/greenest?gridZones=${gridZone}&durationMinutes=60&${query}`),
      ]);
    const before = await answers();
    expect(before[1].steps).toEqual([]);

    const refresh = async (answer: ReturnType<typeof text>) => {
      await forgetFetches();
      // The forecast is of the hour from noon: it is asked for then.
      const nowMs = HOUR_MS + 60_000;
      const { fetch } = fetchOf(answer);
      const results = await refreshForecasts({ db: database, providers, fetch, nowMs });
      const states = (await readFetches(database)).filter((row) => row.gridZone === gridZone);
      return { results, states };
    };
    const garbage = garbageOf(one, one.reply);
    expect(garbage.length).toBeGreaterThan(20);
    for (const [kind, answer] of garbage) {
      const { results, states } = await refresh(answer);
      expect([kind, results.map((of) => of.gridZone)]).toEqual([kind, providers.map(() => gridZone)]);
      for (const { outcome } of results)
        expect([kind, outcome]).toEqual([kind, expect.stringMatching(/^(failed|noData|rateLimited)$/)]);
      for (const { lastError } of states)
        expect([kind, lastError]).toEqual([kind, expect.stringMatching(/./)]);
    }
    expect(await database.prepare('SELECT count(*) AS count FROM grid_forecasts').first()).toEqual({
      count: 0,
    });
    await forgetFetches();
    expect(await answers()).toEqual(before);
    expect(await report(token, 2)).toMatchObject({ accepted: 12 });

    // The test would see a forecast: the good reply is one.
    const { results } = await refresh(afterLogin(text(one.reply({}))));
    expect(results.map(({ outcome }) => outcome)).toEqual(providers.map(() => 'values'));
    const kept = await database
      .prepare('SELECT steps, start_ms AS startMs FROM grid_forecasts')
      .all<{ steps: string; startMs: number }>();
    expect(kept.results.map(({ startMs }) => startMs)).toEqual(providers.map(() => HOUR_MS));
    expect(kept.results.map(({ steps }) => JSON.parse(steps))).toContainEqual([
      [Number(grams.toPrecision(4))],
    ]);
  },
);
