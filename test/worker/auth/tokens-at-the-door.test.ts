import { expect, test } from 'vitest';
import { createToken, parseToken } from '../../../shared/auth/token-format.ts';
import { webCrypto } from '../../../worker/http/web-crypto.ts';
import { ADMIN_TOKEN } from '../support/admin-token.ts';
import { api, call, refusal } from '../support/api.ts';
import { clockedApi } from '../support/clocked-api.ts';
import { enrol, host, newEnrolmentKey } from '../support/enrolment.ts';

const newToken = async (scope: 'read' | 'admin') =>
  (await api<{ token: string }>('POST', '/v1/tokens', { label: 'test', scope })).token;

const flipCase = (text: string) =>
  text.replace(/[A-Za-z]/g, (letter) => (letter < 'a' ? letter.toLowerCase() : letter.toUpperCase()));

test('a read token reads, an admin token does all', async () => {
  const [read, admin] = [await newToken('read'), await newToken('admin')];
  expect((await call('GET', '/v1/nodes', undefined, { token: read })).status).toBe(200);
  expect((await call('GET', '/v1/nodes', undefined, { token: admin })).status).toBe(200);
  expect((await call('GET', '/v1/tokens', undefined, { token: admin })).status).toBe(200);
  expect(await refusal(await call('GET', '/v1/tokens', undefined, { token: read }))).toEqual({
    status: 403,
    code: 'forbidden_scope',
  });
});

test('the scheme is case-insensitive, the token is not', async () => {
  const read = await newToken('read');
  const withHeader = (value: string) =>
    call('GET', '/v1/nodes', undefined, { token: null, headers: { Authorization: value } });
  expect((await withHeader(`bearer ${read}`)).status).toBe(200);
  expect((await withHeader(`Bearer  ${read}`)).status).toBe(200);
  for (const value of [
    read,
    `Basic ${read}`,
    `Bearer ${read} ${read}`,
    'Bearer',
    `Bearer ${flipCase(read)}`,
  ]) {
    expect(await refusal(await withHeader(value))).toEqual({ status: 401, code: 'unauthenticated' });
  }
});

test.each(['truncated', 'prolonged', 'other case', 'other secret', 'unknown', 'garbled', 'empty', 'missing'])(
  'a token that is %s is refused, with the way to authenticate',
  async (kind) => {
    const token = await newToken('read');
    const other = await newToken('read');
    const { id } = parseToken(token)!;
    const shown: Record<string, string | null> = {
      truncated: token.slice(0, -1),
      prolonged: `${token}0`,
      'other case': flipCase(token),
      'other secret': `wsk_${id}_${parseToken(other)!.secret}`,
      unknown: (await createToken(webCrypto)).token,
      garbled: 'wsk_\u00e9',
      empty: '',
      missing: null,
    };
    const headers = shown[kind] === null ? {} : { Authorization: `Bearer ${encodeURI(shown[kind]!)}` };
    const response = await call('GET', '/v1/nodes', undefined, { token: null, headers });
    expect(response.headers.get('WWW-Authenticate')).toBe('Bearer realm="wattshed"');
    expect(response.headers.get('Content-Type')).toBe('application/problem+json');
    expect(await refusal(response)).toEqual({ status: 401, code: 'unauthenticated' });
  },
);

test('an enrolment key is told what it is good for', async () => {
  const key = await newEnrolmentKey();
  const response = await call('GET', '/v1/nodes', undefined, { token: key });
  expect(response.status).toBe(401);
  expect((await response.json<{ detail: string }>()).detail).toContain('POST /v1/enroll');
});

test("a node's token neither reads nor changes anything", async () => {
  const { token } = await enrol(await newEnrolmentKey(), host('writer'));
  for (const [method, path] of [
    ['GET', '/v1/nodes'],
    ['GET', '/v1/nodes/writer'],
    ['DELETE', '/v1/nodes/writer'],
    ['GET', '/v1/tokens'],
  ] as const) {
    expect(await refusal(await call(method, path, undefined, { token }))).toEqual({
      status: 403,
      code: 'forbidden_scope',
    });
  }
});

test("an agent with another node's token is told so, before its body is looked at", async () => {
  const key = await newEnrolmentKey();
  const mine = await enrol(key, host('mine'));
  await enrol(key, host('other'));
  const send = (node: string) =>
    call(
      'POST',
      '/v1/ingest',
      { not: 'a report' },
      { token: mine.token, headers: { 'Wattshed-Node': node } },
    );
  expect(await refusal(await send('other'))).toEqual({
    status: 403,
    code: 'wrong_node',
    field: 'Wattshed-Node',
  });
  expect((await send('mine')).status).toBe(422);
});

test('without a hash of its secret there is no operator', async () => {
  const worker = clockedApi(Date.UTC(2026, 0, 1), { ADMIN_SECRET_SHA256: '' });
  expect((await worker.call('GET', '/v1/tokens', undefined, ADMIN_TOKEN)).status).toBe(401);
});

test('a token revoked elsewhere stops within 60 seconds, one revoked here at once', async () => {
  const start = Date.UTC(2026, 0, 1);
  const here = clockedApi(start);
  const elsewhere = clockedApi(start);
  const issue = async () =>
    await (await here.call('POST', '/v1/tokens', { label: 'x', scope: 'read' })).json<{
      token: string;
      id: string;
    }>();
  const { token, id } = await issue();
  expect((await here.call('GET', '/v1/nodes', undefined, token)).status).toBe(200);
  expect((await elsewhere.call('GET', '/v1/nodes', undefined, token)).status).toBe(200);

  expect((await here.call('DELETE', `/v1/tokens/${id}`)).status).toBe(204);
  expect((await here.call('GET', '/v1/nodes', undefined, token)).status).toBe(401);

  elsewhere.nowMs = start + 59_999;
  expect((await elsewhere.call('GET', '/v1/nodes', undefined, token)).status).toBe(200);
  elsewhere.nowMs = start + 60_000;
  const refused = await elsewhere.call('GET', '/v1/nodes', undefined, token);
  expect((await refused.json<{ detail: string }>()).detail).toBe('This token was revoked.');
});

test('a clock that is set back does not keep a revoked token alive', async () => {
  const start = Date.UTC(2026, 0, 1);
  const [here, elsewhere] = [clockedApi(start), clockedApi(start)];
  const issued = await here.call('POST', '/v1/tokens', { label: 'x', scope: 'read' });
  const { token, id } = await issued.json<{ token: string; id: string }>();
  expect((await elsewhere.call('GET', '/v1/nodes', undefined, token)).status).toBe(200);
  await here.call('DELETE', `/v1/tokens/${id}`);
  elsewhere.nowMs = start - 1;
  expect((await elsewhere.call('GET', '/v1/nodes', undefined, token)).status).toBe(401);
});
