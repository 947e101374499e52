/**
 * Adds the demo fleet and keeps it reporting, through the same enrolment and ingest as real agents. Only what no host can
 * say of itself goes straight into the database: that the nodes are simulated, and since when they stand here.
 */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { DAY_MS, HOUR_MS, hourStart, WINDOW_MS, windowStart } from '../../../shared/time/window.ts';
import type { EnrollBody, EnrollReply, IngestBody, WindowReport } from '../../../shared/wire/ingest.ts';
import { CommandError, reasonOf } from '../../command-error.ts';
import type { Api } from '../api.ts';
import type { Database } from '../migrate.ts';
import { DEMO_NODES, DEMO_SITES, type DemoNode } from './fleet.ts';
import { demoHealth, demoInventory, demoReport } from './reports.ts';

const TICK_MS = 60_000;
const RETRY_MS = 2_000;
/** Windows in one request: half a day stays well under the limits of a body. */
const WINDOWS_PER_REQUEST = 144;
const AGENT_VERSION = 'demo';
/** Hours per node in the keys of `node_hours`. */
const HOURS_PER_NODE = 2 ** 21;

export interface DemoOptions {
  readonly serverUrl: string;
  readonly api: Api;
  readonly databases: readonly Database[];
  readonly createEnrolmentKey: (site: string, uses: number) => Promise<string>;
  /** How much of the past the nodes tell when they are new. */
  readonly historyMs: number;
}

export interface Demo {
  /** Resolves once the history is told, or the demo is stopped. */
  readonly told: Promise<void>;
  stop(): Promise<void>;
}

interface FedNode {
  readonly node: DemoNode;
  readonly token: string;
  /** Start of the first window that is not fully told yet. */
  fedToMs: number;
}

/** The nodes are enrolled and tell their history in the background, oldest day first. */
export function startDemo(options: DemoOptions): Demo {
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const told = (async () => {
    const nodes = await enrolAndTell(options, stopping.signal);
    if (!stopping.signal.aborted) timer = setInterval(() => void tellNews(options, nodes), TICK_MS);
  })();
  return {
    told,
    async stop() {
      stopping.abort();
      await told;
      clearInterval(timer);
    },
  };
}

/**
 * Goes on after a failure where it was, as an agent does: a server that is busy for seconds closes connections that it
 * has not served.
 */
async function enrolAndTell(options: DemoOptions, stopped: AbortSignal): Promise<readonly FedNode[]> {
  let nodes: readonly FedNode[] | undefined;
  while (!stopped.aborted) {
    try {
      nodes ??= await enrolAll(options);
      await tellHistory(options, nodes, stopped);
      return nodes;
    } catch (error) {
      if (stopped.aborted) break;
      console.error(
        `wattshed: the demo fleet could not report (${reasonOf(error)}); it goes on in ${RETRY_MS / 1_000} s`,
      );
      await pause(RETRY_MS, undefined, { signal: stopped }).catch(() => {});
    }
  }
  return nodes ?? [];
}

async function enrolAll(options: DemoOptions): Promise<FedNode[]> {
  const fed: FedNode[] = [];
  for (const site of DEMO_SITES) {
    if ((await options.api.call('GET', `/v1/sites/${site.id}`)) === null) {
      await options.api.call('POST', '/v1/sites', site);
    }
    const nodes = DEMO_NODES.filter((node) => node.site === site);
    const key = await options.createEnrolmentKey(site.id, nodes.length);
    for (const node of nodes) fed.push(await enrol(options, node, key));
  }
  return fed;
}

async function enrol(options: DemoOptions, node: DemoNode, key: string): Promise<FedNode> {
  const fingerprint = createHash('sha256').update(`wattshed demo ${node.hostname}`).digest('hex');
  const body: EnrollBody = {
    hostname: node.hostname,
    fingerprint,
    machineFingerprint: fingerprint,
    agentVersion: AGENT_VERSION,
  };
  const { nodeId, token } = await post<EnrollReply>(options, '/v1/enroll', key, JSON.stringify(body));
  const beginMs = hourStart(Date.now() - options.historyMs);
  // The node lives in one of them; in the others these change nothing.
  for (const database of options.databases)
    await database
      .prepare('UPDATE nodes SET simulated = 1, enrolled_at_ms = min(enrolled_at_ms, ?) WHERE id = ?')
      .bind(beginMs, nodeId)
      .run();
  await introduce(options, node, token);
  for (const database of options.databases)
    await database
      .prepare(
        'UPDATE parts SET in_service_from_ms = ? WHERE in_service_assumed = 1 AND in_service_from_ms > ? AND node_number = (SELECT number FROM nodes WHERE id = ?)',
      )
      .bind(beginMs, beginMs, nodeId)
      .run();
  const newestMs = await Promise.all(options.databases.map((database) => newestHourMs(database, nodeId)));
  return { node, token, fedToMs: Math.max(...newestMs.map((ms) => ms ?? beginMs)) };
}

