/** The grid at the public door: zones, the series that windows are charged with, the user's own, revisions. */
import { expect, test } from 'vitest';
import { api, call, refusal } from '../support/api.ts';
import { ensureSite } from '../support/enrolment.ts';

interface Point {
  start: string;
  end: string;
  gramsPerKwh: number;
  kind: string;
  provider: string;
  method: string | null;
}

const point = (start: string, end: string, gramsPerKwh: number) => ({ start, end, gramsPerKwh });
const series = (zone: string, query: string) =>
  api<{ series: Point[] }>('GET', `/v1/grid/${zone}/intensity?${query}`).then((answer) => answer.series);

test('your own series is charged before all others, carried on for two hours, and then gives way', async () => {
  const points = [
    point('2024-03-01T00:00:00Z', '2024-03-01T01:00:00Z', 100),
    point('2024-03-01T01:00:00Z', '2024-03-01T02:00:00Z', 0),
  ];
  expect(await api('PUT', '/v1/grid/FR/intensity', { basis: 'lifecycle', points })).toEqual({
    written: 2,
    revised: 0,
  });
  expect(await api('PUT', '/v1/grid/FR/intensity', { basis: 'lifecycle', points })).toEqual({
    written: 0,
    revised: 0,
  });
  const answer = await series('FR', 'from=2024-03-01T00:00:00Z&to=2024-03-01T06:00:00Z');
  expect(
    answer.map(({ start, end, gramsPerKwh, kind, provider }) => [
      start.slice(11, 16),
      end.slice(11, 16),
      gramsPerKwh,
      kind,
      provider,
    ]),
  ).toEqual([
    ['00:00', '01:00', 100, 'measured', 'user'],
    ['01:00', '02:00', 0, 'measured', 'user'],
    ['02:00', '04:00', 0, 'estimated', 'user'],
    ['04:00', '06:00', 33, 'annual', 'annual'],
  ]);
  expect(answer[2]!.method).toContain('carried forward');
  expect(answer[3]!.method).toContain('2024');
});

test('a basis without a series has no values; it is never made from the other', async () => {
  await api('PUT', '/v1/grid/PL/intensity', {
    basis: 'lifecycle',
    points: [point('2024-03-01T00:00:00Z', '2024-03-01T01:00:00Z', 700)],
  });
  expect(await series('PL', 'from=2024-03-01T00:00:00Z&to=2024-03-01T02:00:00Z&basis=direct')).toEqual([]);
  expect(await series('PL', 'from=2024-03-01T00:00:00Z&to=2024-03-01T02:00:00Z&signal=marginal')).toEqual([]);
});

test('an hour that is put into a day leaves the rest of the day as it was, and what was put into it before', async () => {
  const put = (...points: ReturnType<typeof point>[]) =>
    api('PUT', '/v1/grid/SE/intensity', { basis: 'lifecycle', points });
  const hour = (of: number, grams: number) => {
    const two = (value: number) => String(value).padStart(2, '0');
    return point(`2024-03-01T${two(of)}:00:00Z`, `2024-03-01T${two(of + 1)}:00:00Z`, grams);
  };
  await put(point('2024-03-01T00:00:00Z', '2024-03-02T00:00:00Z', 20));
  await put(hour(5, 50));
  await put(hour(0, 10), hour(1, 11));
  await put(hour(7, 70));
  const of = await series('SE', 'from=2024-03-01T00:00:00Z&to=2024-03-02T00:00:00Z');
  expect(of.every(({ kind, provider }) => kind === 'measured' && provider === 'user')).toBe(true);
  expect(
    of.map(({ start, end, gramsPerKwh }) => [start.slice(11, 13), end.slice(11, 13), gramsPerKwh]),
  ).toEqual([
    ['00', '01', 10],
    ['01', '02', 11],
    ['02', '05', 20],
    ['05', '06', 50],
    ['06', '07', 20],
    ['07', '08', 70],
    ['08', '00', 20],
  ]);
});

test('a correction is a revision, newest first', async () => {
  const put = (gramsPerKwh: number) =>
    api('PUT', '/v1/grid/ES/intensity', {
      basis: 'lifecycle',
      points: [point('2024-03-01T00:00:00Z', '2024-03-01T01:00:00Z', gramsPerKwh)],
    });
  await put(150);
  expect(await put(140)).toEqual({ written: 1, revised: 1 });
  await put(130);
  const { revisions } = await api<{
    revisions: { start: string; oldGramsPerKwh: number; newGramsPerKwh: number }[];
  }>('GET', '/v1/grid/ES/revisions');
  expect(revisions.map(({ oldGramsPerKwh, newGramsPerKwh }) => [oldGramsPerKwh, newGramsPerKwh])).toEqual([
    [140, 130],
    [150, 140],
  ]);
});

