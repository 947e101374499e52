/** Reads run in sessions; a bookmark of an earlier answer tells how new the next one must be. */
import { expect, test } from 'vitest';
import { api, call, refusal } from '../support/api.ts';
import { ensureSite } from '../support/enrolment.ts';

const HEADER = 'Wattshed-Bookmark';

test('an answer says how new it is, and the next one is at least as new', async () => {
  await ensureSite('before');
  const first = await call('GET', '/v1/sites');
  const bookmark = first.headers.get(HEADER);
  expect(bookmark).toMatch(/^[0-9a-z-]+(\.[0-9a-z-]*)*$/);
  await ensureSite('after');
  for (const headers of [{}, { [HEADER]: bookmark! }]) {
    const { sites } = await api<{ sites: { id: string }[] }>('GET', '/v1/sites', undefined, { headers });
    expect(sites.map(({ id }) => id)).toContain('after');
  }
  const later = await call('GET', '/v1/sites');
  expect(later.headers.get(HEADER)! >= bookmark!).toBe(true);
});

test('changes and public pages have none', async () => {
  const created = await call('POST', '/v1/sites', { id: 'plain', gridZone: 'DE' });
  expect(created.headers.get(HEADER)).toBeNull();
  expect((await call('GET', '/openapi.json', undefined, { token: null })).headers.get(HEADER)).toBeNull();
});

test('what is no bookmark is named', async () => {
  const response = await call('GET', '/v1/sites', undefined, { headers: { [HEADER]: 'a b' } });
  expect(await refusal(response)).toEqual({ status: 400, code: 'invalid_parameter', field: HEADER });
});
