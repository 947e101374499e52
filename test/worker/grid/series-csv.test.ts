/** The user's own series as CSV, at the public door. */
import { SELF } from 'cloudflare:test';
import { expect, test } from 'vitest';
import { ADMIN_TOKEN } from '../support/admin-token.ts';
import { api, call } from '../support/api.ts';

function put(zone: string, query: string, body: string, type = 'text/csv'): Promise<Response> {
  return SELF.fetch(`http://wattshed.test/v1/grid/${zone}/intensity${query}`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, 'Content-Type': type },
    body,
  });
}

const HEADER = 'start,end,gramsPerKwh';
const LINE = '2024-03-01T00:00:00Z,2024-03-01T01:00:00Z,100';
const NEXT = '2024-03-01T01:00:00Z,2024-03-01T02:00:00Z,0';

test('is stored as the JSON of the same values is', async () => {
  const csv = `\uFEFFgramsPerKwh,"end",start\r\n100,2024-03-01T01:00:00Z,2024-03-01T00:00:00Z\r\n"0",2024-03-01T03:00:00+01:00,2024-03-01T02:00:00+01:00\r\n\r\n`;
  const stored = await put(
    'AT',
    '?basis=lifecycle&scope=production&why=own+meter',
    csv,
    'text/csv; charset=utf-8',
  );
  expect([stored.status, await stored.json()]).toEqual([200, { written: 2, revised: 0 }]);
  const points = [
    { start: '2024-03-01T00:00:00Z', end: '2024-03-01T01:00:00Z', gramsPerKwh: 100 },
    { start: '2024-03-01T01:00:00Z', end: '2024-03-01T02:00:00Z', gramsPerKwh: 0 },
  ];
  const json = { basis: 'lifecycle', scope: 'production', points };
  expect(await api('PUT', '/v1/grid/AT/intensity', json)).toEqual({ written: 0, revised: 0 });
  const { series } = await api<{ series: object[] }>(
    'GET',
    '/v1/grid/AT/intensity?from=2024-03-01T00:00:00Z&to=2024-03-01T02:00:00Z',
  );
  expect(series).toMatchObject([
    { gramsPerKwh: 100, provider: 'user', scope: 'production' },
    { gramsPerKwh: 0, provider: 'user' },
  ]);
});

test.each([
  [
    'an unknown column',
    `start,end,gramPerKwh\n${LINE}`,
    'line 1: no column is called "gramPerKwh"; did you mean "gramsPerKwh"',
  ],
  ['a missing column', 'start,gramsPerKwh\n', 'line 1, column end: the column is missing'],
  ['a column given twice', `${HEADER},start\n`, 'line 1, column start: is there twice'],
  ['nothing', '', 'line 1: no column is called ""'],
  ['a header alone', `${HEADER}\n`, 'line 2: missing'],
  ['a decimal comma', `${HEADER}\n${LINE},5`, 'line 2: 4 cells where the header has 3'],
  ['an empty line between', `${HEADER}\n${LINE}\n\n${NEXT}`, 'line 3: 1 cells'],
  [
    'an empty value',
    `${HEADER}\n${LINE}\n2024-03-01T01:00:00Z,2024-03-01T02:00:00Z,`,
    'line 3, column gramsPerKwh: expected a number of 0 or more, got ""',
  ],
  [
    'a negative value',
    `${HEADER}\n2024-03-01T01:00:00Z,2024-03-01T02:00:00Z,-1`,
    'line 2, column gramsPerKwh',
  ],
  ['NaN', `${HEADER}\n2024-03-01T01:00:00Z,2024-03-01T02:00:00Z,NaN`, 'line 2, column gramsPerKwh'],
  [
    'a time without an offset',
    `${HEADER}\n2024-03-01T01:00:00,2024-03-01T02:00:00Z,1`,
    'line 2, column start: expected an RFC 3339 instant',
  ],
  [
    'an end that is none',
    `${HEADER}\n2024-03-01T01:00:00Z,later,1`,
    'line 2, column end: expected an RFC 3339 instant',
  ],
  [
    'kilograms for grams',
    `${HEADER}\n${NEXT}\n2024-03-01T00:00:00Z,2024-03-01T01:00:00Z,350000`,
    'line 3: 350000 g/kWh is over the 2000',
  ],
  [
    'an overlap',
    `${HEADER}\n${LINE}\n2024-03-01T00:30:00Z,2024-03-01T01:30:00Z,1`,
    'line 3: overlaps another interval',
  ],
  [
    'an interval off the five minutes',
    `${HEADER}\n2024-03-01T00:01:00Z,2024-03-01T01:00:00Z,1`,
    'line 2: start and end must be whole multiples',
  ],
  [
    'more lines than a body may have',
    `${HEADER}\n${`${LINE}\n`.repeat(9001)}`,
    'line 9002: a body has 9000 intervals at most',
  ],
])('%s is refused whole, by line and column', async (_, body, detail) => {
  const response = await put('CH', '?basis=lifecycle', body);
  expect(response.status).toBe(422);
  expect(await response.json()).toMatchObject({
    code: 'invalid_body',
    detail: expect.stringContaining(detail),
  });
});

test('what no column says stands in the query, and in the body of JSON', async () => {
  const csv = `${HEADER}\n${LINE}`;
  expect(await (await put('CH', '', csv)).json()).toMatchObject({
    code: 'invalid_parameter',
    field: 'basis',
  });
  const unknown = await put('CH', '?basis=both', csv);
  expect(await unknown.json()).toMatchObject({ code: 'invalid_parameter', field: 'basis' });
  const json = await call('PUT', '/v1/grid/CH/intensity?basis=direct', { basis: 'lifecycle', points: [] });
  expect(await json.json()).toMatchObject({ code: 'invalid_parameter', field: 'basis' });
  expect((await put('CH', '?basis=lifecycle', csv, 'text/plain')).status).toBe(400);
  expect((await put('CH', '', csv, 'text/plain')).status).toBe(415);
});
