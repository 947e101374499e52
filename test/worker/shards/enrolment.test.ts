/** Enrolments over several databases: they meet, and they break off between two of them. */
import { beforeAll, expect, test } from 'vitest';
import { parseToken } from '../../../shared/auth/token-format.ts';
import type { EnrollReply } from '../../../shared/wire/ingest.ts';
import { webCrypto } from '../../../worker/http/web-crypto.ts';
import { Shards } from '../../../worker/storage/shards.ts';
import { enrolHost } from '../../../worker/use-cases/enrol.ts';
import { host } from '../support/enrolment.ts';
import { interrupted } from '../support/interrupted.ts';
import { fleetOn, migrateAll, nodesIn, THREE } from './support.ts';

const fleet = fleetOn(THREE, Date.now());

beforeAll(async () => {
  await migrateAll();
  await fleet.ask('POST', '/v1/sites', { id: 'berlin', gridZone: 'DE', pueRatio: 1.2 });
});

const newKey = async (wanted: object = {}) => {
  const body = { label: 'rack', site: 'berlin', maxUses: null, ...wanted };
  return (await fleet.ask<{ key: string }>('POST', '/v1/enrolment-keys', body)).key;
};
const enrol = (key: string, body: object) => fleet.ask<EnrollReply>('POST', '/v1/enroll', body, key);
const usesOf = async (key: string) => {
  const { enrolmentKeys } = await fleet.ask<{ enrolmentKeys: { id: string; uses: number }[] }>(
    'GET',
    '/v1/enrolment-keys?limit=200',
  );
  return enrolmentKeys.find(({ id }) => id === parseToken(key)!.id)!.uses;
};
const nodes = async () => (await Promise.all(THREE.map(nodesIn))).map(({ length }) => length);
const report = (token: string) =>
  fleet.call(
    'POST',
    '/v1/ingest',
    { version: 1, sentAtMs: fleet.nowMs, agentVersion: '0.1.0', reports: [] },
    token,
  );

/** Fills up so that the next new node goes to this one. */
async function nextIs(shard: number): Promise<void> {
  const key = await newKey();
  for (let filler = 0; filler < 20; filler++) {
    const counts = await nodes();
    const least = Math.min(...counts);
    if (counts.indexOf(least) === shard) return;
    await enrol(key, host(`filler-${shard}-${filler}-${counts.join('-')}`));
  }
  throw new Error('the nodes are not spread');
}

/** The databases, where one breaks at its first batch. */
const breaking = (shard: number) =>
  new Shards(
    THREE.map((db, index) =>
      index === shard ? interrupted(db, () => Promise.reject(new Error('D1_ERROR: gone'))) : db,
    ) as [D1Database],
  );
const enrolOn = (shards: Shards, key: string, body: ReturnType<typeof host>, closed: number[] = []) =>
  enrolHost(
    { shards, closed: new Set(closed), silentAfterMs: 600_000 },
    webCrypto,
    parseToken(key)!,
    body,
    fleet.nowMs,
  );

test('hosts that enrol at once get a node each, in all databases', async () => {
  const key = await newKey();
  const before = await nodes();
  const replies = await Promise.all(
    Array.from({ length: 9 }, (_, index) =>
      enrol(key, host(`rack-${index % 3}`, { machine: `machine-${index}` })),
    ),
  );
  expect(new Set(replies.map(({ nodeId }) => nodeId)).size).toBe(9);
  expect(await usesOf(key)).toBe(9);
  const grown = (await nodes()).map((count, shard) => count - before[shard]!);
  expect(grown.reduce((sum, count) => sum + count, 0)).toBe(9);
  for (const { token } of replies) expect((await report(token)).status).toBe(200);
});

test('one host that enrols many times at once is one node, wherever it goes', async () => {
  for (const shard of [0, 1, 2]) {
    await nextIs(shard);
    const key = await newKey();
    const body = host(`twin-${shard}`);
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => fleet.call('POST', '/v1/enroll', body, key)),
    );
    const done = answers.filter(({ ok }) => ok);
    expect(done.length).toBeGreaterThan(0);
    const ids = await Promise.all(done.map(async (answer) => (await answer.json<EnrollReply>()).nodeId));
    expect(new Set(ids)).toEqual(new Set([`twin-${shard}`]));
    const { nodes: listed } = await fleet.ask<{ nodes: { id: string }[] }>('GET', '/v1/nodes?limit=200');
    expect(listed.filter(({ id }) => id.startsWith(`twin-${shard}`))).toHaveLength(1);
  }
});

test('the last use of a key goes to one host, though they go to different databases', async () => {
  const key = await newKey({ maxUses: 1 });
  const answers = await Promise.all(
    ['left', 'right', 'middle'].map((name) => fleet.call('POST', '/v1/enroll', host(name), key)),
  );
  expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
  expect(await usesOf(key)).toBe(1);
});

test('what breaks off between two databases goes on at the next attempt, and counts once', async () => {
  await nextIs(1);
  const key = await newKey({ maxUses: 1, onKnownHost: 'refuse' });
  await expect(enrolOn(breaking(1), key, host('broken'))).rejects.toThrow(/gone/);
  expect(await usesOf(key)).toBe(1);
  expect((await fleet.call('GET', '/v1/nodes/broken')).status).toBe(404);
  // Another one of the same name gets an id of its own meanwhile.
  expect((await enrol(await newKey(), host('broken', { machine: 'other' }))).nodeId).toBe('broken-2');
  const { nodeId, token } = await enrol(key, host('broken'));
  expect(nodeId).toBe('broken');
  expect(await usesOf(key)).toBe(1);
  expect((await report(token)).status).toBe(200);
  expect((await fleet.call('POST', '/v1/enroll', host('broken'), key)).status).toBe(403);
});

test('a known host gets a new token in its own database, also where that breaks off', async () => {
  await nextIs(2);
  const key = await newKey();
  const first = await enrol(key, host('again'));
  await expect(enrolOn(breaking(2), key, host('again'))).rejects.toThrow(/gone/);
  expect((await report(first.token)).status).toBe(200);
  const second = await enrol(key, host('again'));
  expect(second.nodeId).toBe('again');
  expect((await report(second.token)).status).toBe(200);
  expect(await usesOf(key)).toBe(2);
  const { nodes: listed } = await fleet.ask<{ nodes: { id: string }[] }>('GET', '/v1/nodes?limit=200');
  expect(listed.filter(({ id }) => id.startsWith('again'))).toHaveLength(1);
});

test('a closed database takes no new node, and keeps those it has', async () => {
  const shards = new Shards([THREE[0]!, THREE[1]!, THREE[2]!]);
  const key = await newKey();
  const before = await nodes();
  for (const name of ['one', 'two', 'three'])
    expect((await enrolOn(shards, key, host(name), [0, 2])).ok).toBe(true);
  const after = await nodes();
  expect(after.map((count, shard) => count - before[shard]!)).toEqual([0, 3, 0]);
  await expect(enrolOn(shards, key, host('four'), [0, 1, 2])).rejects.toThrow(/CLOSED_SHARDS/);
});
