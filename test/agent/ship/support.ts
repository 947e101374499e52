/** A shipper with a real store in a real folder, a real server on loopback, and a clock that the test holds. */
import { mkdtempSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Clock } from '../../../agent/clock.ts';
import { createHttpClient } from '../../../agent/http/http-client.ts';
import { createShipper, type ServerTime, type Shipper } from '../../../agent/ship/shipper.ts';
import type { DurableStore } from '../../../agent/store/durable-store.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import { epochMs, monotonicMs } from '../../../shared/units.ts';
import type { AgentHealth, IngestBody, Inventory } from '../../../shared/wire/ingest.ts';
import { startServer } from '../http/support.ts';

/** What the server says to a body; the default takes everything. */
export type Judge = (body: IngestBody, response: ServerResponse) => void;

export interface Bench {
  readonly store: DurableStore;
  readonly shipper: Shipper;
  readonly bodies: IngestBody[];
  readonly lines: string[];
  readonly times: ServerTime[];
  /** Mutable: what the next requests meet and say. */
  judge: Judge;
  inventory: Inventory;
  health: AgentHealth;
  random: number;
  advance(ms: number): void;
  /** Another agent process on the same store. */
  freshShipper(): Shipper;
  stop(): Promise<void>;
}

export const START_MS = 1_700_000_000_000;

export function takeAll(body: IngestBody, response: ServerResponse, more: object = {}): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(
    JSON.stringify({
      accepted: body.reports.length,
      unchanged: 0,
      quarantined: [],
      serverTimeMs: 1_700_000_001_234,
      reportEverySeconds: 60,
      ...more,
    }),
  );
}

export function refuse(response: ServerResponse, status: number, code: string, headers = {}): void {
  response
    .writeHead(status, { 'Content-Type': 'application/problem+json', ...headers })
    .end(JSON.stringify({ status, code, detail: `Because of ${code}.` }));
}

export async function startBench(): Promise<Bench> {
  const directory = mkdtempSync(join(tmpdir(), 'wattshed-ship-'));
  const store = await openStore(directory);
  let elapsedMs = 0;
  const clock: Clock = {
    monotonicNow: () => monotonicMs(elapsedMs),
    wallNow: () => epochMs(START_MS + elapsedMs),
    sleepUntil: async (deadline) => {
      elapsedMs = Math.max(elapsedMs, deadline);
    },
  };
  const bodies: IngestBody[] = [];
  const server = await startServer((seen, response) => {
    if (seen.headers.authorization !== 'Bearer token' || seen.url !== '/v1/ingest') {
      return refuse(response, 500, 'wrong_request');
    }
    const body = JSON.parse(gunzipSync(seen.body).toString('utf8')) as IngestBody;
    bodies.push(body);
    bench.judge(body, response);
  });
  const bench: Bench = {
    store,
    bodies,
    lines: [],
    times: [],
    judge: takeAll,
    inventory: { hostname: 'node-a', kernel: '6.8', productName: '', parts: [] },
    health: {
      sensors: [],
      spoolBytes: 1,
      spoolReports: 1,
      droppedSeries: 0,
      droppedReports: 0,
      damagedRecords: 0,
    },
    random: 0.5,
    advance(ms) {
      elapsedMs += ms;
    },
    freshShipper: () =>
      createShipper({
        store,
        http: createHttpClient({ agentVersion: '1.0.0', environment: {} }),
        url: `http://127.0.0.1:${server.port}`,
        token: 'token',
        nodeId: 'node-a',
        agentVersion: '1.0.0',
        clock,
        random: () => bench.random,
        inventory: () => bench.inventory,
        health: () => bench.health,
        onServerTime: (time) => bench.times.push(time),
        log: (line) => bench.lines.push(line),
      }),
    get shipper() {
      return shipper;
    },
    async stop() {
      await store.close();
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  const shipper = bench.freshShipper();
  return bench;
}
