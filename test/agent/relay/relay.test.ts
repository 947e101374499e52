import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createHttpClient } from '../../../agent/http/http-client.ts';
import { freePort } from '../../../deploy/local/server.ts';
import type { IngestBody } from '../../../shared/wire/ingest.ts';
import { buildAgent, run } from '../cli/run-wattshed.ts';
import { CA_FILE } from '../http/support.ts';
import { report } from '../store/support/reports.ts';
import {
  Node,
  nameOf,
  newToken,
  type Relay,
  refuseWith,
  SERVER_TIME_MS,
  startRelay,
  statusOf,
  takeAll,
  Upstream,
  until,
} from './support.ts';

let agent: string;
let upstream: Upstream;
let relay: Relay;
const relays: Relay[] = [];

beforeAll(async () => {
  agent = await buildAgent();
});
beforeEach(async () => {
  upstream = new Upstream();
  await upstream.start();
  relay = await launch();
});
afterEach(async () => {
  for (const each of relays.splice(0)) {
    each.process.child.kill('SIGKILL');
    await each.process.ended;
    rmSync(each.stateDir, { recursive: true, force: true });
  }
  await upstream.stop();
});

async function launch(options: Parameters<typeof startRelay>[2] = {}): Promise<Relay> {
  const launched = await startRelay(agent, upstream.url, options);
  relays.push(launched);
  return launched;
}

/** Another life of the relay on the same disk, after `kill -9`. */
async function relaunch(): Promise<Relay> {
  relay.process.child.kill('SIGKILL');
  await relay.process.ended;
  return launch({ stateDir: relay.stateDir });
}

/** A node that the server has taken a report of, and the relay remembers. */
async function knownNode(id: string): Promise<Node> {
  const node = new Node(id, await newToken(), relay);
  expect((await node.send([report(100, 1)])).status).toBe(200);
  const memory = join(relay.stateDir, 'relay/accepted.json');
  await until(() => existsSync(memory) && readFileSync(memory, 'utf8').includes(`"${id}"`));
  return node;
}

const inventory = { hostname: 'gpu-1', kernel: '6.8', productName: '', parts: [] };

test("passes the node's own bytes and token on, and the server's very reply back", async () => {
  const node = new Node('gpu-1', await newToken(), relay);
  const taken = await node.send([report(100, 1), report(101, 3)]);
  expect(taken.reply).toEqual({
    accepted: 2,
    unchanged: 0,
    quarantined: [],
    serverTimeMs: SERVER_TIME_MS,
    reportEverySeconds: 30,
  });
  const [heard] = upstream.heard;
  expect(heard).toMatchObject({ authorization: `Bearer ${node.token}`, nodeId: 'gpu-1' });
  expect(heard!.body.reports.map(nameOf)).toEqual(['100/epochone1/1', '101/epochone1/3']);

  for (const [status, code] of [
    [401, 'unauthenticated'],
    [403, 'wrong_node'],
    [409, 'revision_conflict'],
    [422, 'invalid_body'],
    [413, 'body_too_large'],
    [404, 'not_found'],
  ] as const) {
    upstream.answer = refuseWith(status, code, { 'Retry-After': '7' });
    const refused = await node.send([report(102, 1)]);
    expect({ status: refused.status, code: refused.reply.code }).toEqual({ status, code });
    expect(refused.headers.get('Retry-After')).toBe('7');
    expect(refused.text).toBe(JSON.stringify({ status, code, detail: `Because of ${code}.` }));
  }
  expect(relay.folders()).toEqual([]);
});

