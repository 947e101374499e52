/** What is answered when something is wrong, and the headers of every answer. */
import { SELF } from 'cloudflare:test';
import { expect, test } from 'vitest';
import { ADMIN_TOKEN } from '../support/admin-token.ts';
import { call, refusal } from '../support/api.ts';
import { clockedApi } from '../support/clocked-api.ts';

const NOW_MS = Date.UTC(2026, 0, 1);

test.each([
  ['an answer', 'GET', '/healthz', 200],
  ['a page', 'GET', '/docs', 200],
  ['a refusal', 'GET', '/v1/nodes', 401],
  ['an unknown route', 'GET', '/v1/nothing', 404],
  ['a wrong method', 'PUT', '/v1/nodes', 405],
])('the headers of %s', async (_, method, path, status) => {
  const response = await call(method, path, undefined, { token: null });
  expect(response.status).toBe(status);
  const headers = Object.fromEntries(response.headers);
  delete headers['content-length'];
  delete headers['content-type'];
  expect(headers).toEqual({
    'content-security-policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
    ...(status === 401 ? { 'www-authenticate': 'Bearer realm="wattshed"' } : {}),
    ...(status === 405 ? { allow: 'GET, PATCH' } : {}),
  });
});

test('over TLS the browser is told to stay there', async () => {
  const response = await SELF.fetch('https://wattshed.test/healthz');
  expect(response.headers.get('Strict-Transport-Security')).toBe('max-age=31536000');
});

test('no other origin may read: there is no CORS', async () => {
  const response = await call('OPTIONS', '/v1/nodes', undefined, {
    headers: { Origin: 'https://elsewhere.test', 'Access-Control-Request-Method': 'GET' },
  });
  expect(response.status).toBe(405);
  expect(response.headers.get('Access-Control-Allow-Origin')).toBeNull();
});

test('a wrong method names the right ones', async () => {
  const response = await call('POST', '/v1/sites/berlin', {});
  expect(response.headers.get('Allow')).toBe('DELETE, GET, PATCH');
  expect(await refusal(response)).toEqual({ status: 405, code: 'method_not_allowed' });
});

const send = (body: BodyInit, contentType: string | null) =>
  SELF.fetch('http://wattshed.test/v1/sites', {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${ADMIN_TOKEN}`,
      ...(contentType === null ? {} : { 'Content-Type': contentType }),
    },
    body,
  });

test.each([
  ['form data', 'a=b', 'application/x-www-form-urlencoded', 415, 'unsupported_media_type'],
  ['text', '{}', 'text/plain', 415, 'unsupported_media_type'],
  ['almost JSON', '{}', 'application/jsonp', 415, 'unsupported_media_type'],
  ['half a body', '{"id": "ber', 'application/json', 400, 'malformed_body'],
  ['a number out of JSON', '{"pueRatio": NaN}', 'application/json', 400, 'malformed_body'],
  ['an empty body', '', 'application/json', 400, 'malformed_body'],
  ['null', 'null', 'application/json', 422, 'invalid_body'],
])('%s is refused', async (_, body, contentType, status, code) => {
  expect(await refusal(await send(body, contentType))).toMatchObject({ status, code });
});

test.each([
  [{}, '/id: missing; expected string. (1 more thing is wrong.)'],
  [[], 'The body: expected object, received array.'],
  [{ id: 7, gridZone: 'DE', pueRatio: 1 }, '/id: expected string, received number.'],
  [{ id: 'a', gridZone: 'DE', pueRatio: 1, pue: 2 }, '/pue: unknown field; remove it or check its spelling.'],
  [
    { id: 'a', gridZone: 'DE', pueRatio: 0.5 },
    '/pueRatio: expected 1 or more: PUE is facility energy / IT energy.',
  ],
])('%j is told: %s', async (body, detail) => {
  const response = await call('POST', '/v1/sites', body);
  expect((await response.json<{ detail: string }>()).detail).toBe(detail);
});

test('a Content-Type with a charset is good', async () => {
  const body = JSON.stringify({ id: 'charset', gridZone: 'DE', pueRatio: 1 });
  expect((await send(body, 'Application/JSON; charset=utf-8')).status).toBe(201);
});

test('a body without end is cut off, declared or not', async () => {
  const bytes = new Uint8Array(1024 * 1024 + 1).fill(32);
  expect(await refusal(await send(bytes, 'application/json'))).toEqual({
    status: 413,
    code: 'body_too_large',
  });
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024).fill(32)),
  });
  const undeclared = await SELF.fetch('http://wattshed.test/v1/sites', {
    method: 'POST',
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, 'Content-Type': 'application/json' },
    body: stream,
  });
  expect(await refusal(undeclared)).toEqual({ status: 413, code: 'body_too_large' });
});

/** A database that answers every statement with this error: the platform's own texts. */
const failing = (message: string) => {
  const fail = () => Promise.reject(new Error(message));
  const statement = { bind: () => statement, all: fail, first: fail, raw: fail, run: fail };
  const database = { prepare: () => statement, batch: fail };
  const session = { ...database, getBookmark: () => null };
  return { ...database, withSession: () => session } as unknown as D1Database;
};

test.each([
  'D1_ERROR: D1 DB is overloaded. Requests queued for too long.',
  'D1_ERROR: D1 DB is overloaded. Too many requests queued.',
  'Network connection lost.',
  'D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.',
  'D1 DB reset because its code was updated.',
  'Internal error in D1 DB storage caused object to be reset.',
])('%s is answered with 503 and when to come back', async (message) => {
  const worker = clockedApi(NOW_MS, { DB: failing(message) });
  for (const path of ['/v1/nodes', '/v1/sites']) {
    const response = await worker.call('GET', path);
    expect(Number(response.headers.get('Retry-After'))).toBeGreaterThanOrEqual(10);
    const body = await response.text();
    expect({ status: response.status, code: JSON.parse(body).code }).toEqual({
      status: 503,
      code: 'overloaded',
    });
    expect(body).not.toContain('D1');
  }
});

test('any other failure tells nothing of the inside', async () => {
  const worker = clockedApi(NOW_MS, { DB: failing('D1_ERROR: no such column: secret_sha256') });
  const response = await worker.call('GET', '/v1/sites');
  const body = await response.text();
  expect(response.status).toBe(500);
  expect(JSON.parse(body)).toEqual({
    type: '/docs#internal_error',
    title: 'internal error',
    status: 500,
    code: 'internal_error',
    detail: 'Something failed that is not your fault; the log of the Worker says what.',
  });
  expect(response.headers.get('X-Content-Type-Options')).toBe('nosniff');
});
