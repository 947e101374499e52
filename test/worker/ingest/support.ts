/** Nodes that report, in tests. */
import { env } from 'cloudflare:test';
import { encodeSeries } from '../../../shared/ledger/series-codec.ts';
import type { DeviceReport, IngestBody, IngestReply, WindowReport } from '../../../shared/wire/ingest.ts';
import { Shards } from '../../../worker/storage/shards.ts';
import { ingest } from '../../../worker/use-cases/ingest.ts';
import { IngestMemory } from '../../../worker/use-cases/ingest-memory.ts';
import { call } from '../support/api.ts';
import { enrol, host, newEnrolmentKey } from '../support/enrolment.ts';

export const WINDOW_MS = 300_000;
export const database = (env as unknown as { DB: D1Database }).DB;

/** Once: a test that runs across the end of a window still speaks of the same ones. */
const loadedAtMs = Date.now();

/** A window of a few minutes ago, `back` windows before that. */
export function recentWindow(back = 0): number {
  return Math.floor(loadedAtMs / WINDOW_MS) * WINDOW_MS - (1 + back) * WINDOW_MS;
}

export function device(changes: Partial<DeviceReport> = {}): DeviceReport {
  return {
    id: 'GPU-6f5d1a2e-0000-4000-8000-000000000001',
    type: 'gpu',
    name: 'NVIDIA H100 80GB HBM3',
    meteredMilliseconds: 300_000,
    energyMillijoules: 195_000_000,
    kind: 'counter',
    ...changes,
  };
}

export function report(changes: Partial<WindowReport> = {}): WindowReport {
  return {
    windowStartMs: recentWindow(),
    epoch: 'epoch0001',
    revision: 1,
    final: true,
    devices: [device()],
    jobs: [],
    ...changes,
  };
}

export function body(reports: readonly unknown[], changes: Record<string, unknown> = {}) {
  return { version: 1, sentAtMs: Date.now(), agentVersion: '0.1.0', reports, ...changes };
}

/** A freshly enrolled node's token. */
export async function newNode(hostname: string): Promise<{ nodeId: string; token: string }> {
  return enrol(await newEnrolmentKey(), host(hostname));
}

export async function send(
  token: string,
  reports: readonly unknown[],
  changes: Record<string, unknown> = {},
): Promise<IngestReply> {
  const response = await call('POST', '/v1/ingest', body(reports, changes), { token });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return response.json();
}

/** Ingests past HTTP: into this database, at this instant, in an isolate that remembers nothing unless given. */
export function ingestInto(
  db: D1Database,
  nodeNumber: number,
  said: unknown,
  atMs: number,
  memory = new IngestMemory(),
) {
  return ingest(new Shards([db]), { nodeNumber, staleTokenId: null }, said as IngestBody, atMs, memory);
}

/** The small number of a node. */
export async function numberOf(nodeId: string): Promise<number> {
  const row = await database
    .prepare('SELECT number FROM nodes WHERE id = ?1')
    .bind(nodeId)
    .first<{ number: number }>();
  return row!.number;
}

export async function gzip(text: string): Promise<Uint8Array> {
  return new Uint8Array(
    await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer(),
  );
}

/** `series.watts` as an agent sends it. */
export async function seriesWire(samplesWatts: readonly (number | null)[]): Promise<string> {
  const deflated = new Blob([encodeSeries(samplesWatts)])
    .stream()
    .pipeThrough(new CompressionStream('deflate-raw'));
  return btoa(String.fromCharCode(...new Uint8Array(await new Response(deflated).arrayBuffer())));
}

/** Every figure that is booked: equal before and after means that nothing was. */
export async function bookedRows(): Promise<unknown[]> {
  const { results } = await database
    .prepare('SELECT key, version, hex(ledger) AS ledger FROM node_hours ORDER BY key')
    .all();
  return results;
}
