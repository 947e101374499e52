/** Which node a host is that enrols: repaired, reinstalled, renamed and copied hosts. */
import { env } from 'cloudflare:test';
import { expect, test } from 'vitest';
import { device, report, send } from '../ingest/support.ts';
import { api, call, refusal } from '../support/api.ts';
import { enrol, host, newEnrolmentKey } from '../support/enrolment.ts';

const { DB } = env as unknown as { DB: D1Database };

interface HostWish {
  readonly machine: string;
  readonly gpuIds?: readonly string[];
}

const aHost = (hostname: string, { machine, gpuIds }: HostWish) => ({
  ...host(hostname, { machine, gpus: gpuIds?.join() ?? '' }),
  ...(gpuIds === undefined ? {} : { gpuIds }),
});

/** Of these GPUs, just now. */
const reports = (token: string, ...gpuIds: string[]) =>
  send(token, [report({ devices: gpuIds.map((id) => device({ id })) })]);

async function fallSilent(nodeId: string): Promise<void> {
  await DB.prepare(
    `UPDATE node_hours SET received_at_ms = received_at_ms - 3600000
     WHERE key / 2097152 = (SELECT number FROM nodes WHERE id = ?1)`,
  )
    .bind(nodeId)
    .run();
  await DB.prepare('UPDATE nodes SET enrolled_at_ms = enrolled_at_ms - 3600000 WHERE id = ?1')
    .bind(nodeId)
    .run();
}

test('a copy of a machine that runs beside it, with GPUs of its own, is a node of its own', async () => {
  const key = await newEnrolmentKey();
  const first = aHost('board-1', { machine: 'board', gpuIds: ['GPU-b1', 'GPU-b2'] });
  const second = aHost('board-2', { machine: 'board', gpuIds: ['GPU-b3', 'GPU-b4'] });
  const one = await enrol(key, first);
  await reports(one.token, 'GPU-b1', 'GPU-b2');
  const two = await enrol(key, second);
  expect(two.nodeId).toBe('board-2');
  // The first one goes on under its own token, and so does the second.
  await reports(one.token, 'GPU-b1', 'GPU-b2');
  await reports(two.token, 'GPU-b3', 'GPU-b4');
  // Reinstalled, each finds its own node.
  expect((await enrol(key, first)).nodeId).toBe('board-1');
  expect((await enrol(key, second)).nodeId).toBe('board-2');
  const refusing = await newEnrolmentKey({ onKnownHost: 'refuse' });
  expect((await refusal(await call('POST', '/v1/enroll', first, { token: refusing }))).status).toBe(409);
  const third = aHost('board-3', { machine: 'board', gpuIds: ['GPU-b5'] });
  expect((await enrol(refusing, third)).nodeId).toBe('board-3');
});

test('a host that lost a GPU is itself, though it reports at this moment', async () => {
  const key = await newEnrolmentKey();
  const whole = await enrol(key, aHost('lost', { machine: 'lost', gpuIds: ['GPU-l1', 'GPU-l2'] }));
  await reports(whole.token, 'GPU-l1', 'GPU-l2');
  expect((await enrol(key, aHost('lost', { machine: 'lost', gpuIds: ['GPU-l2', 'GPU-l3'] }))).nodeId).toBe(
    'lost',
  );
});

test('a host without GPUs that takes the place of one that reports is in the log, with the cure', async () => {
  const key = await newEnrolmentKey();
  const bare = aHost('bare', { machine: 'bare', gpuIds: [] });
  const first = await enrol(key, bare);
  const changes = async () =>
    (await api<{ changes: { why: string }[] }>('GET', '/v1/changes?subject=node:bare&what=token')).changes;
  // It has not reported yet: a first try whose answer was lost.
  await enrol(key, bare);
  expect(await changes()).toEqual([]);
  const second = await enrol(key, bare);
  await send(second.token, [report({ devices: [device({ id: 'cpu-0', type: 'cpu' })] })]);
  await enrol(key, bare);
  expect(await changes()).toEqual([
    expect.objectContaining({ why: expect.stringContaining('give each its own machine id and name') }),
  ]);
  await fallSilent('bare');
  await enrol(key, bare);
  expect(await changes()).toHaveLength(1);
  expect((await call('POST', '/v1/ingest', {}, { token: first.token })).status).toBe(401);
});

test('a silent node is the host that comes back with other GPUs, under whatever name', async () => {
  const key = await newEnrolmentKey();
  const before = await enrol(key, aHost('repaired', { machine: 'repaired', gpuIds: ['GPU-r1'] }));
  await reports(before.token, 'GPU-r1');
  await fallSilent('repaired');
  expect((await enrol(key, aHost('renamed', { machine: 'repaired', gpuIds: ['GPU-r2'] }))).nodeId).toBe(
    'repaired',
  );
});

test('virtual machines of one image are told apart by their names while they report, and found by them later', async () => {
  const key = await newEnrolmentKey();
  const vm = (hostname: string) => aHost(hostname, { machine: 'image', gpuIds: [] });
  for (const name of ['vm-1', 'vm-2', 'vm-3']) {
    const { nodeId, token } = await enrol(key, vm(name));
    expect(nodeId).toBe(name);
    await send(token, [report({ devices: [device({ id: 'cpu-0', type: 'cpu', name: 'EPYC' })] })]);
  }
  for (const name of ['vm-1', 'vm-2', 'vm-3']) {
    await fallSilent(name);
  }
  for (const name of ['vm-2', 'vm-1', 'vm-3.example.org'])
    expect((await enrol(key, vm(name))).nodeId).toBe(name.split('.')[0]);
});

test('an agent that does not name its GPUs is known by its machine alone', async () => {
  const key = await newEnrolmentKey();
  const { token } = await enrol(key, aHost('older', { machine: 'older' }));
  await reports(token, 'GPU-o1');
  const again = { ...host('other-name', { machine: 'older', gpus: 'others' }) };
  expect((await enrol(key, again)).nodeId).toBe('older');
});

test('a node that is asked to report once an hour is not silent after an hour', async () => {
  const key = await newEnrolmentKey();
  const before = await enrol(key, aHost('seldom-1', { machine: 'seldom', gpuIds: ['GPU-s1'] }));
  await reports(before.token, 'GPU-s1');
  await fallSilent('seldom-1');
  await api('PATCH', '/v1/settings', { reportEverySeconds: 3_600 });
  const beside = aHost('seldom-2', { machine: 'seldom', gpuIds: ['GPU-s2'] });
  expect((await enrol(key, beside)).nodeId).toBe('seldom-2');
  await api('PATCH', '/v1/settings', { reportEverySeconds: 'auto' });
});
