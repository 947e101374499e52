import { expect, test } from 'vitest';
import { rteEco2mix } from '../../../worker/grid/rte-eco2mix.ts';
import recorded from '../../fixtures/grid-api/rte/eco2mix-national-tr_v1_recorded_2023-09-21_trimmed9.json';
import shape from '../../fixtures/grid-api/rte/eco2mix-national-tr_v21_shape.json?raw';
import { ask, seriesOf } from './recorded.ts';

const reply = (results: readonly unknown[]) => () =>
  new Response(JSON.stringify({ total_count: results.length, results }));

test('a record of the API, as quoted', async () => {
  const afternoon = { gridZone: 'FR', from: '2026-05-14T15:00Z', to: '2026-05-14T16:00Z' };
  const { outcome, asked } = await ask(rteEco2mix, { ...afternoon, answer: () => new Response(shape) });
  expect(seriesOf(outcome)).toEqual([['2026-05-14T15:45:00.000Z', 35, 'measured']]);
  expect(asked).toHaveLength(1);
  expect(asked[0]!.pathname).toBe('/api/explore/v2.1/catalog/datasets/eco2mix-national-tr/records');
  expect(Object.fromEntries(asked[0]!.searchParams)).toEqual({
    select: 'date_heure, taux_co2',
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
  const { outcome } = await ask(rteEco2mix, { ...night, answer: reply(records) });
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

test('the hour that the clocks repeat is two hours', async () => {
  const results = ['2023-10-29T02:30:00+02:00', '2023-10-29T02:30:00+01:00'].map((date_heure, index) => ({
    date_heure,
    taux_co2: 20 + index,
  }));
  const october = { gridZone: 'FR', from: '2023-10-29T00:00Z', to: '2023-10-29T03:00Z' };
  const { outcome } = await ask(rteEco2mix, { ...october, answer: reply(results) });
  expect(seriesOf(outcome).map(([start, grams]) => [start.slice(11, 16), grams])).toEqual([
    ['00:30', 20],
    ['01:30', 21],
  ]);
});

test('quarter hours still to come have no value, and are none', async () => {
  const future = { date_heure: '2023-09-21T01:30:00+00:00', taux_co2: null };
  const { outcome } = await ask(rteEco2mix, { ...night, answer: reply([records[0], future]) });
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
  const { outcome, asked } = await ask(rteEco2mix, {
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
  const { outcome } = await ask(rteEco2mix, { ...night, answer: () => new Response(error, { status: 400 }) });
  expect(outcome).toMatchObject({
    outcome: 'failed',
    reason: expect.stringMatching(/^HTTP 400: .*malformed/),
  });
});
