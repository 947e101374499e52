import { describe, expect, test } from 'vitest';
import type { ProviderKeys } from '../../../shared/grid/provider-keys.ts';
import { electricityMaps } from '../../../worker/grid/electricity-maps.ts';
import { energiDataService } from '../../../worker/grid/energi-data-service.ts';
import { everyProvider, intensityProviders } from '../../../worker/grid/list.ts';
import { ukCarbonIntensity } from '../../../worker/grid/uk-carbon-intensity.ts';
import oldHost404 from '../../fixtures/grid-api/electricity-maps/oldhost_error_404.json?raw';
import noRecentData from '../../fixtures/grid-api/electricity-maps/v3_error_no-recent-data.json?raw';
import dk2History from '../../fixtures/grid-api/electricity-maps/v4_carbon-intensity_history_DK-DK2.json?raw';
import dk2Latest from '../../fixtures/grid-api/electricity-maps/v4_carbon-intensity_latest_DK-DK2.json';
import emRefusal from '../../fixtures/grid-api/electricity-maps/v4_error_401_past.json?raw';
import dk1Single from '../../fixtures/grid-api/energi-data-service/CO2Emis_recorded_2026-01-20.json?raw';
import eds429 from '../../fixtures/grid-api/energi-data-service/error_429.txt?raw';
import uk400 from '../../fixtures/grid-api/uk-carbon-intensity/docs_error_400.json?raw';
import ukMarch18 from '../../fixtures/grid-api/uk-carbon-intensity/intensity_pt24h_recorded_2023-03-18T1201Z.json?raw';
import ukMarch19 from '../../fixtures/grid-api/uk-carbon-intensity/intensity_pt24h_recorded_2023-03-19T1201Z.json?raw';
import ukEmptyData from '../../fixtures/grid-api/uk-carbon-intensity/issue_empty_data.json?raw';
import ukEmptyObject from '../../fixtures/grid-api/uk-carbon-intensity/issue_empty_object_http200.json?raw';
import uk500 from '../../fixtures/grid-api/uk-carbon-intensity/issue_error_500.json?raw';
import { ask, seriesOf } from './recorded.ts';

const body = (text: string, init?: ResponseInit) => () => new Response(text, init);

describe('UK Carbon Intensity', () => {
  const march18 = { gridZone: 'GB', from: '2023-03-17T12:00Z', to: '2023-03-18T12:05Z' };

  test('gives its half-hours: what is measured as measured, what is not yet as the forecast', async () => {
    const { outcome, asked } = await ask(ukCarbonIntensity, { ...march18, answer: body(ukMarch18) });
    const series = seriesOf(outcome);
    expect(series).toHaveLength(48);
    expect(series[0]).toEqual(['2023-03-17T12:00:00.000Z', 183, 'measured']);
    expect(series.at(-2)).toEqual(['2023-03-18T11:00:00.000Z', 162, 'measured']);
    // Its `actual` was still null a minute after its end.
    expect(series.at(-1)).toEqual(['2023-03-18T11:30:00.000Z', 168, 'forecast']);
    // Added up by hand from the recording: 8534 of 47 actuals.
    expect(series.slice(0, 47).reduce((sum, [, grams]) => sum + grams, 0)).toBe(8534);
    expect(asked.map(String)).toEqual([
      'https://api.carbonintensity.org.uk/intensity/2023-03-17T12:00Z/2023-03-18T12:05Z',
    ]);
  });

  test('leaves out the intervals that nobody asked for', async () => {
    const range = { gridZone: 'GB', from: '2023-03-18T12:00Z', to: '2023-03-18T13:00Z' };
    const { outcome } = await ask(ukCarbonIntensity, { ...range, answer: body(ukMarch19) });
    expect(seriesOf(outcome)).toEqual([
      ['2023-03-18T12:00:00.000Z', 152, 'measured'],
      ['2023-03-18T12:30:00.000Z', 146, 'measured'],
    ]);
  });

  test('is asked year by year, since it answers a range only up to the end of the year', async () => {
    const range = { gridZone: 'GB', from: '2025-12-31T12:00Z', to: '2026-01-01T12:00Z' };
    const { asked } = await ask(ukCarbonIntensity, { ...range, answer: body(ukEmptyData) });
    expect(asked.map((url) => url.pathname)).toEqual([
      '/intensity/2025-12-31T12:00Z/2026-01-01T00:00Z',
      '/intensity/2026-01-01T00:00Z/2026-01-01T12:00Z',
    ]);
  });

  test.each([
    ['an empty list', body(ukEmptyData), 'noData', /no values/],
    ['an empty object with 200', body(ukEmptyObject), 'failed', /no list "data"/],
    ['a 500', body(uk500, { status: 500 }), 'failed', /^HTTP 500: .*Requested resource not found/],
    ['a 400', body(uk400, { status: 400 }), 'failed', /^HTTP 400: .*Bad Request/],
    ['an error with 200', body(uk500), 'failed', /no list "data"/],
  ])('names %s', async (_, answer, expected, reason) => {
    const { outcome } = await ask(ukCarbonIntensity, { ...march18, answer });
    expect(outcome).toMatchObject({ outcome: expected, reason: expect.stringMatching(reason) });
  });

  const row = (from: string, to: string, actual: number | null, forecast: number | null = null) => ({
    from,
    to,
    intensity: { forecast, actual, index: 'low' },
  });
  const rows = (...data: unknown[]) => body(JSON.stringify({ data }));

  test('a slot given twice is one value if the two agree, and none if they differ', async () => {
    const first = row('2023-03-17T19:00Z', '2023-03-17T19:30Z', 200);
    const second = row('2023-03-17T19:30Z', '2023-03-17T20:00Z', 210);
    const { outcome } = await ask(ukCarbonIntensity, { ...march18, answer: rows(first, first, second) });
    expect(seriesOf(outcome)).toHaveLength(2);
    const other = row('2023-03-17T19:00Z', '2023-03-17T19:30Z', 230);
    const conflict = await ask(ukCarbonIntensity, { ...march18, answer: rows(first, other, second) });
    expect(seriesOf(conflict.outcome)).toEqual([['2023-03-17T19:30:00.000Z', 210, 'measured']]);
    expect(conflict.outcome).toMatchObject({
      refused: ['two different values for 2023-03-17T19:00:00.000Z'],
    });
  });

  test('a zero among others is a value, nothing but zeros is an outage', async () => {
    const zero = row('2023-03-17T19:00Z', '2023-03-17T19:30Z', 0);
    const other = row('2023-03-17T19:30Z', '2023-03-17T20:00Z', 31);
    const { outcome } = await ask(ukCarbonIntensity, { ...march18, answer: rows(zero, other) });
    expect(seriesOf(outcome)[0]).toEqual(['2023-03-17T19:00:00.000Z', 0, 'measured']);
    const next = row('2023-03-17T19:30Z', '2023-03-17T20:00Z', 0);
    const flat = await ask(ukCarbonIntensity, { ...march18, answer: rows(zero, next) });
    expect(flat.outcome).toMatchObject({
      outcome: 'failed',
      reason: expect.stringMatching(/exactly zero/),
    });
  });
});

