/** What providers expect, from recorded replies: hand-checked values, when they were issued, and what is refused. */
import { expect, test } from 'vitest';
import { electricityMaps } from '../../../worker/grid/electricity-maps.ts';
import { energiDataService } from '../../../worker/grid/energi-data-service.ts';
import type { IntensityProvider } from '../../../worker/grid/provider.ts';
import { ukCarbonIntensity } from '../../../worker/grid/uk-carbon-intensity.ts';
import { ukRegional } from '../../../worker/grid/uk-regional.ts';
import { wattTime } from '../../../worker/grid/watttime.ts';
import electricityMapsForecast from '../../fixtures/grid-api/electricity-maps/v4_carbon-intensity_forecast_DK-DK2.json';
import prognosis from '../../fixtures/grid-api/energi-data-service/CO2EmisProg_shape.json';
import regional from '../../fixtures/grid-api/uk-carbon-intensity/docs_regional_ranged_postcode.json';
import fw48h from '../../fixtures/grid-api/uk-carbon-intensity/intensity_fw48h_recorded_2023-03-17T1201Z.csv?raw';
import wattTimeForecast from '../../fixtures/grid-api/watttime/forecast_docs-shape.json';
import { type AskOptions, ask, seriesOf } from './recorded.ts';

function askForecast(provider: IntensityProvider, options: AskOptions) {
  return ask({ ...provider, fetchSeries: provider.fetchForecast! }, options);
}

const json = (body: unknown) => () => new Response(JSON.stringify(body));

/** The recorded rows in the shape of the service. */
const ukReply = {
  data: fw48h
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      const [from, forecast] = line.split(',') as [string, string];
      const to = `${new Date(Date.parse(from) + 1_800_000).toISOString().slice(0, 16)}Z`;
      return { from, to, intensity: { forecast: Number(forecast), actual: null, index: 'moderate' } };
    }),
};
const fromNoon = { from: '2023-03-17T12:00Z', to: '2023-03-21T12:00Z', now: '2023-03-17T12:01Z' };

test('Great Britain: 48 hours of half-hours from the one under way', async () => {
  const { outcome, asked } = await askForecast(ukCarbonIntensity, {
    ...fromNoon,
    gridZone: 'GB',
    answer: json(ukReply),
  });
  expect(asked.map(({ pathname }) => pathname)).toEqual(['/intensity/2023-03-17T12:00Z/fw48h']);
  const series = seriesOf(outcome);
  expect(series).toHaveLength(96);
  expect(series[0]).toEqual(['2023-03-17T12:00:00.000Z', 174, 'forecast']);
  expect(series.at(-1)).toEqual(['2023-03-19T11:30:00.000Z', 190, 'forecast']);
});

test('Great Britain: what has been measured already is no forecast', async () => {
  const [first, ...rest] = ukReply.data;
  const reply = { data: [{ ...first!, intensity: { forecast: 174, actual: 183 } }, ...rest] };
  const { outcome } = await askForecast(ukCarbonIntensity, {
    ...fromNoon,
    gridZone: 'GB',
    answer: json(reply),
  });
  expect(seriesOf(outcome)[0]).toEqual(['2023-03-17T12:30:00.000Z', 173, 'forecast']);
});

test('a region of Great Britain: its own forecast, and the lifecycle of the mix that is expected', async () => {
  const { regionid, data } = regional.data[0]!;
  const options = {
    gridZone: 'GB-NORTH-WEST-ENGLAND',
    from: '2018-01-20T12:00Z',
    to: '2018-01-24T12:00Z',
    now: '2018-01-20T12:01Z',
    answer: json({ data: { regionid, data } }),
  };
  const direct = await askForecast(ukRegional('direct'), options);
  expect(direct.asked.map(({ pathname }) => pathname)).toEqual([
    '/regional/intensity/2018-01-20T12:00Z/fw48h/regionid/3',
  ]);
  expect(seriesOf(direct.outcome)).toEqual([['2018-01-20T12:00:00.000Z', 266, 'forecast']]);
  const lifecycle = await askForecast(ukRegional('lifecycle'), options);
  expect(seriesOf(lifecycle.outcome)).toMatchObject([
    ['2018-01-20T12:00:00.000Z', expect.any(Number), 'forecast'],
  ]);
});

