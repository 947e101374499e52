/** The refresh job over real D1 and recorded replies: what is stored, revised, remembered and left alone. */
import { beforeEach, expect, test } from 'vitest';
import { intensityProviders } from '../../../worker/grid/list.ts';
import { ukCarbonIntensity } from '../../../worker/grid/uk-carbon-intensity.ts';
import { readFetches } from '../../../worker/storage/grid-fetches.ts';
import { refreshGrid } from '../../../worker/use-cases/grid-refresh.ts';
import recorded18 from '../../fixtures/grid-api/uk-carbon-intensity/intensity_pt24h_recorded_2023-03-18T1201Z.json?raw';
import { database } from '../ingest/support.ts';
import { ensureSite } from '../support/enrolment.ts';
import { emptyGrid } from './empty-grid.ts';
import { fetchOf } from './recorded.ts';

const NOW_MS = Date.parse('2023-03-18T12:01:00Z');
const MINUTE = 60_000;

beforeEach(async () => {
  await emptyGrid();
  await ensureSite('london', 'GB');
});

/** `reply` of null: the provider is down. */
function run(reply: string | null, nowMs = NOW_MS, providers = intensityProviders({})) {
  const { fetch, asked } = fetchOf(() =>
    reply === null ? new Response('bad gateway', { status: 502 }) : new Response(reply),
  );
  return refreshGrid({ db: database, providers, fetch, nowMs }).then((results) => ({
    results,
    asked,
  }));
}

async function rows(table: string): Promise<unknown[]> {
  return (await database.prepare(`SELECT * FROM ${table}`).all()).results;
}

const gb = (results: Awaited<ReturnType<typeof run>>['results']) =>
  results.find(({ provider }) => provider === 'uk-carbon-intensity');

test('a recorded day is stored once; the same reply again writes nothing', async () => {
  const first = gb((await run(recorded18)).results)!;
  expect(first).toMatchObject({ provider: 'uk-carbon-intensity', outcome: 'values', revised: 0 });
  expect(first.written).toBeGreaterThan(40);
  const stored = await rows('grid_values');
  const again = gb((await run(recorded18, NOW_MS + 20 * MINUTE)).results)!;
  expect(again).toMatchObject({ outcome: 'values', written: 0, revised: 0 });
  expect(await rows('grid_values')).toEqual(stored);
});

test('a value that changed is replaced, and what it was is kept', async () => {
  await run(recorded18);
  const reply = JSON.parse(recorded18) as { data: { from: string; intensity: { actual: number | null } }[] };
  const revised = reply.data.find(({ intensity }) => intensity.actual !== null)!;
  const before = revised.intensity.actual!;
  revised.intensity.actual = before + 11;
  expect(gb((await run(JSON.stringify(reply), NOW_MS + 20 * MINUTE)).results)).toMatchObject({
    written: 1,
    revised: 1,
  });
  expect(await rows('grid_revisions')).toMatchObject([
    { old_grams_per_kwh: before, new_grams_per_kwh: before + 11, recorded_at_ms: NOW_MS + 20 * MINUTE },
  ]);
});

test('two runs at once end as one, and a missed one changes nothing', async () => {
  await Promise.all([run(recorded18), run(recorded18)]);
  const both = await rows('grid_values');
  expect(await rows('grid_revisions')).toEqual([]);
  await database.prepare('DELETE FROM grid_values').run();
  await run(recorded18, NOW_MS + 45 * MINUTE);
  const late = await rows('grid_values');
  const values = (list: unknown[]) =>
    list.map((row) => (row as { key: number; grams_per_kwh: number }).grams_per_kwh);
  expect(values(late)).toEqual(values(both));
});

test('nobody is asked before it is due, and a provider that is down is asked less and less', async () => {
  await run(recorded18);
  expect((await run(recorded18, NOW_MS + MINUTE)).asked).toEqual([]);
  let nowMs = NOW_MS + 20 * MINUTE;
  const waits: number[] = [];
  for (let failures = 1; failures <= 5; failures++) {
    expect(gb((await run(null, nowMs, [ukCarbonIntensity])).results)).toMatchObject({
      outcome: 'failed',
      written: 0,
    });
    const state = (await readFetches(database)).find(({ provider }) => provider === 'uk-carbon-intensity')!;
    expect(state).toMatchObject({ consecutiveFailures: failures, lastErrorAtMs: nowMs });
    expect(state.lastError).toContain('502');
    waits.push(state.nextDueAtMs - nowMs);
    nowMs = state.nextDueAtMs;
  }
  expect(waits).toEqual([15, 30, 60, 60, 60].map((minutes) => minutes * MINUTE));
  expect(gb((await run(recorded18, nowMs, [ukCarbonIntensity])).results)).toMatchObject({
    outcome: 'values',
  });
  expect(
    (await readFetches(database)).find(({ provider }) => provider === 'uk-carbon-intensity'),
  ).toMatchObject({
    consecutiveFailures: 0,
  });
});

test('a clock that was a year ahead, and is right again, keeps nobody from being asked', async () => {
  await run(recorded18, NOW_MS + 366 * 24 * 60 * MINUTE);
  await run(null, NOW_MS + 366 * 24 * 60 * MINUTE + 20 * MINUTE);
  const { results } = await run(recorded18);
  expect(gb(results)).toMatchObject({ outcome: 'values' });
  const state = (await readFetches(database)).find(({ provider }) => provider === 'uk-carbon-intensity');
  expect(state!.nextDueAtMs).toBeLessThan(NOW_MS + 60 * MINUTE);
});

test('only zones of some site are asked for', async () => {
  const { asked } = await run(recorded18);
  expect(asked.every(({ host }) => host === 'api.carbonintensity.org.uk')).toBe(true);
  await ensureSite('aarhus', 'DK-DK1');
  const { asked: more } = await run(recorded18, NOW_MS + 20 * MINUTE);
  expect(more.map(({ host }) => host)).toContain('api.energidataservice.dk');
});
