import { expect, test } from 'vitest';
import { openElectricity } from '../../../worker/grid/open-electricity.ts';
import madeUp from '../../fixtures/grid-api/open-electricity/energy_NSW1_made-up.json';
import { ask, seriesOf } from './recorded.ts';

const lifecycle = openElectricity('lifecycle', 'a-key');
const night = { gridZone: 'AU-NSW', from: '2026-10-04T14:00Z', to: '2026-10-04T17:05Z' };
const json = (body: unknown) => () => new Response(JSON.stringify(body));

test('the mix by hand, in the time of the network, negatives and batteries left out', async () => {
  let authorization: string | null = null;
  const { outcome, asked } = await ask(lifecycle, {
    ...night,
    answer: (_, headers) => {
      authorization = headers.get('Authorization');
      return new Response(JSON.stringify(madeUp));
    },
  });
  // (5000 x 820 + 500 x 490 + 1000 x 11) / 6500; (4000 x 820 + 1000 x 11 + 1000 x 45) / 6000, the gas plant's own use no fuel.
  expect(seriesOf(outcome)).toEqual([
    ['2026-10-04T14:00:00.000Z', 670.15, 'measured'],
    ['2026-10-04T15:00:00.000Z', 556, 'measured'],
  ]);
  expect(outcome).toMatchObject({ refused: [] });
  expect(authorization).toBe('Bearer a-key');
  expect(asked[0]!.pathname).toBe('/v4/data/network/NEM');
  expect(Object.fromEntries(asked[0]!.searchParams)).toEqual({
    metrics: 'energy',
    interval: '1h',
    primary_grouping: 'network_region',
    secondary_grouping: 'fueltech',
    network_region: 'NSW1',
    date_start: '2026-10-05T00:00:00',
    date_end: '2026-10-05T04:00:00',
  });
});

test('direct counts what burns', async () => {
  const { outcome } = await ask(openElectricity('direct', 'k'), { ...night, answer: json(madeUp) });
  // (5000 x 760 + 500 x 370) / 6500; 4000 x 760 / 6000
  expect(seriesOf(outcome).map(([, grams]) => grams)).toEqual([613.08, 506.67]);
});

test('an hour whose rooftop solar is not there yet is no mix, nor is the one that still runs', async () => {
  const { outcome } = await ask(lifecycle, { ...night, to: '2026-10-04T15:50Z', answer: json(madeUp) });
  expect(seriesOf(outcome).map(([start]) => start)).toEqual(['2026-10-04T14:00:00.000Z']);
});

test('the west has a network and a time of its own', async () => {
  const { asked } = await ask(lifecycle, { ...night, gridZone: 'AU-WA', answer: json(madeUp) });
  expect(asked[0]!.pathname).toBe('/v4/data/network/WEM');
  expect(asked[0]!.searchParams.get('date_start')).toBe('2026-10-04T22:00:00');
});

test('the days on which summer time begins and ends are like any other: the network knows none', async () => {
  const dst = { gridZone: 'AU-NSW', from: '2026-10-03T15:00Z', to: '2026-10-03T18:00Z' };
  const shifted = structuredClone(madeUp) as unknown as {
    data: { results: { data: [string, number][] }[] }[];
  };
  for (const result of shifted.data[0]!.results)
    result.data = result.data.map(
      ([time, value]) => [time.replace('10-05T0', '10-04T0'), value] as [string, number],
    );
  const { outcome } = await ask(lifecycle, { ...dst, from: '2026-10-03T14:00Z', answer: json(shifted) });
  expect(seriesOf(outcome).map(([start]) => start)).toEqual([
    '2026-10-03T14:00:00.000Z',
    '2026-10-03T15:00:00.000Z',
  ]);
});

interface Reply {
  data: [{ metric: string; unit: string; interval: string; results: Result[] }];
}
interface Result {
  columns: { region?: string; fueltech: string };
}

/** The reply with each metric, or each of its results, changed. */
const changed = (metric: object, columns: (of: Result['columns']) => Result['columns'] = (same) => same) => {
  const reply = structuredClone(madeUp) as unknown as Reply;
  Object.assign(reply.data[0], metric);
  for (const result of reply.data[0].results) result.columns = columns(result.columns);
  return json(reply);
};

test.each([
  ['another region', changed({}, (of) => ({ ...of, region: 'VIC1' })), /a result of VIC1, asked for NSW1/],
  ['no region', changed({}, ({ fueltech }) => ({ fueltech })), /without region, fueltech/],
  ['power for energy', changed({ metric: 'power', unit: 'MW' }), /the reply is of NEM, power, MW, 1h/],
  ['days for hours', changed({ interval: '1d' }), /the reply is of NEM, energy, MWh, 1d/],
  ['an error with 200', json({ version: '4', success: false, error: 'bad dates' }), /no success/],
  [
    'an unknown fuel',
    changed({}, (of) => (of.fueltech === 'wind' ? { ...of, fueltech: 'tides' } : of)),
    /unknown fuel "tides"/,
  ],
])('refuses %s', async (_, answer, reason) => {
  const { outcome } = await ask(lifecycle, { ...night, answer });
  expect(outcome).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(reason) });
});

test('a limit is one, and a refusal does not tell the key', async () => {
  const limited = await ask(lifecycle, {
    ...night,
    answer: () => new Response('slow down', { status: 429, headers: { 'Retry-After': '60' } }),
  });
  expect(limited.outcome).toMatchObject({ outcome: 'rateLimited', retryAfterMs: 60_000 });
  const refused = await ask(lifecycle, {
    ...night,
    answer: () => new Response('no such key: a-key', { status: 401 }),
  });
  expect(refused.outcome).toEqual({
    outcome: 'failed',
    reason: 'HTTP 401: no such key: (secret)',
    refused: 401,
  });
});
