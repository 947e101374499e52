import { env } from 'cloudflare:test';
import { beforeEach, expect, test } from 'vitest';
import { isSigningSecret } from '../../../worker/channels/signing-secret.ts';
import { api, call, refusal } from '../support/api.ts';
import { clockedApi } from '../support/clocked-api.ts';
import { HOSTILE_TARGETS } from './hostile-targets.ts';

const { DB } = env as unknown as { DB: D1Database };
const ROUTING_KEY = 'R0123456789abcdefghijklmnopqrstu';
const SECRET_URL = 'https://hooks.slack.com/services/T000/B000/very-secret';

const SETTINGS = {
  webhook: { url: SECRET_URL },
  slack: { url: SECRET_URL },
  teams: { url: SECRET_URL },
  pagerduty: { routingKey: ROUTING_KEY },
  alertmanager: { url: SECRET_URL, bearerToken: 'very-secret-token' },
};

beforeEach(() => DB.prepare('DELETE FROM alert_channels').run());

test.each(Object.entries(SETTINGS))('%s: nothing secret is shown again', async (type, settings) => {
  const response = await call('POST', '/v1/alert-channels', { id: 'ops', type, settings });
  expect(response.status).toBe(201);
  const created = await response.json<{ secret: string | null }>();
  expect(created).toMatchObject({
    id: 'ops',
    type,
    enabled: true,
    disabledReason: null,
    pending: 0,
    dead: 0,
  });
  expect(created.secret === null).toBe(type !== 'webhook');
  const { secret, ...view } = created;
  expect(await api('GET', '/v1/alert-channels')).toEqual({ alertChannels: [view] });
  expect(await api('GET', '/v1/alert-channels/ops')).toEqual(view);
  const patched = await api('PATCH', '/v1/alert-channels/ops', { enabled: false });
  const shown = JSON.stringify([view, patched]);
  for (const hidden of ['very-secret', ROUTING_KEY, secret ?? 'whsec_']) expect(shown).not.toContain(hidden);
});

test('a signing secret is made, taken or rotated; the one before signs on for a day', async () => {
  const own = `whsec_${btoa('s'.repeat(24))}`;
  const body = { type: 'webhook', settings: { url: SECRET_URL } };
  const made = await api<{ secret: string }>('POST', '/v1/alert-channels', { id: 'made', ...body });
  expect(isSigningSecret(made.secret)).toBe(true);
  expect(await api('POST', '/v1/alert-channels', { id: 'own', ...body, secret: own })).toMatchObject({
    secret: own,
  });
  const clocked = clockedApi(Date.UTC(2026, 0, 5));
  const rotated = await (await clocked.call('PATCH', '/v1/alert-channels/own', { rotateSecret: true })).json<{
    secret: string;
  }>();
  expect(isSigningSecret(rotated.secret) && rotated.secret !== own).toBe(true);
  expect(rotated).toMatchObject({ previousSecretUntil: '2026-01-06T00:00:00.000Z' });
  expect(await api('PATCH', '/v1/alert-channels/own', { enabled: true })).toMatchObject({ secret: null });
});

test('settings replace those before as a whole; the type stays', async () => {
  await api('POST', '/v1/alert-channels', { id: 'ops', type: 'slack', settings: { url: SECRET_URL } });
  expect(
    await api('PATCH', '/v1/alert-channels/ops', { settings: { url: 'https://hooks.slack.com/new' } }),
  ).toMatchObject({ target: 'https://hooks.slack.com/…' });
  for (const [settings, field] of [
    [{ url: 'https://10.0.0.1/' }, '/settings/url'],
    [{}, '/settings/url'],
    [{ url: SECRET_URL, more: 1 }, '/settings'],
  ] as const) {
    expect(await refusal(await call('PATCH', '/v1/alert-channels/ops', { settings }))).toEqual({
      status: 422,
      code: 'invalid_body',
      field,
    });
  }
  expect(await refusal(await call('PATCH', '/v1/alert-channels/ops', { type: 'teams' }))).toMatchObject({
    status: 422,
  });
  expect(await refusal(await call('PATCH', '/v1/alert-channels/ops', { rotateSecret: true }))).toMatchObject({
    field: '/rotateSecret',
  });
});

