/** The circuit of a service over real D1: across runs, zones, series, forecasts and old days, and with two runs at once. */
import { beforeEach, expect, test } from 'vitest';
import { eia } from '../../../worker/grid/eia.ts';
import { electricityMaps } from '../../../worker/grid/electricity-maps.ts';
import { energiDataService } from '../../../worker/grid/energi-data-service.ts';
import { entsoe } from '../../../worker/grid/entsoe.ts';
import type { IntensityProvider } from '../../../worker/grid/provider.ts';
import { wattTime } from '../../../worker/grid/watttime.ts';
import { readServices, replaceService } from '../../../worker/storage/grid-services.ts';
import { refreshForecasts } from '../../../worker/use-cases/grid-forecast-refresh.ts';
import { refreshGrid } from '../../../worker/use-cases/grid-refresh.ts';
import acknowledgement from '../../fixtures/grid-api/entsoe/Acknowledgement_999_no-data.xml?raw';
import { database } from '../ingest/support.ts';
import { recordingDatabase } from '../storage/recording-database.ts';
import { clockedApi } from '../support/clocked-api.ts';
import { ensureSite } from '../support/enrolment.ts';
import { emptyGrid } from './empty-grid.ts';
import { type Answer, fetchOf } from './recorded.ts';

const START_MS = Date.parse('2026-03-01T12:00:00Z');
const MINUTE_MS = 60_000;
const ZONES = ['AT', 'BE', 'DE', 'ES', 'FR', 'NL', 'PL'];
const TOKEN = '00000000-0000-4000-8000-000000000000';
const providers = [entsoe('lifecycle', TOKEN), entsoe('direct', TOKEN)];

beforeEach(async () => {
  await emptyGrid();
  for (const zone of ZONES) await ensureSite(`in-${zone.toLowerCase()}`, zone);
});

const down: Answer = () => new Response('bad gateway', { status: 502 });
/** That there is none is an answer. */
const noData: Answer = () => new Response(acknowledgement);

/** One run, some minutes after the start; how often it asked. */
async function run(minutes: number, answer: Answer, of: readonly IntensityProvider[] = providers) {
  const { fetch, asked } = fetchOf(answer);
  await refreshGrid({ db: database, providers: of, fetch, nowMs: START_MS + minutes * MINUTE_MS });
  return asked.length;
}
const runs = async (everyMinutes: number, until: number, answer: Answer) => {
  const asked = [];
  for (let minute = 0; minute < until; minute += everyMinutes) asked.push(await run(minute, answer));
  return asked;
};
const state = async () => (await readServices(database))[0];

test('three zones that fail open it for all; then one request at a time asks less and less often', async () => {
  const asked = await runs(5, 180, down);
  expect(asked[0]).toBe(3);
  expect(Math.max(...asked.slice(1))).toBe(1);
  const at = asked.flatMap((count, index) => (count > 0 ? [index * 5] : []));
  expect(at).toEqual([0, 5, 15, 35, 70, 130]);
  // Each is counted once, whatever zone it was of, and both bases of a zone are one.
  expect(await state()).toMatchObject({ service: 'entsoe', consecutiveFailures: 3 + 5 });
});

test('one answer closes it, and in the runs that follow every zone is served', async () => {
  await runs(5, 30, down);
  expect((await state())!.retryAtMs).not.toBeNull();
  expect(await run(35, noData)).toBe(1);
  expect(await state()).toMatchObject({
    consecutiveFailures: 0,
    retryAtMs: null,
    lastError: expect.stringMatching(/502/),
  });
  expect(await run(40, noData)).toBeGreaterThan(1);
});

const REFUSING = [
  ['EIA', eia('lifecycle', 'a-key'), ['US-CAL-CISO', 'US-NY-NYIS', 'US-MIDA-PJM', 'US-TEX-ERCO'], 403],
  ['ENTSO-E', entsoe('lifecycle', TOKEN), ZONES, 401],
  ['WattTime, at its login,', wattTime({ user: 'u', password: 'p' }), ZONES, 401],
] as const;

test.each(REFUSING)(
  'a key that %s refuses is refused for all: it opens, and says why',
  async (_, provider, zones, status) => {
    for (const zone of zones) await ensureSite(`at-${zone.toLowerCase()}`, zone);
    const refuse: Answer = () => new Response('no such key', { status });
    expect(await run(0, refuse, [provider])).toBe(3);
    expect(await run(1, refuse, [provider])).toBe(0);
    expect(await state()).toMatchObject({
      service: provider.service ?? provider.name,
      consecutiveFailures: 3,
      lastError: `HTTP ${status}: no such key`,
    });
  },
);

test.each([
  ['Electricity Maps', electricityMaps('lifecycle', 'a-key')],
  ['WattTime', wattTime({ user: 'u', password: 'p' })],
] as const)(
  'a zone that %s refuses says nothing of another: the key may be good for that',
  async (_, provider) => {
    const refuse: Answer = ({ pathname }) =>
      pathname === '/login'
        ? new Response('{"token":"t"}')
        : new Response('not in your plan', { status: 401 });
    // Two for each of the five zones that a run asks for: the last day and before, or a login and the data.
    expect(await run(0, refuse, [provider])).toBe(10);
    expect(await state()).toBeUndefined();
  },
);