describe('Energi Data Service', () => {
  const january = { gridZone: 'DK-DK1', from: '2026-01-20T16:00Z', to: '2026-01-20T17:00Z' };

  test('gives its five minutes, reading time without a suffix as UTC', async () => {
    const { outcome, asked } = await ask(energiDataService, { ...january, answer: body(dk1Single) });
    expect(seriesOf(outcome)).toEqual([['2026-01-20T16:30:00.000Z', 160, 'measured']]);
    expect(Object.fromEntries(asked[0]!.searchParams)).toEqual({
      start: '2026-01-20T16:00',
      end: '2026-01-20T17:00',
      timezone: 'UTC',
      filter: '{"PriceArea":["DK1"]}',
      sort: 'Minutes5UTC asc',
      limit: '0',
    });
  });

  test('never takes the values of the other price area', async () => {
    const { outcome } = await ask(energiDataService, {
      ...january,
      gridZone: 'DK-DK2',
      answer: body(dk1Single),
    });
    expect(outcome).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(/area DK1/) });
  });

  test('a refusal for asking too often is a limit, with the time to wait where it is told', async () => {
    const refused = (headers: HeadersInit) => body(eds429, { status: 429, headers });
    const plain = await ask(energiDataService, { ...january, answer: refused({}) });
    expect(plain.outcome).toMatchObject({ outcome: 'rateLimited', retryAfterMs: null });
    const seconds = await ask(energiDataService, { ...january, answer: refused({ 'Retry-After': '300' }) });
    expect(seconds.outcome).toMatchObject({ outcome: 'rateLimited', retryAfterMs: 300_000 });
    const date = { 'Retry-After': 'Tue, 20 Jan 2026 17:02:00 GMT' };
    const dated = await ask(energiDataService, { ...january, answer: refused(date) });
    expect(dated.outcome).toMatchObject({ outcome: 'rateLimited', retryAfterMs: 120_000 });
  });
});

