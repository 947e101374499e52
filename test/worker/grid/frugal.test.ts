/** What providers are asked, counted: by zones in use and their own limits, never by the number of nodes. */
import { beforeEach, expect, test, vi } from 'vitest';
import { electricityMaps } from '../../../worker/grid/electricity-maps.ts';
import { energiDataService } from '../../../worker/grid/energi-data-service.ts';
import type { IntensityProvider } from '../../../worker/grid/provider.ts';
import { ukCarbonIntensity } from '../../../worker/grid/uk-carbon-intensity.ts';
import { readFetches } from '../../../worker/storage/grid-fetches.ts';
import { refreshForecasts } from '../../../worker/use-cases/grid-forecast-refresh.ts';
import { refreshGrid } from '../../../worker/use-cases/grid-refresh.ts';
import { rereadGrid } from '../../../worker/use-cases/grid-reread.ts';
import { database, report, send } from '../ingest/support.ts';
import { call } from '../support/api.ts';
import { enrol, ensureSite, host, newEnrolmentKey } from '../support/enrolment.ts';
import { emptyGrid } from './empty-grid.ts';
import { type Answer, fetchOf } from './recorded.ts';

const MINUTE_MS = 60_000;
const START_MS = Date.parse('2026-03-01T00:00:00Z');

beforeEach(emptyGrid);

const denmark: Answer = (url) => {
  const Minutes5UTC = url.searchParams.get('start')!;
  const PriceArea = JSON.parse(url.searchParams.get('filter')!).PriceArea[0];
  const records = [{ Minutes5UTC: `${Minutes5UTC}:00`, PriceArea, CO2Emission: 100 }];
  return new Response(JSON.stringify({ dataset: 'CO2Emis', records }));
};

/** Cron for some hours from an instant; what was asked in each of its runs. */
async function cron(
  fromMs: number,
  hours: number,
  answer: Answer = denmark,
  providers: readonly IntensityProvider[] = [energiDataService],
): Promise<URL[][]> {
  const runs = [];
  for (let ms = fromMs; ms < fromMs + hours * 60 * MINUTE_MS; ms += 5 * MINUTE_MS) {
    const { fetch, asked } = fetchOf(answer);
    await refreshGrid({ db: database, providers, fetch, nowMs: ms });
    await rereadGrid({ db: database, providers, fetch, nowMs: ms });
    runs.push(asked);
  }
  return runs;
}

test('twenty nodes on three sites of a zone cost what one does', async () => {
  await ensureSite('one', 'DK-DK1');
  await enrol(await newEnrolmentKey({ site: 'one' }), host('first'));
  const alone = (await cron(START_MS, 3)).flat().length;
  for (const site of ['two', 'three']) await ensureSite(site, 'DK-DK1');
  for (const site of ['one', 'two', 'three']) {
    const key = await newEnrolmentKey({ site });
    for (let i = 0; i < 7; i++) {
      const { token } = await enrol(key, host(`${site}-${i}`));
      await send(token, [report()]);
    }
  }
  await database.batch(
    ['grid_fetches', 'grid_rereads'].map((table) => database.prepare(`DELETE FROM ${table}`)),
  );
  expect((await cron(START_MS, 3)).flat()).toHaveLength(alone);
  // Every five minutes, and one day that had just become a week old.
  expect(alone).toBe(36 + 1);
});

test('while the value of this hour is known nobody asks for it again', async () => {
  await ensureSite('one', 'DE');
  const hourAt = (instantMs: number, isEstimated: boolean) => ({
    zone: 'DE',
    carbonIntensity: 300,
    datetime: new Date(instantMs).toISOString(),
    updatedAt: new Date(instantMs).toISOString(),
    isEstimated,
    estimationMethod: isEstimated ? 'TIME_SLICER_AVERAGE' : null,
    emissionFactorType: 'lifecycle',
  });
  let nowMs = START_MS;
  // Each hour is there ten minutes after it has begun.
  const answer: Answer = () => {
    const last = Math.floor((nowMs - 10 * MINUTE_MS) / (60 * MINUTE_MS)) * 60 * MINUTE_MS;
    const history = Array.from({ length: 24 }, (_, i) => hourAt(last - (23 - i) * 60 * MINUTE_MS, i === 23));
    return new Response(JSON.stringify({ zone: 'DE', history, data: history }));
  };
  const provider = electricityMaps('lifecycle', 'k');
  const askedAt: number[] = [];
  for (; nowMs < START_MS + 3 * 60 * MINUTE_MS; nowMs += 5 * MINUTE_MS) {
    const { fetch, asked } = fetchOf(answer);
    await refreshGrid({ db: database, providers: [provider], fetch, nowMs });
    if (asked.length > 0) askedAt.push((nowMs - START_MS) / MINUTE_MS);
  }
  // As an hour begins, and a quarter of an hour later, when it is there.
  expect(askedAt).toEqual([0, 15, 60, 75, 120, 135]);
});

