import { env } from 'cloudflare:test';
import { expect, test } from 'vitest';
import { parseToken } from '../../../shared/auth/token-format.ts';
import { ADMIN_TOKEN } from '../support/admin-token.ts';
import { api, call, refusal } from '../support/api.ts';
import { enrol, ensureSite, host, newEnrolmentKey } from '../support/enrolment.ts';

const { DB } = env as unknown as { DB: D1Database };

interface NodeReply {
  id: string;
  site: string;
  gridZone: string;
  labels: Record<string, string>;
  state: string;
  siteHistory: { site: string; effectiveFrom: string; recordedBy: string }[];
}

const countNodes = async () =>
  (await DB.prepare('SELECT COUNT(*) AS n FROM nodes').first<{ n: number }>())!.n;
const usesOf = async (key: string) =>
  (await DB.prepare('SELECT uses FROM enrolment_keys WHERE id = ?')
    .bind(parseToken(key)!.id)
    .first<{ uses: number }>())!.uses;

test('a new host becomes a node with the site, zone and labels of the key', async () => {
  const key = await newEnrolmentKey({ labels: { team: 'nlp' } });
  const reply = await enrol(key, host('gpu-01.rack.example.org'));
  expect(reply).toMatchObject({ nodeId: 'gpu-01', site: 'berlin', gridZone: 'DE' });
  expect(parseToken(reply.token)).not.toBeNull();
  expect(await usesOf(key)).toBe(1);
  const node = await api<NodeReply>('GET', '/v1/nodes/gpu-01');
  expect(node).toMatchObject({
    site: 'berlin',
    gridZone: 'DE',
    labels: { team: 'nlp' },
    state: 'neverReported',
  });
  expect(node.siteHistory).toMatchObject([
    { site: 'berlin', effectiveFrom: '1970-01-01T00:00:00.000Z', recordedBy: parseToken(key)!.id },
  ]);
});

test.each([
  ['GPU_07', 'gpu-07'],
  ['--', 'node'],
  ['größe', 'gr-e'],
  [`${'x'.repeat(60)}.example.org`, 'x'.repeat(40)],
])('hostname %s becomes node %s', async (hostname, nodeId) => {
  expect((await enrol(await newEnrolmentKey(), host(hostname))).nodeId).toBe(nodeId);
});

test('hosts of one name get ids of their own', async () => {
  const key = await newEnrolmentKey();
  const replies = [];
  for (const machine of ['a', 'b', 'c'])
    replies.push(await enrol(key, host('same', { machine: `same-${machine}` })));
  expect(replies.map((reply) => reply.nodeId)).toEqual(['same', 'same-2', 'same-3']);
});

test('a known host keeps its node and its labels, and its old token ends', async () => {
  const first = await enrol(await newEnrolmentKey({ labels: { team: 'nlp', rack: '7' } }), host('known'));
  await api('PATCH', '/v1/nodes/known', { labels: { team: 'vision' } });
  const nodes = await countNodes();
  const again = await enrol(await newEnrolmentKey({ labels: { team: 'nlp', hall: '2' } }), host('known'));
  expect(again.nodeId).toBe('known');
  expect(again.token).not.toBe(first.token);
  expect(await countNodes()).toBe(nodes);
  expect((await api<NodeReply>('GET', '/v1/nodes/known')).labels).toEqual({
    team: 'vision',
    rack: '7',
    hall: '2',
  });
  const { results } = await DB.prepare(
    'SELECT tokens.id, revoked_at_ms IS NOT NULL AS ended FROM tokens JOIN nodes ON nodes.number = node_number WHERE nodes.id = ?',
  )
    .bind('known')
    .all<{ id: string; ended: number }>();
  expect(new Map(results.map(({ id, ended }) => [id, ended]))).toEqual(
    new Map([
      [parseToken(first.token)!.id, 1],
      [parseToken(again.token)!.id, 0],
    ]),
  );
});

test('a host whose GPUs were changed is known by its machine', async () => {
  const key = await newEnrolmentKey();
  await enrol(key, host('swapped', { machine: 'swap-1', gpus: 'old' }));
  expect((await enrol(key, host('renamed', { machine: 'swap-1', gpus: 'new' }))).nodeId).toBe('swapped');
});

test('a key of another site moves a known host from now on', async () => {
  await ensureSite('paris', 'FR');
  await enrol(await newEnrolmentKey(), host('moving'));
  const again = await enrol(await newEnrolmentKey({ site: 'paris' }), host('moving'));
  expect(again).toMatchObject({ site: 'paris', gridZone: 'FR' });
  const node = await api<NodeReply>('GET', '/v1/nodes/moving');
  expect(node.site).toBe('paris');
  expect(node.siteHistory.map((row) => row.site)).toEqual(['berlin', 'paris']);
  expect(Date.parse(node.siteHistory[1]!.effectiveFrom)).toBeGreaterThan(Date.UTC(2020));
});