test('Denmark: the prognosis in five-minute steps, and nothing that is called otherwise', async () => {
  const options = { gridZone: 'DK-DK1', from: '2026-01-20T16:30Z', to: '2026-01-24T16:30Z' };
  const { outcome, asked } = await askForecast(energiDataService, { ...options, answer: json(prognosis) });
  expect(asked[0]!.pathname).toBe('/dataset/CO2EmisProg');
  expect(seriesOf(outcome)).toEqual([
    ['2026-01-20T16:30:00.000Z', 161, 'forecast'],
    ['2026-01-20T16:35:00.000Z', 163, 'forecast'],
  ]);
  const measured = { ...prognosis, dataset: 'CO2Emis' };
  const other = await askForecast(energiDataService, { ...options, answer: json(measured) });
  expect(other.outcome).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('CO2EmisProg') });
});

test('Electricity Maps: lifecycle alone, with the time of issue; another zone is refused', async () => {
  const provider = electricityMaps('lifecycle', 'a token');
  const options = { from: '2026-08-22T17:30Z', to: '2026-08-26T17:30Z', now: '2026-08-22T17:34Z' };
  const { outcome, asked } = await askForecast(provider, {
    ...options,
    gridZone: 'DK-DK2',
    answer: json(electricityMapsForecast),
  });
  expect(asked[0]!.search).toContain('disableCallerLookup=true');
  const series = seriesOf(outcome);
  expect(series).toHaveLength(electricityMapsForecast.forecast.length);
  expect(series[0]).toEqual(['2026-08-22T17:00:00.000Z', 77, 'forecast']);
  expect(outcome).toMatchObject({
    values: expect.arrayContaining([
      expect.objectContaining({ issuedAtMs: Date.parse('2026-08-22T17:34:24.392Z') }),
    ]),
  });
  const other = await askForecast(provider, {
    ...options,
    gridZone: 'DE',
    answer: json(electricityMapsForecast),
  });
  expect(other.outcome).toMatchObject({ outcome: 'failed', reason: 'asked for DE, the reply is of DK-DK2' });
  expect(electricityMaps('direct', 'a token').fetchForecast).toBeUndefined();
});

test('WattTime: pounds per megawatt-hour, when it was generated, and never another region', async () => {
  const provider = wattTime({ user: 'u', password: 'p' });
  const answerWith = (body: unknown) => (url: URL) =>
    new Response(url.pathname === '/login' ? '{"token":"a token"}' : JSON.stringify(body));
  const options = { gridZone: 'US-CAL-CISO', from: '2022-07-15T00:00Z', to: '2022-07-19T00:00Z' };
  const { outcome, asked } = await askForecast(provider, {
    ...options,
    answer: answerWith(wattTimeForecast),
  });
  expect(asked[1]!.pathname).toBe('/v3/forecast');
  expect(seriesOf(outcome)).toEqual([
    ['2022-07-15T00:00:00.000Z', 870 * 0.45359237, 'forecast'],
    ['2022-07-15T00:05:00.000Z', 870 * 0.45359237, 'forecast'],
  ]);
  expect(outcome).toMatchObject({ values: [{ issuedAtMs: Date.parse('2022-07-15T00:00Z') }, {}] });
  const other = { ...wattTimeForecast, meta: { ...wattTimeForecast.meta, region: 'PJM_CHICAGO' } };
  const refused = await askForecast(provider, { ...options, answer: answerWith(other) });
  expect(refused.outcome).toMatchObject({
    outcome: 'failed',
    reason: expect.stringContaining('PJM_CHICAGO'),
  });
});
