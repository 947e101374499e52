import { expect, test } from 'vitest';
import { eia } from '../../../worker/grid/eia.ts';
import recorded from '../../fixtures/grid-api/eia/fuel-type-data_CISO-ERCO_recorded_2026-05-12.json';
import iidBattery from '../../fixtures/grid-api/eia/fuel-type-data_IID_battery-storage.json?raw';
import withNulls from '../../fixtures/grid-api/eia/fuel-type-data_with-nulls_2022-10-31.json?raw';
import worked from '../../fixtures/grid-api/eia/worked-example.json';
import { ask, seriesOf } from './recorded.ts';

const KEY = 'aBcD1234efGh5678';
const night = { from: '2026-05-11T23:00Z', to: '2026-05-12T06:05Z' };
type Reported = { period: string; respondent: string; fueltype: string; value: unknown };

const rowsOf = (respondent: string): Reported[] =>
  structuredClone(recorded.response.data.filter((row) => row.respondent === respondent));
/** As the service sends it: with the request, and so the key, in the reply. */
const reply = (data: readonly unknown[]) => () =>
  new Response(
    JSON.stringify({ response: { data }, request: { params: { api_key: KEY, frequency: 'hourly' } } }),
  );
const cell = (rows: readonly Reported[], period: string, fuel: string) =>
  rows.find((row) => row.period === period && row.fueltype === fuel)!;

test.each([
  ['CISO', 'US-CAL-CISO', 'lifecycle'],
  ['CISO', 'US-CAL-CISO', 'direct'],
  ['ERCO', 'US-TEX-ERCO', 'lifecycle'],
  ['ERCO', 'US-TEX-ERCO', 'direct'],
] as const)(
  '%s: each hour of the recording as worked out by hand (%s, %s)',
  async (code, gridZone, basis) => {
    const { outcome } = await ask(eia(basis, KEY), { ...night, gridZone, answer: reply(rowsOf(code)) });
    const expected = worked.rows.filter((row) => row.respondent === code);
    expect(expected).toHaveLength(7);
    expect(seriesOf(outcome)).toEqual(
      expected.map((row) => [row.start_utc.replace('Z', '.000Z'), row[basis], 'measured']),
    );
    expect(outcome).toMatchObject({ refused: [] });
  },
);

test('asks for the hours by their end', async () => {
  const { asked } = await ask(eia('direct', KEY), { ...night, gridZone: 'US-CAL-CISO', answer: reply([]) });
  expect(Object.fromEntries(asked[0]!.searchParams)).toEqual({
    api_key: KEY,
    frequency: 'hourly',
    'data[0]': 'value',
    'facets[respondent][]': 'CISO',
    start: '2026-05-12T00',
    end: '2026-05-12T07',
    'sort[0][column]': 'period',
    'sort[0][direction]': 'asc',
    offset: '0',
    length: '5000',
  });
});

test('an hour without its gas is no hour, since the rest would look far cleaner', async () => {
  const rows = rowsOf('CISO');
  cell(rows, '2026-05-12T03', 'NG').value = null;
  const gone = cell(rows, '2026-05-12T06', 'NG');
  const { outcome } = await ask(eia('lifecycle', KEY), {
    ...night,
    gridZone: 'US-CAL-CISO',
    answer: reply(rows.filter((row) => row !== gone)),
  });
  expect(seriesOf(outcome)).toHaveLength(5);
  expect(outcome).toMatchObject({
    refused: ['NG is missing at 2026-05-12T02:00:00.000Z', 'NG is missing at 2026-05-12T05:00:00.000Z'],
  });
});

test('solar may be missing at night, and an hour of nulls alone is simply not there yet', async () => {
  const rows = rowsOf('CISO').filter(({ fueltype, value }) => fueltype !== 'SUN' || Number(value) > 0);
  for (const row of rows) if (row.period === '2026-05-12T06') row.value = null;
  const { outcome } = await ask(eia('direct', KEY), {
    ...night,
    gridZone: 'US-CAL-CISO',
    answer: reply(rows),
  });
  expect(seriesOf(outcome)).toHaveLength(6);
  expect(outcome).toMatchObject({ refused: [] });
});

