import { env } from 'cloudflare:test';
import { beforeEach, expect, test } from 'vitest';
import { api, call, refusal } from '../support/api.ts';
import { clockedApi } from '../support/clocked-api.ts';

const { DB } = env as unknown as { DB: D1Database };

const silence = { comment: 'cooling', filter: 'site:berlin', endsAt: '2099-01-01T02:00:00Z' };

beforeEach(() => DB.prepare('DELETE FROM alert_silences').run());

test('a silence begins now, and is read, changed, listed and deleted', async () => {
  const clocked = clockedApi(Date.UTC(2026, 0, 5));
  const made = await (
    await clocked.call('POST', '/v1/silences', { comment: 'c', endsAt: '2026-01-06T00:00:00Z' })
  ).json<{
    id: string;
  }>();
  expect(made).toMatchObject({
    ruleNames: [],
    filter: '',
    startsAt: '2026-01-05T00:00:00.000Z',
    endsAt: '2026-01-06T00:00:00.000Z',
    repeats: 'never',
    createdAt: '2026-01-05T00:00:00.000Z',
  });
  const path = `/v1/silences/${made.id}`;
  expect(await api('GET', path)).toEqual(made);
  const changed = await api('PATCH', path, { endsAt: '2026-01-05T01:00:00Z', ruleNames: ['Dirty'] });
  expect(changed).toEqual({ ...made, endsAt: '2026-01-05T01:00:00.000Z', ruleNames: ['Dirty'] });
  expect(await api('GET', '/v1/silences')).toEqual({ silences: [changed], nextCursor: null });
  expect((await call('DELETE', path)).status).toBe(204);
  for (const method of ['GET', 'DELETE'] as const) expect((await call(method, path)).status).toBe(404);
});

test.each([
  [{ ...silence, filter: 'planet:earth' }, '/filter'],
  [{ ...silence, startsAt: '2099-01-01T02:00:00Z' }, '/endsAt'],
  [{ ...silence, repeats: 'daily', startsAt: '2098-12-30T00:00:00Z' }, '/endsAt'],
  [{ ...silence, comment: '' }, '/comment'],
  [{ comment: 'for ever' }, '/endsAt'],
])('%j is refused at %s', async (body, field) => {
  expect(await refusal(await call('POST', '/v1/silences', body))).toEqual({
    status: 422,
    code: 'invalid_body',
    field,
  });
});

test('a change is checked together with what stays', async () => {
  const startsAt = '2099-01-01T00:00:00Z';
  const { id } = await api<{ id: string }>('POST', '/v1/silences', {
    ...silence,
    startsAt,
    repeats: 'daily',
  });
  const change = { endsAt: '2099-01-03T00:00:00Z' };
  expect(await refusal(await call('PATCH', `/v1/silences/${id}`, change))).toMatchObject({
    field: '/endsAt',
  });
  await api('PATCH', `/v1/silences/${id}`, { ...change, repeats: 'weekly' });
});