describe('Electricity Maps', () => {
  const august = { gridZone: 'DK-DK2', from: '2026-08-21T17:35Z', to: '2026-08-22T17:40Z' };
  const lifecycle = electricityMaps('lifecycle', 'a-key');

  test('gives a day of hours: what it estimates as estimated, with the method it names', async () => {
    let sentKey: string | null = null;
    const { outcome, asked } = await ask(lifecycle, {
      ...august,
      answer: (_, headers) => {
        sentKey = headers.get('auth-token');
        return new Response(dk2History);
      },
    });
    const series = seriesOf(outcome);
    expect(series).toHaveLength(24);
    expect(series[0]).toEqual(['2026-08-21T18:00:00.000Z', 246, 'measured']);
    expect(series.at(-3)).toEqual(['2026-08-22T15:00:00.000Z', 72, 'measured']);
    expect(series.slice(-2).map(([, , kind]) => kind)).toEqual(['estimated', 'estimated']);
    // Added up by hand from the recording.
    expect(series.reduce((sum, [, grams]) => sum + grams, 0)).toBe(2943);
    expect(outcome.outcome === 'values' && outcome.values.at(-1)).toMatchObject({
      gramsPerKwh: 75,
      method: 'FORECASTS_HIERARCHY',
      issuedAtMs: Date.parse('2026-08-22T17:24:08.708Z'),
    });
    expect(sentKey).toBe('a-key');
    expect(asked.map(String)).toEqual([
      'https://api.electricitymaps.com/v4/carbon-intensity/history?zone=DK-DK2&emissionFactorType=lifecycle&disableCallerLookup=true',
    ]);
  });

  test('its last hour is what `latest` says at the same time, so one request does for both', async () => {
    const { outcome } = await ask(lifecycle, { ...august, answer: body(dk2History) });
    expect(outcome.outcome === 'values' && outcome.values.at(-1)).toMatchObject({
      startMs: Date.parse(dk2Latest.datetime),
      gramsPerKwh: dk2Latest.carbonIntensity,
      kind: dk2Latest.isEstimated ? 'estimated' : 'measured',
      method: dk2Latest.estimationMethod,
      issuedAtMs: Date.parse(dk2Latest.updatedAt),
    });
  });

  describe('after a gap', () => {
    const since = { ...august, from: '2026-08-19T17:35Z' };
    const earlier = JSON.stringify({
      zone: 'DK-DK2',
      data: (JSON.parse(dk2History) as { history: { datetime: string }[] }).history.map((hour) => ({
        ...hour,
        datetime: hour.datetime.replace('08-21', '08-19').replace('08-22', '08-20'),
        isEstimated: false,
        estimationMethod: null,
      })),
    });
    const answerWith = (past: Response) => (url: URL) =>
      url.pathname.endsWith('/past-range') ? past : new Response(dk2History);

    test('what lies before the last day comes from past-range', async () => {
      const { outcome, asked } = await ask(lifecycle, {
        ...since,
        answer: answerWith(new Response(earlier)),
      });
      expect(seriesOf(outcome)).toHaveLength(48);
      expect(seriesOf(outcome)[0]).toEqual(['2026-08-19T18:00:00.000Z', 246, 'measured']);
      expect(asked.map(({ pathname }) => pathname)).toEqual([
        '/v4/carbon-intensity/past-range',
        '/v4/carbon-intensity/history',
      ]);
      expect(Object.fromEntries(asked[0]!.searchParams)).toEqual({
        zone: 'DK-DK2',
        start: '2026-08-19T17:00:00.000Z',
        end: '2026-08-21T18:00:00.000Z',
        emissionFactorType: 'lifecycle',
        disableCallerLookup: 'true',
      });
    });

    test('a key without access to the past still has the last day, and the gap is told', async () => {
      const { outcome } = await ask(lifecycle, {
        ...since,
        answer: answerWith(new Response(emRefusal, { status: 401 })),
      });
      expect(seriesOf(outcome)).toHaveLength(24);
      expect(outcome).toMatchObject({
        refused: [expect.stringMatching(/^what lies before the last day: HTTP 401: .*do not have access/)],
      });
    });

    test('a limit ends the asking', async () => {
      const { outcome, asked } = await ask(lifecycle, {
        ...since,
        answer: answerWith(new Response('{}', { status: 429, headers: { 'Retry-After': '9' } })),
      });
      expect(outcome).toMatchObject({ outcome: 'rateLimited', retryAfterMs: 9000 });
      expect(asked).toHaveLength(1);
    });

    test('a range that is wholly past is not asked of history', async () => {
      const past = { gridZone: 'DK-DK2', from: '2026-08-19T00:00Z', to: '2026-08-21T00:00Z' };
      const { outcome, asked } = await ask(lifecycle, {
        ...past,
        now: '2026-08-26T00:00Z',
        answer: answerWith(new Response(earlier)),
      });
      expect(seriesOf(outcome)).toHaveLength(24);
      expect(asked).toHaveLength(1);
    });
  });

  test('never takes another zone for the one asked for', async () => {
    const { outcome } = await ask(lifecycle, { ...august, gridZone: 'DK-DK1', answer: body(dk2History) });
    expect(outcome).toEqual({ outcome: 'failed', reason: 'asked for DK-DK1, the reply is of DK-DK2' });
  });

  test('never takes lifecycle values for direct ones', async () => {
    const { outcome } = await ask(electricityMaps('direct', 'a-key'), {
      ...august,
      answer: body(dk2History),
    });
    expect(outcome).toMatchObject({
      outcome: 'failed',
      reason: expect.stringMatching(/all 24 rows refused: a row on basis lifecycle, asked for direct/),
    });
  });

  test('an hour without a value stays without one', async () => {
    const history = JSON.parse(dk2History);
    history.history[3].carbonIntensity = null;
    const { outcome } = await ask(lifecycle, { ...august, answer: body(JSON.stringify(history)) });
    expect(outcome).toMatchObject({ outcome: 'values', refused: [] });
    expect(seriesOf(outcome).map(([start]) => start)).not.toContain('2026-08-21T21:00:00.000Z');
    expect(seriesOf(outcome)).toHaveLength(23);
  });

  test('a grid that burns nothing has direct zeros and no lifecycle ones', async () => {
    const zeros = (basis: string) => {
      const reply = JSON.parse(dk2History);
      for (const row of reply.history) Object.assign(row, { carbonIntensity: 0, emissionFactorType: basis });
      return body(JSON.stringify(reply));
    };
    const direct = await ask(electricityMaps('direct', 'k'), { ...august, answer: zeros('direct') });
    expect(seriesOf(direct.outcome)).toHaveLength(24);
    const flat = await ask(lifecycle, { ...august, answer: zeros('lifecycle') });
    expect(flat.outcome.outcome).toBe('failed');
  });

  test.each([
    ['a refused key', body(emRefusal, { status: 401 }), /^HTTP 401: .*do not have access/],
    ['no recent data', body(noRecentData), /no "zone"/],
    ['the old host', body(oldHost404, { status: 404 }), /^HTTP 404: .*no Route matched/],
  ])('names %s', async (_, answer, reason) => {
    const { outcome } = await ask(lifecycle, { ...august, answer });
    expect(outcome).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(reason) });
  });
});

