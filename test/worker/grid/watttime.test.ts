import { expect, test } from 'vitest';
import { findZone } from '../../../shared/grid/zones.ts';
import { wattTime } from '../../../worker/grid/watttime.ts';
import { WATTTIME_REGIONS } from '../../../worker/grid/watttime-regions.ts';
import documented from '../../fixtures/grid-api/watttime/historical_docs-shape.json';
import login from '../../fixtures/grid-api/watttime/login_ok_example.json';
import percentile from '../../fixtures/grid-api/watttime/signal-index_docs-shape.json';
import { ask, seriesOf } from './recorded.ts';

const account = { user: 'freddo', password: 'the frög' };
const provider = wattTime(account);
const july = { gridZone: 'US-CAL-CISO', from: '2022-07-15T00:00Z', to: '2022-07-15T00:15Z' };

/** The service with its login; `second` is what it answers after that. */
function service(second: unknown, sent: string[] = []) {
  return (url: URL, headers: Headers) => {
    sent.push(headers.get('Authorization') ?? '');
    const body = url.pathname === '/login' ? login : second;
    return new Response(typeof body === 'string' ? body : JSON.stringify(body));
  };
}
const rows = (...data: object[]) => ({
  ...documented,
  data: data.map((row) => ({ ...documented.data[0], ...row })),
});

test('the documented reply in g/kWh, after a login', async () => {
  const sent: string[] = [];
  const { outcome, asked } = await ask(provider, { ...july, answer: service(documented, sent) });
  const [first] = seriesOf(outcome);
  expect(first).toEqual(['2022-07-15T00:00:00.000Z', expect.closeTo(394.625362, 6), 'measured']);
  expect(outcome).toMatchObject({ values: [{ issuedAtMs: Date.parse('2022-07-15T00:05:00Z') }] });
  expect(asked.map(String)).toEqual([
    'https://api.watttime.org/login',
    'https://api.watttime.org/v3/historical?region=CAISO_NORTH&signal_type=co2_moer&start=2022-07-15T00%3A00%3A00.000Z&end=2022-07-15T00%3A15%3A00.000Z',
  ]);
  // "freddo:the frög" in UTF-8.
  expect(sent).toEqual(['Basic ZnJlZGRvOnRoZSBmcsO2Zw==', `Bearer ${login.token}`]);
});

test('it is marginal, and no average can stand in for it', () => {
  expect(provider).toMatchObject({ signal: 'marginal', basis: 'direct' });
});

test('each zone is asked for by the name of its one region, and a divided one not at all', async () => {
  for (const gridZone of Object.keys(WATTTIME_REGIONS))
    expect([gridZone, findZone(gridZone)?.key]).toEqual([gridZone, gridZone]);
  const regions = Object.values(WATTTIME_REGIONS);
  expect(new Set(regions).size).toBe(regions.length);
  const reply = { ...documented, meta: { ...documented.meta, region: 'BPA' } };
  const { outcome, asked } = await ask(provider, { ...july, gridZone: 'US-NW-BPAT', answer: service(reply) });
  expect(asked[1]!.searchParams.get('region')).toBe('BPA');
  expect(seriesOf(outcome)).toHaveLength(1);
  const covered = ['US-NW-BPAT', 'DE', 'GB', 'US-TEX-ERCO', 'US-MIDA-PJM', 'DK-DK1', 'IN-WE', 'toString'];
  expect(covered.filter(provider.covers)).toEqual(['US-NW-BPAT', 'DE', 'GB']);
});

test('the operator may name the region of a divided zone, and what is wrong with it is told at each request', async () => {
  const own = wattTime(account, 'US-TEX-ERCO=ERCOT_NORTHCENTRAL, US-CAL-CISO = CAISO_LONGBEACH, DE=');
  expect(['US-TEX-ERCO', 'US-MIDA-PJM', 'US-NW-BPAT', 'DE'].filter(own.covers)).toEqual([
    'US-TEX-ERCO',
    'US-NW-BPAT',
  ]);
  for (const [gridZone, region] of [
    ['US-TEX-ERCO', 'ERCOT_NORTHCENTRAL'],
    ['US-CAL-CISO', 'CAISO_LONGBEACH'],
  ] as const) {
    const reply = { ...documented, meta: { ...documented.meta, region } };
    const { outcome, asked } = await ask(own, { ...july, gridZone, answer: service(reply) });
    expect(asked[1]!.searchParams.get('region')).toBe(region);
    expect(seriesOf(outcome)).toHaveLength(1);
  }
  for (const [given, reason] of [
    ['US-TEX-ERCO', /ZONE=REGION, by comma; got "US-TEX-ERCO"/],
    ['US-TEX-ERCOT=ERCOT_AUSTIN', /names no grid zone: "US-TEX-ERCOT"/],
  ] as const) {
    const { outcome, asked } = await ask(wattTime(account, given), { ...july, answer: service(documented) });
    expect(outcome).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(reason) });
    expect(asked).toEqual([]);
  }
});