/** Its history is told from old to new, so what is stored last is where an interrupted telling goes on. */
async function newestHourMs(database: Database, nodeId: string): Promise<number | null> {
  const { results } = await database
    .prepare(
      `SELECT max(h.key) % ${HOURS_PER_NODE} AS hour FROM nodes n
         JOIN node_hours h ON h.key >= n.number * ${HOURS_PER_NODE} AND h.key < (n.number + 1) * ${HOURS_PER_NODE}
        WHERE n.id = ?`,
    )
    .bind(nodeId)
    .all<{ hour: number | null }>();
  const hour = results[0]?.hour ?? null;
  return hour === null ? null : hour * HOUR_MS;
}

async function introduce(options: DemoOptions, node: DemoNode, token: string): Promise<void> {
  await ingest(options, token, { reports: [], inventory: demoInventory(node), health: demoHealth });
}

async function tellHistory(
  options: DemoOptions,
  nodes: readonly FedNode[],
  stopped: AbortSignal,
): Promise<void> {
  const first = Math.min(...nodes.map((fed) => fed.fedToMs));
  const days = Math.ceil((Date.now() - first) / DAY_MS);
  for (let day = 1; day <= days && !stopped.aborted; day++) {
    const untilMs = Math.min(first + day * DAY_MS, Date.now());
    await Promise.all(nodes.map((fed) => tell(options, fed, untilMs)));
    if (days > 1) progress(day, days);
  }
}

function progress(day: number, days: number): void {
  const text = `wattshed: demo fleet, day ${day} of ${days} told`;
  if (process.stdout.isTTY) process.stdout.write(`\r${text}${day === days ? '\n' : ''}`);
  else if (day % 10 === 0 || day === days) console.log(text);
}

async function tellNews(options: DemoOptions, nodes: readonly FedNode[]): Promise<void> {
  for (const fed of nodes) {
    try {
      await tell(options, fed, Date.now());
    } catch (error) {
      console.error(`wattshed: demo node ${fed.node.hostname} could not report: ${reasonOf(error)}`);
    }
  }
}

/** Tells every window from where this node is up to `untilMs`, the open one as far as it has come. */
async function tell(options: DemoOptions, fed: FedNode, untilMs: number): Promise<void> {
  while (fed.fedToMs < untilMs) {
    const endMs = Math.min(fed.fedToMs + WINDOWS_PER_REQUEST * WINDOW_MS, untilMs);
    const reports: WindowReport[] = [];
    for (let startMs = fed.fedToMs; startMs < endMs; startMs += WINDOW_MS) {
      const report = demoReport(fed.node, startMs, endMs);
      if (report !== null) reports.push(report);
    }
    if (reports.length > 0) await ingest(options, fed.token, { reports });
    fed.fedToMs = windowStart(endMs);
    if (endMs === untilMs) return;
  }
}

async function ingest(
  options: DemoOptions,
  token: string,
  content: Pick<IngestBody, 'reports' | 'inventory' | 'health'>,
): Promise<void> {
  const body: IngestBody = { version: 1, sentAtMs: Date.now(), agentVersion: AGENT_VERSION, ...content };
  await post(options, '/v1/ingest', token, gzipSync(JSON.stringify(body)), { 'Content-Encoding': 'gzip' });
}

async function post<T>(
  { serverUrl }: DemoOptions,
  path: string,
  token: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = {},
): Promise<T> {
  const response = await fetch(`${serverUrl}${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', ...headers },
    body,
  });
  if (!response.ok)
    throw new CommandError(`POST ${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}