test('neither a report nor an answer asks anybody', async () => {
  await ensureSite('one', 'DK-DK1');
  const { token, nodeId } = await enrol(await newEnrolmentKey({ site: 'one' }), host('asks-nobody'));
  const outbound = vi.spyOn(globalThis, 'fetch');
  await send(token, [report()]);
  expect((await call('GET', `/v1/nodes/${nodeId}/emissions`)).status).toBe(200);
  expect((await call('GET', '/v1/grid/DK-DK1/intensity')).status).toBe(200);
  expect(outbound).not.toHaveBeenCalled();
  outbound.mockRestore();
  expect(await readFetches(database)).toEqual([]);
});

test('a provider is asked no oftener than its values are new', async () => {
  await ensureSite('london', 'GB');
  const answer: Answer = () =>
    new Response(
      JSON.stringify({
        data: [
          { from: '2026-02-28T23:00Z', to: '2026-02-28T23:30Z', intensity: { forecast: 90, actual: 100 } },
        ],
      }),
    );
  const runs = await cron(START_MS, 2, answer, [ukCarbonIntensity]);
  const live = runs.map((asked) => asked.filter(({ pathname }) => pathname.includes('2026-03-01T')).length);
  expect(live.reduce((sum, count) => sum + count, 0)).toBe(8);
});

test('a limit told for one zone holds for every zone of the provider, as long as it says', async () => {
  for (const zone of ['DE', 'FR', 'PL']) await ensureSite(`in-${zone.toLowerCase()}`, zone);
  const limited: Answer = () => new Response('', { status: 429, headers: { 'Retry-After': '3000' } });
  const runs = await cron(START_MS, 1, limited, [electricityMaps('lifecycle', 'k')]);
  expect(runs.map((asked) => asked.length)).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
});

test('a limit holds for all that the same service is asked, whatever of it was told', async () => {
  for (const zone of ['DE', 'FR']) await ensureSite(`in-${zone.toLowerCase()}`, zone);
  const both = [electricityMaps('lifecycle', 'k'), electricityMaps('direct', 'k')];
  const limited: Answer = () => new Response('', { status: 429, headers: { 'Retry-After': '3000' } });
  const asked = async (what: typeof refreshForecasts | typeof refreshGrid, minutes: number) => {
    const answer = fetchOf(limited);
    await what({ db: database, providers: both, fetch: answer.fetch, nowMs: START_MS + minutes * MINUTE_MS });
    return answer.asked.length;
  };
  expect(await asked(refreshForecasts, 0)).toBe(1);
  expect(await asked(refreshGrid, 1)).toBe(0);
  await ensureSite('in-pl', 'PL');
  expect(await asked(refreshForecasts, 5)).toBe(0);
  expect(await asked(refreshGrid, 49)).toBe(0);
  expect(await asked(refreshGrid, 51)).toBe(1);
  expect(await asked(refreshForecasts, 100)).toBe(0);
  expect(await asked(refreshForecasts, 102)).toBe(1);
});

test('a provider that fails is left alone for the rest of the run, and others go on', async () => {
  for (const zone of ['DE', 'FR', 'PL', 'ES', 'DK-DK1']) await ensureSite(`in-${zone.toLowerCase()}`, zone);
  const answer: Answer = (url, headers) =>
    url.hostname === 'api.energidataservice.dk'
      ? denmark(url, headers)
      : new Response('bad gateway', { status: 502 });
  const [first] = await cron(START_MS, 0.05, answer, [electricityMaps('lifecycle', 'k'), energiDataService]);
  const hosts = first!.map(({ hostname }) => hostname);
  // Three zones, each for its past and for its last day.
  expect(hosts.filter((name) => name === 'api.electricitymaps.com').length).toBe(6);
  expect(await readFetches(database)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ provider: 'energi-data-service', consecutiveFailures: 0 }),
    ]),
  );
});

test('however many zones, a run asks for a few and the next goes on', async () => {
  const zones = ['AT', 'BE', 'CH', 'CZ', 'DE', 'ES', 'FI', 'FR', 'HU', 'IE', 'NL', 'PL'];
  for (const zone of zones) await ensureSite(`in-${zone.toLowerCase()}`, zone);
  const answer: Answer = (url) => {
    const zone = url.searchParams.get('zone')!;
    const hour = {
      zone,
      carbonIntensity: 100,
      datetime: '2026-02-28T23:00:00.000Z',
      updatedAt: null,
      emissionFactorType: 'lifecycle',
      isEstimated: false,
      estimationMethod: null,
    };
    const list = url.pathname.endsWith('/history') ? { history: [hour] } : { data: [] };
    return new Response(JSON.stringify({ zone, ...list }));
  };
  const runs = await cron(START_MS, 0.25, answer, [electricityMaps('lifecycle', 'k')]);
  for (const asked of runs) expect(asked.length).toBeLessThanOrEqual(2 * 5 + 1);
  const served = new Set(runs.flat().map((url) => url.searchParams.get('zone')));
  expect([...served].sort()).toEqual(zones);
});
