import { expect, test } from 'vitest';
import { rteEco2mix } from '../../../worker/grid/rte-eco2mix.ts';
import recorded from '../../fixtures/grid-api/rte/eco2mix-national-tr_v1_recorded_2023-09-21_trimmed9.json';
import shape from '../../fixtures/grid-api/rte/eco2mix-national-tr_v21_shape.json?raw';
import { ask, seriesOf } from './recorded.ts';

const direct = rteEco2mix('direct');
const lifecycle = rteEco2mix('lifecycle');
const reply = (results: readonly unknown[]) => () =>
  new Response(JSON.stringify({ total_count: results.length, results }));

test('a record of the API, as quoted', async () => {
  const afternoon = { gridZone: 'FR', from: '2026-05-14T15:00Z', to: '2026-05-14T16:00Z' };
  const { outcome, asked } = await ask(direct, { ...afternoon, answer: () => new Response(shape) });
  expect(seriesOf(outcome)).toEqual([['2026-05-14T15:45:00.000Z', 35, 'measured']]);
  expect(asked).toHaveLength(1);
  expect(asked[0]!.pathname).toBe('/api/explore/v2.1/catalog/datasets/eco2mix-national-tr/records');
  expect(Object.fromEntries(asked[0]!.searchParams)).toEqual({
    select:
      'date_heure, taux_co2, bioenergies, charbon, eolien, fioul, gaz, hydraulique_fil_eau_eclusee, hydraulique_lacs, nucleaire, solaire',
    where:
      "date_heure >= '2026-05-14T15:00:00Z' and date_heure < '2026-05-14T16:00:00Z' and taux_co2 is not null",
    order_by: 'date_heure',
    timezone: 'UTC',
    limit: '100',
    offset: '0',
  });
});

// The recording is of the API before, whose records had their fields one level down.
const records = recorded.records.map(({ fields: { date_heure, taux_co2 } }) => ({ date_heure, taux_co2 }));
const night = { gridZone: 'FR', from: '2023-09-21T00:00Z', to: '2023-09-22T00:00Z' };

test('local times are read with their offset, and what nobody asked for is left out', async () => {
  const { outcome } = await ask(direct, { ...night, answer: reply(records) });
  expect(seriesOf(outcome).map(([start, grams]) => [start.slice(5, 16), grams])).toEqual([
    ['09-21T00:00', 12],
    ['09-21T00:15', 12],
    ['09-21T00:30', 13],
    ['09-21T00:45', 13],
    ['09-21T01:00', 13],
    ['09-21T01:15', 12],
    ['09-21T23:30', 12],
    ['09-21T23:45', 12],
  ]);
});

const mixes = recorded.records.map(({ fields }) => fields);

test('lifecycle from the mix of the recording, by hand: what pumps take and give back is left out', async () => {
  const { outcome } = await ask(lifecycle, { ...night, answer: reply(mixes) });
  const series = seriesOf(outcome);
  // 677 x 230 + 7 x 820 + 9554 x 11 + 114 x 650 + 436 x 490 + (1075 + 2372) x 24 + 35070 x 12 = 1057852; over 49305
  expect(series[0]).toEqual(['2023-09-21T00:00:00.000Z', 21.46, 'measured']);
  expect(series.map(([start]) => start.slice(5, 16))).toEqual([
    '09-21T00:00',
    '09-21T00:15',
    '09-21T00:30',
    '09-21T00:45',
    '09-21T01:00',
    '09-21T01:15',
    '09-21T23:30',
    '09-21T23:45',
  ]);
  expect(outcome).toMatchObject({ refused: [] });
  expect(lifecycle).toMatchObject({ basis: 'lifecycle', scope: 'production' });
});

test.each(['nucleaire', 'hydraulique_lacs', 'solaire'])('a record without %s is no mix', async (fuel) => {
  for (const without of [{ [fuel]: null }, { [fuel]: undefined }, { [fuel]: '35070' }]) {
    const [first, ...rest] = mixes;
    const { outcome } = await ask(lifecycle, {
      ...night,
      answer: reply([{ ...first, ...without }, ...rest]),
    });
    expect(seriesOf(outcome)).toHaveLength(7);
    expect(outcome).toMatchObject({ refused: ['a record without date_heure and the amount of every fuel'] });
  }
});

test('the hour that the clocks repeat is two hours', async () => {
  const results = ['2023-10-29T02:30:00+02:00', '2023-10-29T02:30:00+01:00'].map((date_heure, index) => ({
    date_heure,
    taux_co2: 20 + index,
  }));
  const october = { gridZone: 'FR', from: '2023-10-29T00:00Z', to: '2023-10-29T03:00Z' };
  const { outcome } = await ask(direct, { ...october, answer: reply(results) });
  expect(seriesOf(outcome).map(([start, grams]) => [start.slice(11, 16), grams])).toEqual([
    ['00:30', 20],
    ['01:30', 21],
  ]);
});

test('quarter hours still to come have no value, and are none', async () => {
  const future = { date_heure: '2023-09-21T01:30:00+00:00', taux_co2: null };
  const { outcome } = await ask(direct, { ...night, answer: reply([records[0], future]) });
  expect(seriesOf(outcome)).toHaveLength(1);
  expect(outcome).toMatchObject({ refused: [] });
});

test('more than a page is read page by page, up to the last that is full', async () => {
  const startMs = Date.parse('2023-09-19T00:00Z');
  const all = Array.from({ length: 230 }, (_, index) => ({
    date_heure: new Date(startMs + index * 900_000).toISOString(),
    taux_co2: 10 + (index % 7),
  }));
  const threeDays = { gridZone: 'FR', from: '2023-09-19T00:00Z', to: '2023-09-22T00:00Z' };
  const { outcome, asked } = await ask(direct, {
    ...threeDays,
    answer: (url) => {
      const offset = Number(url.searchParams.get('offset'));
      return reply(all.slice(offset, offset + 100))();
    },
  });
  expect(seriesOf(outcome)).toHaveLength(230);
  expect(asked.map(({ searchParams }) => searchParams.get('offset'))).toEqual(['0', '100', '200']);
});

test('an error of the service is named', async () => {
  const error = '{"error_code":"ODSQLError","message":"ODSQL query is malformed"}';
  const { outcome } = await ask(direct, { ...night, answer: () => new Response(error, { status: 400 }) });
  expect(outcome).toMatchObject({
    outcome: 'failed',
    reason: expect.stringMatching(/^HTTP 400: .*malformed/),
  });
});