test.each([
  ['a code that nobody knows', { fueltype: 'XYZ' }, 'unknown fuel "XYZ"'],
  ['an amount that is none', { value: 'many' }, 'no amount of NG'],
  ['more than any grid makes', { value: '1e9' }, 'no amount of NG'],
  ['more than any grid makes, as a number', { value: 6_000_000 }, 'no amount of NG'],
])('%s costs its hour and no other', async (_, change, reason) => {
  const rows = rowsOf('CISO');
  Object.assign(cell(rows, '2026-05-12T03', 'NG'), change);
  const { outcome } = await ask(eia('direct', KEY), {
    ...night,
    gridZone: 'US-CAL-CISO',
    answer: reply(rows),
  });
  expect(seriesOf(outcome)).toHaveLength(6);
  expect(outcome).toMatchObject({ refused: [`${reason} at 2026-05-12T02:00:00.000Z`] });
});

test('a fuel given twice differently costs its hour', async () => {
  const rows = rowsOf('CISO');
  const twice = { ...cell(rows, '2026-05-12T03', 'NG'), value: '1' };
  const { outcome } = await ask(eia('direct', KEY), {
    ...night,
    gridZone: 'US-CAL-CISO',
    answer: reply([...rows, twice]),
  });
  expect(outcome).toMatchObject({ refused: ['two amounts of NG at 2026-05-12T02:00:00.000Z'] });
});

test('numbers are read as well as text, and a null is no zero', async () => {
  const october = { gridZone: 'US-NW-PGE', from: '2022-10-31T10:00Z', to: '2022-10-31T12:00Z' };
  const { outcome } = await ask(eia('lifecycle', KEY), { ...october, answer: () => new Response(withNulls) });
  expect(seriesOf(outcome)).toEqual([['2022-10-31T11:00:00.000Z', 490, 'measured']]);
});

test('a battery alone generates nothing', async () => {
  const february = { gridZone: 'US-CAL-IID', from: '2024-02-27T10:00Z', to: '2024-02-27T11:00Z' };
  const answer = () => new Response(iidBattery.replace('"EIA"', '"IID"'));
  expect((await ask(eia('lifecycle', KEY), { ...february, answer })).outcome).toMatchObject({
    outcome: 'noData',
  });
});

test('another authority is never taken for the one asked for, nor a cut reply for a whole one', async () => {
  const california = { ...night, gridZone: 'US-CAL-CISO' };
  const other = await ask(eia('direct', KEY), { ...california, answer: reply(rowsOf('ERCO')) });
  expect(other.outcome).toMatchObject({
    outcome: 'failed',
    reason: expect.stringMatching(/a row of ERCO, asked for CISO/),
  });
  const full = Array.from({ length: 5000 }, () => rowsOf('CISO')[0]);
  const cut = await ask(eia('direct', KEY), { ...california, answer: reply(full) });
  expect(cut.outcome).toMatchObject({ outcome: 'failed', reason: 'the reply is cut at 5000 rows' });
});

test('the key stands in no outcome, whatever the service repeats', async () => {
  const california = { ...night, gridZone: 'US-CAL-CISO' };
  const padding = 'x'.repeat(150);
  for (const answer of [
    reply(rowsOf('CISO')),
    reply(rowsOf('ERCO')),
    () => new Response(`{"request":{"api_key":"${KEY}`),
    () => new Response(`${padding}${KEY}`, { status: 403 }),
    () => new Response(`no key ${KEY}`, { status: 429 }),
    () => {
      throw new TypeError(`cannot reach https://api.eia.gov/?api_key=${KEY}`);
    },
  ]) {
    const { outcome } = await ask(eia('direct', KEY), { ...california, answer });
    expect(JSON.stringify(outcome)).not.toContain(KEY.slice(0, 8));
  }
});

test('covers the balancing authorities of the contiguous states alone', () => {
  const covers = eia('direct', KEY).covers;
  for (const key of ['US-CAL-CISO', 'US-NY-NYIS', 'US-TEX-ERCO', 'US-MIDA-PJM'])
    expect(covers(key)).toBe(true);
  for (const key of ['US', 'US-AK', 'US-AK-SEAPA', 'US-HI', 'US-NO-SUCH', 'CA-ON']) {
    expect(covers(key)).toBe(false);
  }
});
