import { expect, test } from 'vitest';
import { api, call, refusal } from '../support/api.ts';

interface Site {
  id: string;
  name: string;
  gridZone: string | null;
  pueRatio: number | null;
  embodiedLifetimeYears: number | null;
  history: { key: string; value: string; effectiveFrom: string; recordedAt: string; recordedBy: string }[];
}

const berlin = { id: 'berlin', name: 'Berlin hall 2', gridZone: 'DE', pueRatio: 1.25 };

test('a new site holds its values for all time, and tells who set them', async () => {
  const response = await call('POST', '/v1/sites', berlin);
  expect(response.status).toBe(201);
  const site = await response.json<Site>();
  expect(site).toMatchObject({ ...berlin, embodiedLifetimeYears: 4 });
  expect(
    site.history.map(({ key, value, effectiveFrom, recordedBy }) => [key, value, effectiveFrom, recordedBy]),
  ).toEqual([
    ['gridZone', 'DE', '1970-01-01T00:00:00.000Z', 'admin'],
    ['pueRatio', '1.25', '1970-01-01T00:00:00.000Z', 'admin'],
    ['embodiedLifetimeYears', '4', '1970-01-01T00:00:00.000Z', 'admin'],
  ]);
  expect(await api('GET', '/v1/sites/berlin')).toEqual(site);
});

test('a change holds from its date on: a past one now, a future one later', async () => {
  await call('POST', '/v1/sites', { ...berlin, id: 'moved' });
  const past = await api<Site>('PATCH', '/v1/sites/moved', {
    gridZone: 'FR',
    effectiveFrom: '2024-05-01T02:00:00+02:00',
  });
  expect(past.gridZone).toBe('FR');
  expect(past.pueRatio).toBe(1.25);
  expect(past.history.at(-1)).toMatchObject({
    key: 'gridZone',
    value: 'FR',
    effectiveFrom: '2024-05-01T00:00:00.000Z',
  });
  const future = await api<Site>('PATCH', '/v1/sites/moved', {
    pueRatio: 1.1,
    effectiveFrom: '2099-01-01T00:00:00Z',
  });
  expect(future.pueRatio).toBe(1.25);
  expect(future.history).toHaveLength(5);
});

test('a name is changed without a new value', async () => {
  await call('POST', '/v1/sites', { ...berlin, id: 'renamed' });
  const site = await api<Site>('PATCH', '/v1/sites/renamed', { name: 'Hall 3' });
  expect(site.name).toBe('Hall 3');
  expect(site.history).toHaveLength(3);
});

test.each([
  ['a PUE below 1', { pueRatio: 0.9 }, 422, 'invalid_body', '/pueRatio'],
  ['a PUE in percent', { pueRatio: 125 }, 422, 'invalid_body', '/pueRatio'],
  ['text for a number', { pueRatio: '1.2' }, 422, 'invalid_body', '/pueRatio'],
  ['an unknown field', { pue: 1.2 }, 422, 'invalid_body', '/pue'],
  ['a bad id', { id: 'Berlin Hall' }, 422, 'invalid_body', '/id'],
  ['an unknown zone', { gridZone: 'Germny' }, 422, 'unknown_grid_zone', '/gridZone'],
])('refuses %s', async (_, change, status, code, field) => {
  const response = await call('POST', '/v1/sites', { ...berlin, id: 'refused', ...change });
  expect(await refusal(response)).toEqual({ status, code, field });
  expect((await call('GET', '/v1/sites/refused')).status).toBe(404);
});

test('an unknown zone is answered with the nearest ones', async () => {
  const response = await call('POST', '/v1/sites', { ...berlin, id: 'near', gridZone: 'german' });
  expect((await response.json<{ detail: string }>()).detail).toContain('DE');
});

const { gridZone: _, ...unplaced } = berlin;