test.each([
  [{ id: 'ops', type: 'carrier-pigeon', settings: {} }, '/type'],
  [{ id: 'Ops!', type: 'slack', settings: { url: SECRET_URL } }, '/id'],
  [{ id: 'ops', type: 'slack', settings: { url: SECRET_URL }, secret: 'whsec_AAAA' }, '/secret'],
  [{ id: 'ops', type: 'webhook', settings: { url: SECRET_URL }, secret: 'whsec_AAAA' }, '/secret'],
  [{ id: 'ops', type: 'pagerduty', settings: { routingKey: 'short' } }, '/settings/routingKey'],
  [
    { id: 'ops', type: 'email', settings: { from: 'a@wattshed.dev', to: ['b@wattshed.dev\r\nx'] } },
    '/settings/to/0',
  ],
  [{ id: 'ops', type: 'email', settings: { from: 'a@wattshed.dev', to: ['b@wattshed.dev'] } }, '/type'],
])('%j is refused', async (body, field) => {
  expect(await refusal(await call('POST', '/v1/alert-channels', body))).toEqual({
    status: 422,
    code: 'invalid_body',
    field,
  });
});

test('a hostile target is refused when it is set, whatever the channel', async () => {
  for (const [index, url] of HOSTILE_TARGETS.entries()) {
    const [type, settings] = Object.entries(SETTINGS)[index % 5]!;
    const response = await call('POST', '/v1/alert-channels', {
      id: 'evil',
      type,
      settings: { ...settings, url },
    });
    expect([url, response.status]).toEqual([url, 422]);
  }
});

test('an id is taken once; a channel that rules tell stays; there are 50 at most', async () => {
  const body = { id: 'ops', type: 'slack', settings: { url: SECRET_URL } };
  await api('POST', '/v1/alert-channels', body);
  expect(await refusal(await call('POST', '/v1/alert-channels', body))).toMatchObject({
    code: 'already_exists',
  });
  await DB.prepare(
    `INSERT INTO alert_rules (id, name, rule, created_at_ms, changed_at_ms, changed_by) VALUES ('r', 'dirty', '{"channelIds":["ops"]}', 0, 0, 'admin')`,
  ).run();
  const inUse = await call('DELETE', '/v1/alert-channels/ops');
  expect(inUse.status).toBe(409);
  expect(await inUse.json()).toMatchObject({ code: 'in_use', detail: expect.stringContaining('"dirty"') });
  await DB.prepare('DELETE FROM alert_rules').run();
  expect((await call('DELETE', '/v1/alert-channels/ops')).status).toBe(204);
  for (const method of ['GET', 'DELETE']) {
    expect(await refusal(await call(method, '/v1/alert-channels/ops'))).toEqual({
      status: 404,
      code: 'not_found',
    });
  }
  for (let i = 0; i < 50; i++) await api('POST', '/v1/alert-channels', { ...body, id: `c${i}` });
  expect(await refusal(await call('POST', '/v1/alert-channels', body))).toMatchObject({ code: 'in_use' });
});

test.each(['wattshed.example.org', 'https://wattshed.example.org/page', 'ftp://wattshed.example.org'])(
  'PUBLIC_URL is the address of a server, not %s',
  async (url) => {
    await api('POST', '/v1/alert-channels', { id: 'ops', type: 'slack', settings: { url: SECRET_URL } });
    const tested = await clockedApi(Date.now(), { PUBLIC_URL: url }).call(
      'POST',
      '/v1/alert-channels/ops/test',
    );
    expect(tested.status).toBe(500);
  },
);

test('the flag of the operator is "true" or "false"', async () => {
  const body = { id: 'ops', type: 'slack', settings: { url: 'http://127.0.0.1:9/' } };
  const withFlag = (flag: string) =>
    clockedApi(Date.now(), { ALERT_TARGETS_ALLOW_LOOPBACK: flag }).call('POST', '/v1/alert-channels', body);
  expect((await withFlag('false')).status).toBe(422);
  expect((await withFlag('true')).status).toBe(201);
  expect((await withFlag('yes')).status).toBe(500);
});