test('a key that refuses known hosts answers 409 and counts no use', async () => {
  await enrol(await newEnrolmentKey(), host('once'));
  const key = await newEnrolmentKey({ onKnownHost: 'refuse' });
  expect(await refusal(await call('POST', '/v1/enroll', host('once'), { token: key }))).toEqual({
    status: 409,
    code: 'host_already_enrolled',
  });
  expect(await usesOf(key)).toBe(0);
});

test('a used-up key enrols nobody more', async () => {
  const key = await newEnrolmentKey({ maxUses: 2 });
  await enrol(key, host('limit-1'));
  await enrol(key, host('limit-2'));
  expect(await refusal(await call('POST', '/v1/enroll', host('limit-3'), { token: key }))).toEqual({
    status: 403,
    code: 'enrolment_key_exhausted',
  });
  expect((await call('GET', '/v1/nodes/limit-3')).status).toBe(404);
});

test('of many hosts at once exactly as many enrol as the key allows', async () => {
  const key = await newEnrolmentKey({ maxUses: 5 });
  const before = await countNodes();
  const responses = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      call('POST', '/v1/enroll', host('race', { machine: `race-${index}` }), { token: key }),
    ),
  );
  const statuses = responses.map((response) => response.status).sort();
  expect(statuses).toEqual([...Array(5).fill(200), ...Array(7).fill(403)]);
  const ids = await Promise.all(
    responses.filter((r) => r.ok).map(async (r) => (await r.json<{ nodeId: string }>()).nodeId),
  );
  expect(new Set(ids).size).toBe(5);
  expect(await usesOf(key)).toBe(5);
  expect(await countNodes()).toBe(before + 5);
});

test('one host that enrols many times at once is one node with one living token', async () => {
  const key = await newEnrolmentKey();
  const before = await countNodes();
  const replies = await Promise.all(Array.from({ length: 6 }, () => enrol(key, host('twice'))));
  expect(new Set(replies.map((reply) => reply.nodeId))).toEqual(new Set(['twice']));
  expect(await countNodes()).toBe(before + 1);
  const living = await DB.prepare(
    `SELECT COUNT(*) AS n FROM tokens JOIN nodes ON nodes.number = node_number
     WHERE nodes.id = 'twice' AND revoked_at_ms IS NULL`,
  ).first<{ n: number }>();
  expect(living!.n).toBe(1);
});

test('a retired host comes back as itself', async () => {
  const key = await newEnrolmentKey();
  await enrol(key, host('retired'));
  expect((await call('DELETE', '/v1/nodes/retired')).status).toBe(204);
  expect((await enrol(key, host('retired'))).nodeId).toBe('retired');
  expect((await api<NodeReply>('GET', '/v1/nodes/retired')).state).toBe('neverReported');
});

test('revoked, expired and foreign keys are refused as unauthenticated', async () => {
  const revoked = await newEnrolmentKey();
  await call('DELETE', `/v1/enrolment-keys/${parseToken(revoked)!.id}`);
  const expired = await newEnrolmentKey();
  await DB.prepare('UPDATE enrolment_keys SET expires_at_ms = 1 WHERE id = ?')
    .bind(parseToken(expired)!.id)
    .run();
  const good = await newEnrolmentKey();
  const node = await enrol(good, host('thief'));
  for (const token of [revoked, expired, node.token, ADMIN_TOKEN, null]) {
    const response = await call('POST', '/v1/enroll', host('never'), { token });
    expect(response.headers.get('WWW-Authenticate')).toBe('Bearer realm="wattshed"');
    expect(await refusal(response)).toEqual({ status: 401, code: 'unauthenticated' });
  }
  expect((await call('GET', '/v1/nodes/never')).status).toBe(404);
});

test.each([
  ['a fingerprint that is no digest', { fingerprint: 'ABC' }, '/fingerprint'],
  ['an empty hostname', { hostname: '' }, '/hostname'],
  ['a hostname of two lines', { hostname: 'a\nb' }, '/hostname'],
  ['an unknown field', { gpus: 8 }, '/gpus'],
])('refuses %s', async (_, change, field) => {
  const key = await newEnrolmentKey();
  const response = await call('POST', '/v1/enroll', { ...host('bad'), ...change }, { token: key });
  expect(await refusal(response)).toEqual({ status: 422, code: 'invalid_body', field });
  expect(await usesOf(key)).toBe(0);
});
