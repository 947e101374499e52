import { expect, test } from 'vitest';
import { createProviderHttp } from '../../../worker/grid/http.ts';
import { type Answer, fetchOf } from './recorded.ts';

const url = new URL('https://provider.test/series');
const getJson = (answer: Answer, nowMs = 0) =>
  createProviderHttp({ fetch: fetchOf(answer).fetch, nowMs }).getJson(url);

test('a JSON document comes through', async () => {
  expect(await getJson(() => new Response('{"a":[1,2]}'))).toEqual({ ok: true, body: { a: [1, 2] } });
});

test('a body is read up to its cap and no further', async () => {
  let pulled = 0;
  let cancelled = false;
  const body = new ReadableStream({
    pull: (controller) => {
      pulled += 1;
      controller.enqueue(new Uint8Array(1024 * 1024));
    },
    cancel: () => {
      cancelled = true;
    },
  });
  const reply = await getJson(() => new Response(body));
  expect(reply).toMatchObject({
    failure: { outcome: 'failed', reason: expect.stringMatching(/larger than/) },
  });
  expect(cancelled).toBe(true);
  expect(pulled).toBeLessThan(6);
});

test('a server that never answers is given up', async () => {
  const fetch: typeof globalThis.fetch = (_, init) =>
    new Promise((_resolve, reject) => {
      const signal = init!.signal!;
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  const http = createProviderHttp({ fetch, nowMs: 0, timeoutMs: 1 });
  expect(await http.getJson(url)).toMatchObject({
    failure: { outcome: 'failed', reason: expect.stringMatching(/no reply: TimeoutError/) },
  });
});

test('a redirect is not followed: it could take the key elsewhere', async () => {
  let redirect: RequestInit['redirect'];
  const fetch: typeof globalThis.fetch = async (_, init) => {
    redirect = init?.redirect;
    return new Response(null, { status: 301, headers: { Location: 'https://elsewhere.test/' } });
  };
  const reply = await createProviderHttp({ fetch, nowMs: 0 }).getJson(url, { 'auth-token': 'secret' });
  expect(redirect).toBe('manual');
  expect(reply).toMatchObject({ failure: { outcome: 'failed', reason: 'HTTP 301: (empty)' } });
});

test.each([
  [429, null, { outcome: 'rateLimited', retryAfterMs: null }],
  [429, '7', { outcome: 'rateLimited', retryAfterMs: 7000 }],
  [429, 'soon', { outcome: 'rateLimited', retryAfterMs: null }],
  [429, '-5', { outcome: 'rateLimited', retryAfterMs: null }],
  [503, '30', { outcome: 'rateLimited', retryAfterMs: 30_000 }],
  [503, null, { outcome: 'failed' }],
  [403, '30', { outcome: 'failed' }],
])('%s with Retry-After %s', async (status, header, expected) => {
  const headers = header === null ? {} : { 'Retry-After': header };
  const reply = await getJson(() => new Response('', { status, headers }));
  expect(reply).toMatchObject({ ok: false, failure: expected });
});

test('the reason is one short printable line of what came', async () => {
  const page = `<html>\u0000\u001b[31m\n\n${'long '.repeat(1000)}</html>`;
  const reply = await getJson(() => new Response(page));
  const reason = reply.ok ? '' : reply.failure.reason;
  expect(reason).toMatch(/^the reply is a web page: <html>/);
  expect(reason).not.toMatch(/\p{Cc}/u);
  expect(reason.length).toBeLessThan(220);
});
