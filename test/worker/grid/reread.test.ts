/** Days of intensity read again at an age, over real D1: what a provider revised in its past is found and recorded. */
import { beforeEach, expect, test } from 'vitest';
import { electricityMaps } from '../../../worker/grid/electricity-maps.ts';
import { energiDataService } from '../../../worker/grid/energi-data-service.ts';
import type { IntensityProvider } from '../../../worker/grid/provider.ts';
import { rteEco2mix } from '../../../worker/grid/rte-eco2mix.ts';
import { readFetches } from '../../../worker/storage/grid-fetches.ts';
import { advanceRereads, readRereads } from '../../../worker/storage/grid-rereads.ts';
import { refreshGrid } from '../../../worker/use-cases/grid-refresh.ts';
import { rereadGrid } from '../../../worker/use-cases/grid-reread.ts';
import { database } from '../ingest/support.ts';
import { ensureSite } from '../support/enrolment.ts';
import { emptyGrid } from './empty-grid.ts';
import { type Answer, fetchOf } from './recorded.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.parse('2026-03-01T12:00:00Z');
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

beforeEach(emptyGrid);

/** CO2Emis of the range asked for, an hourly value standing in its first five minutes; `grams` by its instant. */
const denmark =
  (grams: (ms: number) => number): Answer =>
  (url) => {
    const [start, end] = ['start', 'end'].map((name) => Date.parse(`${url.searchParams.get(name)}Z`));
    const records = [];
    for (let ms = Math.ceil(start! / 3_600_000) * 3_600_000; ms < end!; ms += 3_600_000) {
      const Minutes5UTC = new Date(ms).toISOString().slice(0, 19);
      records.push({ Minutes5UTC, PriceArea: 'DK1', CO2Emission: grams(ms) });
    }
    return new Response(JSON.stringify({ dataset: 'CO2Emis', records }));
  };

function at(nowMs: number, answer: Answer, providers: IntensityProvider[] = [energiDataService]) {
  const { fetch, asked } = fetchOf(answer);
  const dependencies = { db: database, providers, fetch, nowMs };
  return {
    asked,
    refresh: () => refreshGrid(dependencies),
    reread: () => rereadGrid(dependencies),
    /** Every run that is due, as cron would have them. */
    rereadAll: async () => {
      const results = [];
      for (let run = 0; run < 50; run++) {
        const result = await rereadGrid(dependencies);
        if (result.length === 0) return results;
        results.push(...result);
      }
      throw new Error('never done');
    },
  };
}

const revisions = async () =>
  (
    await database
      .prepare(
        'SELECT old_grams_per_kwh AS old, new_grams_per_kwh AS new, recorded_at_ms AS at FROM grid_revisions',
      )
      .all<{ old: number; new: number; at: number }>()
  ).results;
const flat = denmark(() => 100);

async function started(): Promise<void> {
  await ensureSite('aarhus', 'DK-DK1');
  const first = at(START_MS, flat);
  await first.refresh();
  await first.rereadAll();
}

test('a value revised a week later is found, replaced and recorded; the same again writes nothing', async () => {
  await started();
  const revisedMs = Date.parse('2026-02-28T03:00:00Z');
  const later = at(
    START_MS + 7 * DAY_MS,
    denmark((ms) => (ms === revisedMs ? 140 : 100)),
  );
  const results = await later.rereadAll();
  expect(results.every(({ ageDays, outcome }) => ageDays === 7 && outcome === 'values')).toBe(true);
  expect(await revisions()).toEqual([{ old: 100, new: 140, at: START_MS + 7 * DAY_MS }]);
  expect(results.reduce((sum, { revised }) => sum + revised, 0)).toBe(1);
});

test('each day is read again once at seven, thirty and ninety-one days', async () => {
  await started();
  const wanted = '2026-03-02';
  const reads: string[] = [];
  for (const day of [7, 8, 9, 30, 31, 32, 91, 92, 93]) {
    const { rereadAll, asked } = at(START_MS + day * DAY_MS, flat);
    await rereadAll();
    for (const { searchParams } of asked) {
      if (searchParams.get('start')!.slice(0, 10) <= wanted && wanted < searchParams.get('end')!.slice(0, 10))
        reads.push(dayOf(START_MS + day * DAY_MS));
    }
  }
  const readsOf = [7, 30, 91].map((age) => dayOf(Date.parse(`${wanted}T00:00Z`) + age * DAY_MS));
  expect(reads).toEqual(readsOf);
});

test('a week without cron is caught up in runs of a few days, none of them lost', async () => {
  await started();
  const late = at(START_MS + 14 * DAY_MS, flat);
  await late.rereadAll();
  const spans = late.asked.map(({ searchParams }) => [
    searchParams.get('start')!.slice(0, 10),
    searchParams.get('end')!.slice(0, 10),
  ]);
  expect(spans).toEqual([
    ['2026-02-23', '2026-02-26'],
    ['2026-02-26', '2026-03-01'],
    ['2026-03-01', '2026-03-04'],
    ['2026-03-04', '2026-03-07'],
    ['2026-03-07', '2026-03-09'],
  ]);
});

test('two runs at once end as one', async () => {
  await started();
  const changed = denmark((ms) => (ms === Date.parse('2026-02-28T03:00:00Z') ? 140 : 100));
  const { reread, rereadAll } = at(START_MS + 7 * DAY_MS, changed);
  await Promise.all([reread(), reread()]);
  await rereadAll();
  expect(await revisions()).toHaveLength(1);
  const [week] = (await readRereads(database)).filter(({ ageDays }) => ageDays === 7);
  expect(week).toMatchObject({ nextDay: Math.floor(START_MS / DAY_MS) + 1 });
});

