/** Wires the running relay: memory, backlogs, its server, and their end in order. */
import { join } from 'node:path';
import { monotonicMs } from '../../shared/units.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/keys.ts';
import { createHttpClient } from '../http/http-client.ts';
import { readTextOrEmpty } from '../inventory/read-text.ts';
import { serveMetrics } from '../metrics/metrics-server.ts';
import { openServiceManager } from '../run/service-manager.ts';
import { writeStatus } from '../run/status-file.ts';
import { nodeFileSystem } from '../store/file-system.ts';
import { acquireLock, processIdentity } from '../store/lock.ts';
import { AGENT_VERSION } from '../version.ts';
import { IngestRelay } from './ingest-relay.ts';
import { RelayMemory } from './memory.ts';
import { createPassThrough } from './pass-through.ts';
import { type RelayServerOptions, serveRelay } from './relay-server.ts';
import { type RelayStatus, relayMetrics } from './relay-status.ts';
import { UpstreamClock } from './upstream-clock.ts';

type Listen = RelayServerOptions['listen'];

export interface RunRelayOptions {
  readonly config: Config;
  /** Of the server, without a trailing slash. */
  readonly url: string;
  readonly listen: Listen;
  readonly tls: RelayServerOptions['tls'];
  readonly metricsListen: Listen | null;
  readonly maxNodes: number;
  readonly maxBytes: number;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** Well below the 30 s that a node waits for its answer. */
const UPSTREAM_TIMEOUT_MS = 10_000;
const FILE_TIMEOUT_MS = 25_000;
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const STATUS_EVERY_MS = 5_000;
/** A thousand nodes send 17 reports a second; one at a time they would wait for each other. */
const UPSTREAM_CONNECTIONS = 32;

export const relayDirectory = (config: Config) => join(config.stateDir, 'relay');

/**
 * Resolves once the signal has aborted and all is saved.
 * @throws StoreLockedError when another relay runs on the state directory; what the system says where it cannot listen
 */
export async function runRelay(options: RunRelayOptions): Promise<void> {
  const directory = relayDirectory(options.config);
  await nodeFileSystem.makeDirectory(directory);
  const unlock = await acquireLock(nodeFileSystem, directory, processIdentity);
  try {
    await runIn(directory, options);
  } finally {
    await unlock();
    options.log('stopped');
  }
}

async function runIn(directory: string, options: RunRelayOptions): Promise<void> {
  const { config, url, env, log, signal, maxNodes, maxBytes } = options;
  const clock = systemClock;
  const httpOptions = { agentVersion: AGENT_VERSION, environment: env, caFile: config.caFile };
  const bootId = await readTextOrEmpty(`${config.procRoot}/sys/kernel/random/boot_id`);
  const upstreamClock = new UpstreamClock(clock, bootId);
  const memory = new RelayMemory({ directory, clock: upstreamClock, maxNodes, log });
  const ingest = new IngestRelay({
    directory: join(directory, 'nodes'),
    url,
    http: createHttpClient({
      ...httpOptions,
      timeoutMs: UPSTREAM_TIMEOUT_MS,
      maxConnections: UPSTREAM_CONNECTIONS,
    }),
    clock,
    upstreamClock,
    memory,
    maxNodes,
    maxBytes,
    random: Math.random,
    log,
  });
  await ingest.resume();
  const files = createHttpClient({
    ...httpOptions,
    timeoutMs: FILE_TIMEOUT_MS,
    maxReplyBytes: MAX_FILE_BYTES,
  });
  const passThrough = createPassThrough(url, files);
  const server = await serveRelay({ listen: options.listen, tls: options.tls, ingest, passThrough, log });
  const startedAtMs = clock.wallNow();
  const status = (): RelayStatus => ({
    pid: process.pid,
    agentVersion: AGENT_VERSION,
    startedAtMs,
    updatedAtMs: clock.wallNow(),
    url: server.url,
    upstreamUrl: url,
    upstream: ingest.upstream,
    nodesAccepted: memory.size,
    requests: ingest.counts,
    backlogs: ingest.backlogs().map((backlog) => backlog.status()),
  });
  const metrics = await serveMetrics({
    listen: options.metricsListen,
    families: () => relayMetrics(status()),
    log,
  });
  const serviceManager = await openServiceManager(env);
  log(`relays from ${server.url} to ${url}`);
  serviceManager.ready();
  while (!signal.aborted) {
    serviceManager.alive(clock.monotonicNow());
    writeStatus(directory, status());
    await clock.sleepUntil(monotonicMs(clock.monotonicNow() + STATUS_EVERY_MS), signal);
  }
  serviceManager.stopping();
  await server.close();
  await metrics.close();
  await ingest.stop();
  await memory.save();
  writeStatus(directory, status());
}