test('some are asked only with a key of the user', () => {
  const names = (keys: ProviderKeys) => intensityProviders(keys).map((provider) => provider.name);
  const open = [
    'uk-carbon-intensity',
    'uk-generation-mix',
    'uk-regional-mix',
    'uk-regional',
    'energi-data-service',
    'rte-generation-mix',
    'rte-eco2mix',
  ];
  expect(names({})).toEqual(open);
  expect(names({ ELECTRICITY_MAPS_TOKEN: '', EIA_API_KEY: '', ENTSOE_TOKEN: '' })).toEqual(open);
  expect(names({ ELECTRICITY_MAPS_TOKEN: 'k' })).toEqual([
    ...open,
    'electricity-maps',
    'electricity-maps-direct',
  ]);
  expect(names({ EIA_API_KEY: 'k' })).toEqual([...open, 'eia', 'eia-direct']);
  expect(names({ ENTSOE_TOKEN: 'k' })).toEqual([...open, 'entsoe', 'entsoe-direct']);
  expect(names({ WATTTIME_USER: 'u' })).toEqual(open);
  expect(names({ WATTTIME_USER: 'u', WATTTIME_PASSWORD: 'p' })).toEqual([...open, 'watttime']);
  expect(names({ OPENELECTRICITY_API_KEY: 'k' })).toEqual([
    ...open,
    'open-electricity',
    'open-electricity-direct',
  ]);
  expect(names({ CARBON_AWARE_URL: 'https://sdk.example.org', CARBON_AWARE_SOURCE: 'watttime' })).toEqual([
    ...open,
    'carbon-aware',
  ]);
  const all = everyProvider({ CARBON_AWARE_SOURCE: '' }).map(({ name }) => name);
  expect(all).toEqual(expect.arrayContaining([...open, 'electricity-maps', 'eia', 'entsoe', 'watttime']));
  expect(new Set(all).size).toBe(all.length);
  expect(all).toHaveLength(17);
});

test('each provider covers its zones and nothing that merely looks like one', () => {
  expect(ukCarbonIntensity.covers('GB')).toBe(true);
  expect(ukCarbonIntensity.covers('GB-NIR')).toBe(false);
  expect(energiDataService.covers('DK-DK2')).toBe(true);
  expect(energiDataService.covers('DK')).toBe(false);
  expect(energiDataService.covers('toString')).toBe(false);
  expect(electricityMaps('lifecycle', 'k').covers('WORLD')).toBe(false);
  expect(electricityMaps('lifecycle', 'k').covers('US-CAL-CISO')).toBe(true);
});