test('a failure waits a day, loses no day, and does not disturb the latest values', async () => {
  await started();
  const down = at(START_MS + 7 * DAY_MS, () => new Response('', { status: 500 }));
  expect(await down.reread()).toMatchObject([{ outcome: 'failed', ageDays: 7 }]);
  expect(await down.reread()).toEqual([]);
  expect((await readFetches(database))[0]).toMatchObject({ consecutiveFailures: 0 });
  const next = at(START_MS + 8 * DAY_MS, flat);
  await next.reread();
  expect(next.asked[0]!.searchParams.get('start')).toBe('2026-02-23T00:00');
});

test('a limit holds for everything that the provider is asked', async () => {
  await started();
  const nowMs = START_MS + 7 * DAY_MS;
  const limited = () => new Response('', { status: 429, headers: { 'Retry-After': '7200' } });
  expect(await at(nowMs, limited).reread()).toMatchObject([{ outcome: 'rateLimited' }]);
  const before = at(nowMs + 7_000_000, flat);
  expect(await before.reread()).toEqual([]);
  expect(await before.refresh()).toEqual([]);
  // Of a zone that nobody has asked for yet nothing is known, and it is the same service.
  await ensureSite('copenhagen', 'DK-DK2');
  expect([await before.refresh(), await before.reread(), before.asked]).toEqual([[], [], []]);
  const after = at(nowMs + 7_200_000, flat);
  expect(await after.reread()).toMatchObject([{ outcome: 'values' }]);
});

test('nobody is asked who does not answer now, or who never has', async () => {
  await ensureSite('aarhus', 'DK-DK1');
  expect(await at(START_MS, flat).reread()).toEqual([]);
  await at(START_MS, () => new Response('', { status: 500 })).refresh();
  expect(await at(START_MS, flat).reread()).toEqual([]);
});

test('while the latest values fail, old days wait', async () => {
  await started();
  const nowMs = START_MS + 7 * DAY_MS;
  await at(nowMs, () => new Response('', { status: 500 })).refresh();
  expect(await at(nowMs, flat).reread()).toEqual([]);
  await at(nowMs + 20 * 60_000, flat).refresh();
  expect(await at(nowMs + 20 * 60_000, flat).reread()).toMatchObject([{ outcome: 'values' }]);
});

test('a run that ends late takes back nothing that another has done since', async () => {
  await started();
  const row = (await readRereads(database)).find(({ ageDays }) => ageDays === 7)!;
  await advanceRereads(database, [row], row.nextDay + 6);
  await advanceRereads(database, [row], row.nextDay + 3);
  expect((await readRereads(database)).find(({ ageDays }) => ageDays === 7)).toMatchObject({
    nextDay: row.nextDay + 6,
  });
});

test('an age beyond the past of a provider is none of its own', async () => {
  await ensureSite('paris', 'FR');
  await ensureSite('aarhus', 'DK-DK1');
  await at(START_MS, flat, [rteEco2mix('direct'), energiDataService]).reread();
  const ages = (await readRereads(database)).map(({ provider, ageDays }) => `${provider} ${ageDays}`);
  expect(ages.sort()).toEqual([
    'energi-data-service 30',
    'energi-data-service 7',
    'energi-data-service 91',
    'rte-eco2mix 7',
  ]);
});

test('a zone that was left is still read again, for what was charged by it', async () => {
  await ensureSite('aarhus', 'DK-DK1');
  await at(START_MS, flat).refresh();
  await at(START_MS, flat).rereadAll();
  await database
    .prepare(
      `INSERT INTO settings (subject, key, value, effective_from_ms, recorded_at_ms, recorded_by)
       VALUES ('site:aarhus', 'gridZone', 'DE', ?1, ?1, 'admin')`,
    )
    .bind(START_MS + DAY_MS)
    .run();
  const month = at(START_MS + 30 * DAY_MS, flat);
  expect((await month.rereadAll()).map(({ ageDays }) => ageDays)).toContain(30);
});

test('a key that has no past is told so once a day and zone', async () => {
  await ensureSite('copenhagen', 'DK-DK2');
  const providers = [electricityMaps('lifecycle', 'free')];
  const history =
    (nowMs: number): Answer =>
    (url) =>
      url.pathname.endsWith('/history')
        ? new Response(
            JSON.stringify({
              zone: 'DK-DK2',
              history: Array.from({ length: 24 }, (_, i) => ({
                zone: 'DK-DK2',
                carbonIntensity: 80,
                datetime: new Date(Math.floor(nowMs / 3_600_000) * 3_600_000 - i * 3_600_000).toISOString(),
                updatedAt: null,
                emissionFactorType: 'lifecycle',
                isEstimated: false,
                estimationMethod: null,
              })),
            }),
          )
        : new Response('{"error":"Request unauthorized"}', { status: 401 });
  const first = at(START_MS, history(START_MS), providers);
  await first.refresh();
  expect((await readFetches(database))[0]).toMatchObject({
    consecutiveFailures: 0,
    lastError: expect.stringMatching(/^1 left out: what lies before the last day: HTTP 401/),
  });
  const refusals = await first.rereadAll();
  expect(refusals.map(({ outcome }) => outcome)).toEqual(['failed']);
  expect(await at(START_MS + DAY_MS, history(START_MS + DAY_MS), providers).rereadAll()).toHaveLength(1);
});