test('keeps what the server cannot take, acknowledges it in its numbers, and sends the newest of it later', async () => {
  const node = await knownNode('gpu-1');
  await upstream.stop();
  const kept = await node.send([report(101, 1), report(102, 1)], { inventory });
  expect(kept.status).toBe(200);
  expect(kept.reply).toMatchObject({ accepted: 2, unchanged: 0, quarantined: [], reportEverySeconds: 30 });
  // The server's clock, carried on: it was told in this test, so at most the test's own time ago.
  expect(kept.reply.serverTimeMs).toBeGreaterThanOrEqual(SERVER_TIME_MS);
  expect(kept.reply.serverTimeMs).toBeLessThan(SERVER_TIME_MS + 60_000);
  expect((await node.send([report(102, 2)])).status).toBe(200);
  expect((await node.send([report(102, 3)])).status).toBe(200);

  const folder = join(relay.stateDir, 'relay/nodes/gpu-1');
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.spool')))
    expect(statSync(join(folder, file)).mode & 0o077).toBe(0);

  upstream.heard.length = 0;
  await upstream.start();
  expect((await node.send([report(103, 1)])).status).toBe(200);
  await until(() => relay.folders().length === 0);
  expect(new Set(upstream.reports())).toEqual(
    new Set(['gpu-1 101/epochone1/1', 'gpu-1 102/epochone1/3', 'gpu-1 103/epochone1/1']),
  );
  expect(upstream.heard.map(({ authorization }) => authorization)).toEqual(
    upstream.heard.map(() => `Bearer ${node.token}`),
  );
  expect(upstream.heard.find(({ body }) => body.inventory !== undefined)?.body).toMatchObject({
    inventory,
    agentVersion: '1.2.3',
  });
});

test('what the node has said itself by then is not waited for', async () => {
  const node = await knownNode('gpu-1');
  await upstream.stop();
  await node.send([report(101, 1)]);
  await upstream.start();
  expect((await node.send([report(101, 2)])).status).toBe(200);
  await until(() => relay.folders().length === 0);
  expect(upstream.reports()).toContain('gpu-1 101/epochone1/2');
  // And the next outage finds it ready.
  await upstream.stop();
  expect((await node.send([report(102, 1)])).status).toBe(200);
  expect(relay.folders()).toEqual(['gpu-1']);
});

test.each([
  ['500', refuseWith(500, 'internal_error')],
  ['503', refuseWith(503, 'overloaded', { 'Retry-After': '30' })],
  ['429', refuseWith(429, 'too_many_requests')],
])('a server that answers %s is one that cannot take it', async (_, answer) => {
  const node = await knownNode('gpu-1');
  upstream.answer = answer;
  expect((await node.send([report(101, 1)])).reply).toMatchObject({ accepted: 1 });
  upstream.answer = takeAll;
  expect((await node.send([report(102, 1)])).status).toBe(200);
  await until(() => upstream.reports().filter((each) => each === 'gpu-1 101/epochone1/1').length >= 2);
});

test('kill -9 of the relay loses nothing that it acknowledged, and it goes on keeping', async () => {
  const node = await knownNode('gpu-1');
  await upstream.stop();
  for (let window = 101; window < 120; window++)
    expect((await node.send([report(window, 2)])).status).toBe(200);
  relay = await relaunch();
  node.relay = relay;
  // Neither the tokens nor the server's time are forgotten.
  expect((await node.send([report(120, 1)])).reply).toMatchObject({ accepted: 1 });
  upstream.heard.length = 0;
  relay = await relaunch();
  node.relay = relay;
  await upstream.start();
  expect((await node.send([report(121, 1)])).status).toBe(200);
  await until(() => relay.folders().length === 0);
  const wanted = Array.from({ length: 19 }, (_, i) => `gpu-1 ${101 + i}/epochone1/2`);
  expect(new Set(upstream.reports())).toEqual(
    new Set([...wanted, 'gpu-1 120/epochone1/1', 'gpu-1 121/epochone1/1']),
  );
});

test('keeps nothing of a stranger, nor under the name of a node that it knows', async () => {
  await knownNode('gpu-1');
  await upstream.stop();
  for (const id of ['gpu-2', 'gpu-1', '../gpu-1']) {
    const refused = await new Node(id, await newToken(), relay).send([report(101, 1)]);
    expect(refused).toMatchObject({ status: 503, reply: { code: 'overloaded' } });
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0);
  }
  expect(relay.folders()).toEqual([]);
  expect((await statusOf(agent, relay)).exitCode).toBeDefined();
});

