import { env } from 'cloudflare:test';
import { expect, test } from 'vitest';
import { parseToken } from '../../../shared/auth/token-format.ts';
import { api, call, refusal } from '../support/api.ts';
import { enrol, ensureSite, host, newEnrolmentKey } from '../support/enrolment.ts';

const { DB } = env as unknown as { DB: D1Database };

test('a token is shown once and its secret is stored nowhere', async () => {
  const issued = await call('POST', '/v1/tokens', { label: 'grafana', scope: 'read' });
  expect(issued.status).toBe(201);
  const { token, ...view } = await issued.json<{ token: string; id: string }>();
  expect(view).toMatchObject({ label: 'grafana', scope: 'read', nodeId: null, revokedAt: null });
  const list = await (await call('GET', '/v1/tokens')).text();
  expect(JSON.parse(list).tokens).toContainEqual(view);
  const { secret } = parseToken(token)!;
  const stored = JSON.stringify(await DB.prepare('SELECT * FROM tokens').all());
  expect(stored).toContain(view.id);
  for (const text of [list, stored]) expect(text).not.toContain(secret);
  expect(list).not.toMatch(/[0-9a-f]{64}/);
});

test('an enrolment key is shown once and its secret is stored nowhere', async () => {
  await ensureSite('berlin');
  const body = { label: 'rack 7', site: 'berlin', labels: { team: 'nlp' }, maxUses: 8 };
  const { key, ...view } = await api<{ key: string; id: string; expiresAt: string; createdAt: string }>(
    'POST',
    '/v1/enrolment-keys',
    body,
  );
  expect(view).toMatchObject({ ...body, uses: 0, onKnownHost: 'replace', revokedAt: null });
  expect(Date.parse(view.expiresAt) - Date.parse(view.createdAt)).toBe(86_400_000);
  const list = await (await call('GET', '/v1/enrolment-keys')).text();
  expect(JSON.parse(list).enrolmentKeys).toContainEqual(view);
  const stored = JSON.stringify(await DB.prepare('SELECT * FROM enrolment_keys').all());
  for (const text of [list, stored]) expect(text).not.toContain(parseToken(key)!.secret);
  expect(list).not.toMatch(/[0-9a-f]{64}/);
});

test('by default a key enrols one host, within a day', async () => {
  await ensureSite('berlin');
  const key = await api<{ maxUses: number }>('POST', '/v1/enrolment-keys', { label: 'one', site: 'berlin' });
  expect(key.maxUses).toBe(1);
});

test('the tokens of nodes are listed with their node', async () => {
  const { token } = await enrol(await newEnrolmentKey(), host('listed'));
  const { tokens } = await api<{ tokens: { id: string }[] }>('GET', '/v1/tokens?limit=200');
  expect(tokens.find(({ id }) => id === parseToken(token)!.id)).toMatchObject({
    scope: 'ingest',
    nodeId: 'listed',
  });
});

test('revoking twice is no error and keeps the first date; an unknown id is', async () => {
  const { id } = await api<{ id: string }>('POST', '/v1/tokens', { label: 'x', scope: 'read' });
  const revokedAt = async () =>
    (await DB.prepare('SELECT revoked_at_ms AS at FROM tokens WHERE id = ?')
      .bind(id)
      .first<{ at: number }>())!.at;
  expect((await call('DELETE', `/v1/tokens/${id}`)).status).toBe(204);
  await DB.prepare('UPDATE tokens SET revoked_at_ms = 5 WHERE id = ?').bind(id).run();
  expect((await call('DELETE', `/v1/tokens/${id}`)).status).toBe(204);
  expect(await revokedAt()).toBe(5);
  for (const path of ['/v1/tokens/nobody', '/v1/enrolment-keys/nobody', '/v1/tokens/admin']) {
    expect(await refusal(await call('DELETE', path))).toEqual({ status: 404, code: 'not_found' });
  }
});

test.each([
  ['/v1/tokens', { label: 'x', scope: 'ingest' }, '/scope'],
  ['/v1/tokens', { label: '', scope: 'read' }, '/label'],
  ['/v1/tokens', { scope: 'read' }, '/label'],
  ['/v1/tokens', { label: 'x', scope: 'read', id: 'mine' }, '/id'],
  ['/v1/tokens', [], ''],
  ['/v1/enrolment-keys', { label: 'x', site: 'nowhere' }, '/site'],
  ['/v1/enrolment-keys', { label: 'x', site: 'berlin', maxUses: 0 }, '/maxUses'],
  ['/v1/enrolment-keys', { label: 'x', site: 'berlin', maxUses: 1.5 }, '/maxUses'],
  ['/v1/enrolment-keys', { label: 'x', site: 'berlin', expiresAt: '2020-01-01T00:00:00Z' }, '/expiresAt'],
  ['/v1/enrolment-keys', { label: 'x', site: 'berlin', expiresAt: 'tomorrow' }, '/expiresAt'],
  ['/v1/enrolment-keys', { label: 'x', site: 'berlin', onKnownHost: 'merge' }, '/onKnownHost'],
  ['/v1/enrolment-keys', { label: 'x', site: 'berlin', labels: { 'a b': 'c' } }, '/labels/a b'],
  ['/v1/enrolment-keys', { label: 'x', site: 'berlin', labels: { a: 1 } }, '/labels/a'],
])('POST %s refuses %j', async (path, body, field) => {
  await ensureSite('berlin');
  expect(await refusal(await call('POST', path, body))).toEqual({ status: 422, code: 'invalid_body', field });
});
