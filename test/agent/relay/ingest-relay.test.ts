/** What a stranger's request costs the relay: its bytes, and one question to the server. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../agent/clock.ts';
import { HttpError, type HttpReply } from '../../../agent/http/http-client.ts';
import { IngestRelay } from '../../../agent/relay/ingest-relay.ts';
import { RelayMemory } from '../../../agent/relay/memory.ts';
import { UpstreamClock } from '../../../agent/relay/upstream-clock.ts';
import type { IngestBody } from '../../../shared/wire/ingest.ts';

const BODY: IngestBody = { version: 1, sentAtMs: 0, agentVersion: '0', reports: [] };
const TAKEN: HttpReply = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(
    JSON.stringify({ accepted: 0, unchanged: 0, quarantined: [], serverTimeMs: 1, reportEverySeconds: 60 }),
  ),
};

let directory: string;
let relay: IngestRelay;
let answer: () => HttpReply;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wattshed-ingest-relay-'));
  const upstreamClock = new UpstreamClock(systemClock, 'boot');
  relay = new IngestRelay({
    directory: join(directory, 'nodes'),
    url: 'http://server',
    http: { request: async () => answer() },
    clock: systemClock,
    upstreamClock,
    memory: new RelayMemory({ directory, clock: upstreamClock, maxNodes: 10, log: () => {} }),
    maxNodes: 10,
    maxBytes: 1e6,
    random: () => 0.5,
    log: () => {},
  });
});
afterEach(async () => {
  await relay.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Sends a request; whether its body was looked into. */
async function send(token: string) {
  let reads = 0;
  const reply = await relay.ingest({
    token,
    nodeId: 'node-1',
    headers: {},
    bytes: Buffer.alloc(0),
    async readBody() {
      reads += 1;
      return BODY;
    },
  });
  return { status: reply.status, wasRead: reads > 0 };
}

test('a body is looked into only once the server has taken its token', async () => {
  const refused: HttpReply = { status: 401, headers: {}, body: Buffer.alloc(0) };
  const gone = () => {
    throw new HttpError('nobody answers');
  };
  answer = () => refused;
  expect(await send('stranger')).toEqual({ status: 401, wasRead: false });
  answer = gone;
  expect(await send('stranger')).toEqual({ status: 503, wasRead: false });
  answer = () => TAKEN;
  expect(await send('proven')).toEqual({ status: 200, wasRead: true });
  answer = gone;
  expect(await send('stranger')).toEqual({ status: 503, wasRead: false });
  expect(readdirSync(directory)).not.toContain('nodes');
  expect(await send('proven')).toEqual({ status: 200, wasRead: true });
  expect(readdirSync(join(directory, 'nodes'))).toEqual(['node-1']);
});