test('a site is placed by its cloud region as well, and moved by it', async () => {
  const created = await call('POST', '/v1/sites', {
    ...unplaced,
    id: 'cloud',
    cloudRegion: 'aws:eu-north-1',
  });
  expect(created.status).toBe(201);
  expect((await created.json<Site>()).gridZone).toBe('SE-SE3');
  const moved = await api<Site>('PATCH', '/v1/sites/cloud', { cloudRegion: 'gcp:us-central1' });
  expect(moved.gridZone).toBe('US-CENT-SWPP');
  expect((await api<Site>('PATCH', '/v1/sites/cloud', { gridZone: 'US-MIDW-MISO' })).gridZone).toBe(
    'US-MIDW-MISO',
  );
});

test.each([
  ['neither zone nor region', {}, 'invalid_body', '/gridZone', /either gridZone or cloudRegion/],
  ['both', { gridZone: 'DE', cloudRegion: 'aws:eu-central-1' }, 'invalid_body', '/gridZone', /either/],
  [
    'a region without its cloud',
    { cloudRegion: 'eu-north-1' },
    'unknown_grid_zone',
    '/cloudRegion',
    /Did you mean aws:eu-north-1\?/,
  ],
  [
    'an availability zone',
    { cloudRegion: 'aws:eu-north-1a' },
    'unknown_grid_zone',
    '/cloudRegion',
    /Did you mean aws:eu-north-1\?/,
  ],
  ['another cloud', { cloudRegion: 'moon:base-1' }, 'unknown_grid_zone', '/cloudRegion', /give gridZone/],
  [
    'a region as zone',
    { gridZone: 'us-east-1' },
    'unknown_grid_zone',
    '/gridZone',
    /"cloudRegion": "aws:us-east-1", in zone US-MIDA-PJM/,
  ],
])('refuses %s, and says what to write', async (_, change, code, field, words) => {
  const response = await call('POST', '/v1/sites', { ...unplaced, id: 'nowhere', ...change });
  const body = await response.clone().text();
  expect(await refusal(response)).toEqual({ status: 422, code, field });
  expect(JSON.parse(body).detail).toMatch(words);
});

test('a change by zone and region at once is refused', async () => {
  await call('POST', '/v1/sites', { ...berlin, id: 'twice' });
  const change = { gridZone: 'FR', cloudRegion: 'gcp:europe-west9' };
  expect(await refusal(await call('PATCH', '/v1/sites/twice', change))).toMatchObject({
    code: 'invalid_body',
  });
});

test('a taken id is refused and changes nothing', async () => {
  await call('POST', '/v1/sites', { ...berlin, id: 'taken' });
  const again = await call('POST', '/v1/sites', { ...berlin, id: 'taken', gridZone: 'FR' });
  expect(await refusal(again)).toEqual({ status: 409, code: 'already_exists' });
  expect((await api<Site>('GET', '/v1/sites/taken')).history).toHaveLength(3);
});

test('an empty change and an unknown site are refused', async () => {
  expect(await refusal(await call('PATCH', '/v1/sites/berlin', {}))).toMatchObject({
    status: 422,
    code: 'invalid_body',
  });
  expect(await refusal(await call('PATCH', '/v1/sites/nowhere', { pueRatio: 1.2 }))).toEqual({
    status: 404,
    code: 'not_found',
  });
});

test('the list pages by id without losing or repeating any', async () => {
  for (const id of ['p-1', 'p-2', 'p-3']) await call('POST', '/v1/sites', { ...berlin, id });
  const seen: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const page: { sites: Site[]; nextCursor: string | null } = await api('GET', `/v1/sites?limit=2${query}`);
    expect(page.sites.length).toBeLessThanOrEqual(2);
    expect(page.sites.every((site) => site.gridZone !== null)).toBe(true);
    seen.push(...page.sites.map((site) => site.id));
    cursor = page.nextCursor;
  }
  expect(seen).toEqual([...new Set(seen)].sort());
  expect(seen).toEqual(expect.arrayContaining(['p-1', 'p-2', 'p-3']));
});

test.each(['limit=0', 'limit=x', 'limit=201', 'cursor=xyz', 'page=2'])('refuses %s', async (query) => {
  expect(await refusal(await call('GET', `/v1/sites?${query}`))).toEqual({
    status: 400,
    code: 'invalid_parameter',
    field: query.split('=')[0],
  });
});