test('a token that the server has taken back is kept for no more', async () => {
  const node = await knownNode('gpu-1');
  upstream.answer = refuseWith(401, 'unauthenticated');
  expect((await node.send([report(101, 1)])).status).toBe(401);
  await upstream.stop();
  expect((await node.send([report(101, 1)])).status).toBe(503);
});

test("never makes up a time: without the server's it keeps nothing", async () => {
  upstream.answer = refuseWith(409, 'revision_conflict');
  const node = new Node('gpu-1', await newToken(), relay);
  expect((await node.send([report(101, 1)])).status).toBe(409);
  await upstream.stop();
  const refused = await node.send([report(101, 2)]);
  expect(refused.status).toBe(503);
  expect(refused.text).toContain("learnt the server's time");
});

test('what it cannot read is passed on, and never acknowledged', async () => {
  const node = await knownNode('gpu-1');
  await upstream.stop();
  expect((await node.sendBytes(Buffer.from('no gzip'))).status).toBe(503);
  const twice = [report(101, 1), report(101, 2)];
  expect((await node.send(twice)).status).toBe(503);
  const { reports: _, ...without } = { version: 1, agentVersion: '1', reports: [] } as unknown as IngestBody;
  expect((await node.send([], { ...without, version: 2 as 1 })).status).toBe(503);
});

test('a refusal that comes later is kept, and seen', async () => {
  const node = await knownNode('gpu-1');
  const other = await knownNode('gpu-2');
  await upstream.stop();
  await node.send([report(101, 1)]);
  await other.send([report(101, 1)]);
  relay = await relaunch();
  upstream.answer = ({ nodeId, ...heard }, response) => {
    const answer =
      nodeId === 'gpu-1' ? refuseWith(401, 'unauthenticated') : refuseWith(409, 'revision_conflict');
    answer({ nodeId, ...heard }, response);
  };
  await upstream.start();
  await until(async () => {
    const { backlogs } = await statusOf(agent, relay);
    return backlogs.every(({ shipping }) => ['unauthorized', 'conflict'].includes(shipping?.state ?? ''));
  });
  const { exitCode, backlogs } = await statusOf(agent, relay);
  expect(exitCode).toBe(1);
  expect(Object.fromEntries(backlogs.map((each) => [each.nodeId, each]))).toMatchObject({
    'gpu-1': { reports: 1, shipping: { state: 'unauthorized' } },
    'gpu-2': { reports: 1, shipping: { state: 'conflict' } },
  });
  const { out } = await run(agent, { args: ['relay', '--status', '--state-dir', relay.stateDir] });
  expect(out).toMatch(/gpu-1 .*enrol this host again/);
});

test('a node that was enrolled again sends its backlog under its new token', async () => {
  const node = await knownNode('gpu-1');
  await upstream.stop();
  await node.send([report(101, 1)]);
  const again = new Node('gpu-1', await newToken(), relay);
  upstream.answer = (heard, response) => {
    const answer =
      heard.authorization === `Bearer ${again.token}` ? takeAll : refuseWith(401, 'unauthenticated');
    answer(heard, response);
  };
  await upstream.start();
  expect((await again.send([report(102, 1)])).status).toBe(200);
  await until(() => relay.folders().length === 0);
  const taken = upstream.heard.filter(({ authorization }) => authorization === `Bearer ${again.token}`);
  expect(taken.flatMap(({ body }) => body.reports.map(nameOf))).toContain('101/epochone1/1');
});

test('more than its bounds is left with the nodes', async () => {
  relay = await launch({ args: ['--max-nodes', '1'] });
  const first = await knownNode('gpu-1');
  const second = await knownNode('gpu-2');
  await upstream.stop();
  // Of too many nodes the one heard of last is remembered.
  expect((await first.send([report(101, 1)])).status).toBe(503);
  expect((await second.send([report(101, 1)])).status).toBe(200);
  const large = await second.sendBytes(Buffer.alloc(256 * 1024 + 1));
  expect(large).toMatchObject({ status: 413, reply: { code: 'body_too_large' } });
});

