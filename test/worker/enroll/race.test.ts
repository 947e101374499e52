/** Enrolments that meet: another one goes through between the look and the transaction of the first. */
import { env } from 'cloudflare:test';
import { expect, test } from 'vitest';
import { parseToken } from '../../../shared/auth/token-format.ts';
import { webCrypto } from '../../../worker/http/web-crypto.ts';
import { Shards } from '../../../worker/storage/shards.ts';
import { enrolHost } from '../../../worker/use-cases/enrol.ts';
import { call } from '../support/api.ts';
import { enrol, host, newEnrolmentKey } from '../support/enrolment.ts';
import { interrupted } from '../support/interrupted.ts';

const { DB } = env as unknown as { DB: D1Database };

const enrolLate = (key: string, body: ReturnType<typeof host>, meanwhile: () => Promise<unknown>) =>
  enrolHost(
    { shards: new Shards([interrupted(DB, meanwhile)]), closed: new Set(), silentAfterMs: 600_000 },
    webCrypto,
    parseToken(key)!,
    body,
    Date.now(),
  );

const count = async (sql: string, value: string) =>
  (await DB.prepare(sql).bind(value).first<{ n: number }>())!.n;
const usesOf = (key: string) =>
  count('SELECT uses AS n FROM enrolment_keys WHERE id = ?', parseToken(key)!.id);
const livingTokensOf = (nodeId: string) =>
  count(
    'SELECT COUNT(*) AS n FROM tokens JOIN nodes ON nodes.number = node_number WHERE nodes.id = ? AND revoked_at_ms IS NULL',
    nodeId,
  );
/** Tokens, nodes and settings in the database: none may stay behind of an enrolment that lost. */
const rows = async () =>
  (await DB.prepare(
    'SELECT (SELECT COUNT(*) FROM tokens) + (SELECT COUNT(*) FROM nodes) + (SELECT COUNT(*) FROM settings) AS n',
  ).first<{ n: number }>())!.n;

test('the last use of a key goes to one host', async () => {
  const key = await newEnrolmentKey({ maxUses: 1 });
  let after = 0;
  const late = await enrolLate(key, host('late'), async () => {
    await enrol(key, host('early'));
    after = await rows();
  });
  expect(late).toMatchObject({ ok: false, problem: { code: 'enrolment_key_exhausted' } });
  expect(await usesOf(key)).toBe(1);
  expect(await rows()).toBe(after);
});

test('a key that is revoked meanwhile enrols nobody, known or not', async () => {
  const revoke = (key: string) => call('DELETE', `/v1/enrolment-keys/${parseToken(key)!.id}`);
  await enrol(await newEnrolmentKey(), host('known'));
  for (const body of [host('known'), host('unknown')]) {
    const key = await newEnrolmentKey();
    const before = await rows();
    expect(await enrolLate(key, body, () => revoke(key))).toMatchObject({
      ok: false,
      problem: { code: 'unauthenticated' },
    });
    expect(await rows()).toBe(before);
  }
  expect(await livingTokensOf('known')).toBe(1);
});

test('two hosts of one name get an id each', async () => {
  const key = await newEnrolmentKey();
  const late = await enrolLate(key, host('same', { machine: 'b' }), () =>
    enrol(key, host('same', { machine: 'a' })),
  );
  expect(late).toMatchObject({ ok: true, value: { nodeId: 'same-2' } });
  expect(await usesOf(key)).toBe(2);
});

test.each([
  ['the same host', { machine: 'twin', gpus: '1' }],
  ['the same machine with other GPUs', { machine: 'twin-2', gpus: '2' }],
])('%s that enrols twice at once is one node', async (_, parts) => {
  const key = await newEnrolmentKey();
  const nodeId = parts.machine;
  // Under another name, so that it is not the node id that tells.
  const late = await enrolLate(key, host(`${nodeId}-renamed`, parts), () =>
    enrol(key, host(nodeId, { ...parts, gpus: '1' })),
  );
  expect(late).toMatchObject({ ok: true, value: { nodeId } });
  expect((await call('GET', `/v1/nodes/${nodeId}-renamed`)).status).toBe(404);
  expect(await livingTokensOf(nodeId)).toBe(1);
});