test('a revision names the scope of its series: the same provider may have both', async () => {
  for (const [scope, gramsPerKwh] of [
    ['consumption', 100],
    ['production', 200],
    ['production', 210],
    ['consumption', 110],
  ])
    await api('PUT', '/v1/grid/PT/intensity', {
      basis: 'lifecycle',
      scope,
      points: [point('2024-03-01T00:00:00Z', '2024-03-01T01:00:00Z', Number(gramsPerKwh))],
    });
  const { revisions } = await api<{ revisions: { scope: string; newGramsPerKwh: number }[] }>(
    'GET',
    '/v1/grid/PT/revisions',
  );
  expect(revisions.map(({ scope, newGramsPerKwh }) => [scope, newGramsPerKwh])).toEqual([
    ['consumption', 110],
    ['production', 210],
  ]);
});

test('zones: searched, in use with their providers, unknown ones refused with the nearest', async () => {
  const search = (query: string) =>
    api<{
      zones: {
        key: string;
        inUse: boolean;
        annual: { year: number } | null;
        providers: { provider: string; basis: string }[];
      }[];
    }>('GET', `/v1/grid/zones?${query}`).then(({ zones }) => zones);
  expect((await search('search=denmark')).map(({ key }) => key)).toEqual(
    expect.arrayContaining(['DK-DK1', 'DK-DK2']),
  );
  await ensureSite('aalborg', 'DK-DK1');
  const inUse = await search('inUse=true');
  expect(inUse.find(({ key }) => key === 'DK-DK1')).toMatchObject({
    inUse: true,
    providers: [{ provider: 'energi-data-service', basis: 'direct' }],
  });
  const response = await call('GET', '/v1/grid/DK1/intensity');
  expect(response.status).toBe(422);
  expect(await response.json()).toMatchObject({
    code: 'unknown_grid_zone',
    detail: expect.stringContaining('DK-DK1'),
  });
  expect(await refusal(await call('GET', '/v1/grid/NOWHERE/revisions'))).toMatchObject({
    status: 422,
    code: 'unknown_grid_zone',
  });
});

test('a cloud region finds its zone, with the tables that place it and where others do', async () => {
  const { zones } = await api<{ zones: { key: string; cloudRegions: { key: string }[] }[] }>(
    'GET',
    '/v1/grid/zones?search=eu-north-1',
  );
  expect(zones.map(({ key }) => key)).toEqual(['SE-SE3']);
  expect(zones[0]!.cloudRegions).toContainEqual({
    key: 'aws:eu-north-1',
    sources: ['electricitymaps', 'ccf'],
    otherZones: ['SE'],
  });
});

test.each([
  ['an interval off the five minutes', [point('2024-03-01T00:01:00Z', '2024-03-01T01:00:00Z', 1)]],
  ['an end before its start', [point('2024-03-01T01:00:00Z', '2024-03-01T00:00:00Z', 1)]],
  ['an interval of two days', [point('2024-03-01T00:00:00Z', '2024-03-03T00:00:00Z', 1)]],
  [
    'an overlap',
    [
      point('2024-03-01T00:00:00Z', '2024-03-01T01:00:00Z', 1),
      point('2024-03-01T00:30:00Z', '2024-03-01T01:30:00Z', 1),
    ],
  ],
  ['a value in grams per MWh', [point('2024-03-01T00:00:00Z', '2024-03-01T01:00:00Z', 350_000)]],
  ['a negative value', [point('2024-03-01T00:00:00Z', '2024-03-01T01:00:00Z', -1)]],
  ['no points', []],
])('%s is refused whole', async (_, points) => {
  const before = await series('SE', 'from=2024-03-01T00:00:00Z&to=2024-03-02T00:00:00Z');
  expect(
    await refusal(await call('PUT', '/v1/grid/SE/intensity', { basis: 'lifecycle', points })),
  ).toMatchObject({ status: 422, code: 'invalid_body' });
  expect(await series('SE', 'from=2024-03-01T00:00:00Z&to=2024-03-02T00:00:00Z')).toEqual(before);
});

test('ranges are bounded and ordered', async () => {
  expect(
    await refusal(
      await call('GET', '/v1/grid/SE/intensity?from=2024-01-01T00:00:00Z&to=2024-03-01T00:00:00Z'),
    ),
  ).toMatchObject({ code: 'range_too_long' });
  expect(
    await refusal(
      await call('GET', '/v1/grid/SE/intensity?from=2024-01-02T00:00:00Z&to=2024-01-01T00:00:00Z'),
    ),
  ).toMatchObject({ code: 'invalid_parameter' });
});