test('passes on enrolment and the installer, which leads hosts back here, and nothing else', async () => {
  const token = await newToken();
  const enrolled = await fetch(`${relay.url}/v1/enroll`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}` },
    body: 'host',
  });
  expect(await enrolled.text()).toBe(`POST /v1/enroll Bearer ${token} host`);
  expect(await (await fetch(`${relay.url}/install.sh`)).text()).toBe(
    `#!/bin/sh\nSERVER='${relay.url}'\necho "$SERVER"\n`,
  );
  expect(await (await fetch(`${relay.url}/agent/wattshed.mjs`)).text()).toBe('GET /agent/wattshed.mjs  ');
  for (const path of ['/', '/metrics', '/v1/nodes', '/agent/', '/agent/../v1/nodes', '/install.sh?x'])
    expect({ path, status: (await fetch(`${relay.url}${path}`)).status }).toEqual({ path, status: 404 });
  expect((await fetch(`${relay.url}/v1/ingest`, { method: 'POST', body: '{}' })).status).toBe(401);
  await upstream.stop();
  expect((await fetch(`${relay.url}/install.sh`)).status).toBe(503);
});

test('over TLS with its own certificate', async () => {
  const fixtures = new URL('../../fixtures/tls/', import.meta.url).pathname;
  const secure = await launch({
    args: ['--tls-cert', join(fixtures, 'server.crt'), '--tls-key', join(fixtures, 'server.key')],
    scheme: 'https',
  });
  const http = createHttpClient({ agentVersion: '1', environment: {}, caFile: CA_FILE });
  const reply = await http.request({
    method: 'GET',
    url: `${secure.url.replace('127.0.0.1', 'localhost')}/install.sh`,
  });
  expect(reply.body.toString()).toContain(`SERVER='${secure.url.replace('127.0.0.1', 'localhost')}'`);
});

test('tells of itself in metrics', async () => {
  const port = await freePort('127.0.0.1', 0);
  relay = await launch({ args: ['--metrics', `127.0.0.1:${port}`] });
  const node = await knownNode('gpu-1');
  await upstream.stop();
  await node.send([report(101, 1)]);
  await new Node('gpu-2', await newToken(), relay).send([report(101, 1)]);
  const reply = await fetch(`http://127.0.0.1:${port}/metrics`, {
    headers: { Accept: 'application/openmetrics-text' },
  });
  const text = await reply.text();
  for (const line of [
    'wattshed_relay_nodes{state="backlog"} 1',
    'wattshed_relay_nodes{state="trouble"} 0',
    'wattshed_relay_requests_total{outcome="passed_on"} 1',
    'wattshed_relay_requests_total{outcome="kept"} 1',
    'wattshed_relay_requests_total{outcome="left_with_node"} 1',
    'wattshed_relay_spool_reports 1',
    `wattshed_relay_oldest_window_timestamp_seconds ${(101 * 300_000) / 1_000}`,
    'wattshed_relay_upstream_up 0',
  ])
    expect(text).toContain(`${line}\n`);
});

test('stops when told to, and says what cannot be', async () => {
  relay.process.child.kill('SIGTERM');
  expect(await relay.process.ended).toMatchObject({ code: 0 });
  for (const [args, said] of [
    [['relay'], 'needs --url'],
    [['relay', '--url', upstream.url, '--listen', 'nowhere'], '--listen must be an address'],
    [['relay', '--url', upstream.url, '--max-nodes', '0'], 'from 1 to'],
    [['relay', '--url', upstream.url, '--tls-cert', '/nowhere'], 'go together'],
    [['relay', '--status', '--state-dir', '/nowhere'], 'no relay has run'],
  ] as const) {
    const { code, err } = await run(agent, { args });
    expect({ args, code, err }).toMatchObject({ code: args.includes('--status' as never) ? 1 : 2 });
    expect(err).toContain(said);
  }
});