test('the end is inclusive there and not here, an imputed value is an estimate, a null is none', async () => {
  const reply = rows(
    { imputed_data_used: true },
    { point_time: '2022-07-15T00:05:00+00:00', value: null },
    { point_time: '2022-07-15T00:10:00+00:00', value: 1000 },
    { point_time: '2022-07-15T00:15:00+00:00', value: 1000 },
  );
  const { outcome } = await ask(provider, { ...july, answer: service(reply) });
  expect(seriesOf(outcome).map(([start, , kind]) => [start.slice(14, 16), kind])).toEqual([
    ['00', 'estimated'],
    ['10', 'measured'],
  ]);
  expect(outcome).toMatchObject({ values: [{ method: 'imputed' }, { gramsPerKwh: 453.59237 }], refused: [] });
});

test('nothing but zeros is an outage, a zero among others is a value', async () => {
  const zeros = ['00', '05', '10'].map((minute) => ({
    point_time: `2022-07-15T00:${minute}:00+00:00`,
    value: 0,
  }));
  const flat = await ask(provider, { ...july, answer: service(rows(...zeros)) });
  expect(flat.outcome).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(/exactly zero/) });
  const some = await ask(provider, {
    ...july,
    answer: service(rows(...zeros.slice(1), { point_time: '2022-07-15T00:00:00+00:00' })),
  });
  expect(seriesOf(some.outcome)).toHaveLength(3);
});

test.each([
  ['a percentile for a rate', percentile, /the reply is of CAISO_NORTH, co2_moer, percentile/],
  [
    'another region',
    { ...documented, meta: { ...documented.meta, region: 'PJM_DC' } },
    /the reply is of PJM_DC/,
  ],
  ['the average', { ...documented, meta: { ...documented.meta, signal_type: 'co2_aoer' } }, /co2_aoer/],
  ['another step', { ...documented, meta: { ...documented.meta, data_point_period_seconds: 900 } }, /900 s/],
  ['a reply without its meta', { data: documented.data }, /no list "data" with its "meta"/],
])('never takes %s', async (_, reply, reason) => {
  const { outcome } = await ask(provider, { ...july, answer: service(reply) });
  expect(outcome).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(reason) });
});

test('a refused login is named, and neither password nor token stands in an outcome', async () => {
  const echo = (url: URL, headers: Headers) =>
    new Response(`refused ${headers.get('Authorization')} ${account.password}`, {
      status: url.pathname === '/login' ? 401 : 403,
    });
  const refused = await ask(provider, { ...july, answer: echo });
  expect(refused.asked).toHaveLength(1);
  expect(refused.outcome).toEqual({
    outcome: 'failed',
    reason: 'HTTP 401: refused Basic (secret) (secret)',
  });
  const later = await ask(provider, {
    ...july,
    answer: (url, headers) =>
      url.pathname === '/login' ? new Response(JSON.stringify(login)) : echo(url, headers),
  });
  expect(later.outcome).toEqual({
    outcome: 'failed',
    reason: 'HTTP 403: refused Bearer (secret) (secret)',
    refused: 403,
  });
  const noToken = await ask(provider, { ...july, answer: () => new Response('{"ok":true}') });
  expect(noToken.outcome).toEqual({ outcome: 'failed', reason: 'the reply to the login has no token' });
});

test('too many logins are a limit', async () => {
  const answer = () => new Response('slow down', { status: 429, headers: { 'Retry-After': '300' } });
  const { outcome } = await ask(provider, { ...july, answer });
  expect(outcome).toMatchObject({ outcome: 'rateLimited', retryAfterMs: 300_000 });
});