test('what is asked of one provider of a service counts for all of it; another service is none of it', async () => {
  const both = [electricityMaps('lifecycle', 'k'), electricityMaps('direct', 'k'), energiDataService];
  await ensureSite('aarhus', 'DK-DK1');
  await run(0, down, both);
  const states = await readServices(database);
  expect(states.map(({ service, consecutiveFailures }) => [service, consecutiveFailures]).sort()).toEqual([
    ['electricity-maps', 3],
    ['energi-data-service', 1],
  ]);
  const { fetch, asked } = fetchOf(down);
  const forecasts = { db: database, fetch, nowMs: START_MS + MINUTE_MS, providers: both };
  expect(await refreshForecasts(forecasts)).toMatchObject([{ provider: 'energi-data-service' }]);
  expect(asked.map(({ hostname }) => hostname)).toEqual(['api.energidataservice.dk']);
});

test('two runs at once count once, and let one request through between them', async () => {
  await Promise.all([run(0, down), run(0, down)]);
  expect(await state()).toMatchObject({ consecutiveFailures: 3, retryAtMs: START_MS + 4 * MINUTE_MS });
  const [a, b] = await Promise.all([run(5, down), run(5, down)]);
  expect(a + b).toBe(1);
  expect(await state()).toMatchObject({ consecutiveFailures: 4 });
  const [c, d] = await Promise.all([run(15, noData), run(15, noData)]);
  expect(c + d).toBe(1);
  expect(await state()).toMatchObject({ consecutiveFailures: 0, retryAtMs: null });
});

test('a missed run changes nothing: the next one asks', async () => {
  await run(0, down);
  expect(await run(300, noData)).toBe(1);
  expect(await state()).toMatchObject({ consecutiveFailures: 0 });
});

test('a request that was let through and never came back is not the last', async () => {
  await run(0, down);
  let answer = (_: Response) => {};
  const lost = new Promise<Response>((resolve) => {
    answer = resolve;
  });
  let letThrough = () => {};
  const asked = new Promise<void>((resolve) => {
    letThrough = resolve;
  });
  const hanging = run(5, () => {
    letThrough();
    return lost;
  });
  await asked;
  expect(await run(8, noData)).toBe(0);
  expect(await run(10, noData)).toBe(1);
  expect(await state()).toMatchObject({ consecutiveFailures: 0 });
  // What the first one is told after all is old.
  answer(new Response('bad gateway', { status: 502 }));
  await hanging;
  expect(await state()).toMatchObject({ consecutiveFailures: 0, retryAtMs: null });
});

test('while all is well nothing is written of a service', async () => {
  const { database: recording, recorded } = recordingDatabase(database);
  for (let minute = 0; minute < 20; minute += 5) {
    const { fetch } = fetchOf(noData);
    await refreshGrid({ db: recording, providers, fetch, nowMs: START_MS + minute * MINUTE_MS });
  }
  expect(
    recorded.filter(({ sql }) => /grid_services/.test(sql)).every(({ sql }) => /^select/i.test(sql)),
  ).toBe(true);
  expect(await readServices(database)).toEqual([]);
});

test('an answer and the metrics say how a service stands', async () => {
  await database.prepare('DELETE FROM grid_services').run();
  const failedAtMs = START_MS + MINUTE_MS;
  await replaceService(
    database,
    { consecutiveFailures: 0, retryAtMs: null },
    {
      service: 'carbonintensity.org.uk',
      consecutiveFailures: 4,
      retryAtMs: failedAtMs + 8 * MINUTE_MS,
      lastErrorAtMs: failedAtMs,
      lastError: 'HTTP 502: bad gateway',
    },
  );
  const service = {
    service: 'carbonintensity.org.uk',
    providers: ['uk-carbon-intensity', 'uk-generation-mix', 'uk-regional-mix', 'uk-regional'],
    consecutiveFailures: 4,
    retryAt: '2026-03-01T12:09:00.000Z',
    lastErrorAt: '2026-03-01T12:01:00.000Z',
    lastError: 'HTTP 502: bad gateway',
  };
  for (const [minutes, circuit, label] of [
    [8, 'open', 'open'],
    [9, 'halfOpen', 'half_open'],
  ] as const) {
    const { call } = clockedApi(START_MS + minutes * MINUTE_MS);
    const { services } = await (await call('GET', '/v1/grid/zones?inUse=true')).json<{
      services: unknown[];
    }>();
    expect(services).toHaveLength(3);
    expect(services).toContainEqual({ ...service, circuit });
    const metrics = await (await call('GET', '/metrics')).text();
    const lines = metrics.split('\n').filter((line) => line.startsWith('wattshed_grid_service_'));
    expect(lines.filter((line) => line.endsWith(' 1'))).toEqual(
      expect.arrayContaining([
        `wattshed_grid_service_circuit{service="carbonintensity.org.uk",circuit="${label}"} 1`,
        'wattshed_grid_service_circuit{service="rte-eco2mix",circuit="closed"} 1',
      ]),
    );
    expect(lines).toContain('wattshed_grid_service_consecutive_failures{service="carbonintensity.org.uk"} 4');
  }
});
