/** Two hosts behind a relay, the real Worker that goes away and comes back, and what it has booked in the end. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHttpClient } from '../../agent/http/http-client.ts';
import { freePort } from '../../deploy/local/server.ts';
import type { DeviceReport, IngestBody, WindowReport } from '../../shared/wire/ingest.ts';
import { buildAgent, type Started, start } from '../agent/cli/run-wattshed.ts';
import { until } from '../agent/relay/support.ts';
import { enrolHost, type Host, prepareSite } from './fleet.ts';
import { type Harness, startHarness } from './harness.ts';
import { bookedDevices } from './ledger.ts';

const NOW_MS = Date.parse('2024-05-17T16:00:00Z');
const WINDOW_MS = 300_000;
const client = createHttpClient({ agentVersion: 'e2e', environment: {} });

/** A line to the server that can be cut. */
async function startLine(target: string) {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = http.createServer((request, response) => {
    if (isCut) return request.socket.destroy();
    const onward = http.request(new URL(request.url ?? '', target), {
      method: request.method ?? 'GET',
      headers: request.headers,
    });
    onward.on('response', (reply) => reply.pipe(response.writeHead(reply.statusCode ?? 0, reply.headers)));
    onward.on('error', () => request.socket.destroy());
    return request.pipe(onward);
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut(cut: boolean) {
      isCut = cut;
    },
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const stateDir = mkdtempSync(join(tmpdir(), 'wattshed-e2e-relay-'));
let agent: string;
let harness: Harness;
let line: Awaited<ReturnType<typeof startLine>>;
let relay: Started;
let relayUrl: string;
let key: string;

beforeAll(async () => {
  agent = await buildAgent();
  harness = await startHarness();
  await harness.setClock(NOW_MS);
  key = await prepareSite(harness, 1);
  line = await startLine(harness.url);
  await startRelay();
});
afterAll(async () => {
  relay.child.kill('SIGKILL');
  await relay.ended;
  line.stop();
  await harness.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

async function startRelay(): Promise<void> {
  const port = await freePort('127.0.0.1', 0);
  relayUrl = `http://127.0.0.1:${port}`;
  relay = start(agent, {
    args: [
      ...['relay', '--url', line.url, '--listen', `127.0.0.1:${port}`],
      ...['--metrics', 'off', '--state-dir', stateDir],
    ],
  });
  await relay.said('relays from');
}

/** The window so far: 1 J for each revision. */
function report(index: number, revision: number): WindowReport {
  const device: DeviceReport = {
    id: 'GPU-1',
    type: 'gpu',
    name: 'NVIDIA H100 80GB HBM3',
    meteredMilliseconds: 1_000 * revision,
    energyMillijoules: 1_000 * revision,
    kind: 'counter',
  };
  const windowStartMs = NOW_MS - (12 - index) * WINDOW_MS;
  return { windowStartMs, epoch: 'epochone1', revision, final: false, devices: [device], jobs: [] };
}

async function send({ token, nodeId }: Host, reports: readonly WindowReport[]): Promise<number> {
  const body: IngestBody = { version: 1, sentAtMs: NOW_MS, agentVersion: 'e2e', reports };
  const reply = await client.request({
    method: 'POST',
    url: `${relayUrl}/v1/ingest`,
    headers: {
      Authorization: `Bearer ${token}`,
      'Wattshed-Node': nodeId,
      'Content-Type': 'application/json',
    },
    body: Buffer.from(JSON.stringify(body)),
  });
  return reply.status;
}

test('what two nodes said through an outage and a kill is booked once, to the millijoule', async () => {
  const through = { ...harness, url: relayUrl };
  const hosts = [await enrolHost(through, key, 'behind-1'), await enrolHost(through, key, 'behind-2')];
  for (const host of hosts) expect(await send(host, [report(0, 5)])).toBe(200);

  line.cut(true);
  for (const host of hosts) {
    for (let index = 0; index < 10; index++) expect(await send(host, [report(index, 10 + index)])).toBe(200);
    expect(await send(host, [report(3, 100), report(4, 100)])).toBe(200);
  }
  relay.child.kill('SIGKILL');
  await relay.ended;
  await startRelay();
  // The node cannot know that it arrived: it says it again, beside something new.
  for (const host of hosts) expect(await send(host, [report(3, 100), report(10, 7)])).toBe(200);
  line.cut(false);
  for (const host of hosts) expect(await send(host, [report(4, 100), report(11, 1)])).toBe(200);
  await until(() => readdirSync(join(stateDir, 'relay/nodes')).length === 0);

  const revisions = [10, 11, 12, 100, 100, 15, 16, 17, 18, 19, 7, 1];
  const joules = revisions.reduce((sum, revision) => sum + revision, 0);
  for (const { nodeId } of hosts) {
    const booked = await bookedDevices(harness, nodeId);
    expect(booked.get('GPU-1')).toMatchObject({
      energyMillijoules: joules * 1_000,
      meteredMilliseconds: joules * 1_000,
    });
  }
  const { quarantine } = await harness.api<{ quarantine: unknown[] }>('GET', '/v1/quarantine');
  expect(quarantine).toEqual([]);
});
