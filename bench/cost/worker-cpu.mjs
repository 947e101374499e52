/**
 * CPU of the Worker without the database's, as the platform bills and bounds it: its jobs and its booking within Node, on SQLite in
 * the same process whose time is taken off. One database of a fleet on the free plan, with inventories, two sites and a rule
 * of each kind. `node bench/cost/worker-cpu.mjs NODES` prints as JSON, in milliseconds: `turns`, for each of the cron's five,
 * for summing hours and for alerts what its runs stay below, each run the least of several that begin alike: what a busy
 * machine adds is not in the least; `mean`, the same on average; `cold`, the first run that sums hours in a process that has compiled nothing of it;
 * `report`, the mean of booking one of the reports that a node sends each minute. And `summingRuns`: runs that it takes
 * to sum an hour. Plain JavaScript: the Worker's types are not Node's.
 */
import { timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { applyMigrations } from '../../deploy/local/migrate.ts';
import { nodeCrypto } from '../../deploy/node-crypto.ts';
import { ADMIN_TOKEN_ID, createToken } from '../../shared/auth/token-format.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import { createApp } from '../../worker/create-worker.ts';
import { runDueJobs, triggersAt } from '../../worker/jobs/dispatch.ts';
import { createShards } from '../../worker/storage/shards.ts';
import { ingest } from '../../worker/use-cases/ingest.ts';
import { IngestMemory } from '../../worker/use-cases/ingest-memory.ts';
import { enrolFleet } from '../load/enrol-fleet.ts';
import { NodeWindows } from '../load/node-windows.ts';
import { loadOf } from '../storage/storage.ts';
import { cpuMilliseconds, openTimedDatabase } from './timed-database.mjs';

const TURNS = 5;
/** Of which the last ones are measured: then the code is warm, and the first day is old enough to be packed. */
const HOURS = 80;
const WARM_HOURS = 72;
/** Of one run. */
const REPETITIONS = 8;
const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2026, 5, 1);
const ZONES = ['PL', 'US-CAL-CISO'];
const RULES = [
  { kind: 'dirtyHours', aboveGramsPerKwh: 400 },
  { kind: 'dirtyHoursAhead' },
  { kind: 'budget', emissions: 'total', period: 'month', budgetGrams: 5e6 },
  { kind: 'waste', aboveIdlePowerWatts: 1_000 },
  ...['nodeSilent', 'coverage', 'gridDataStale', 'twoAgents'].map((check) => ({ kind: 'health', check })),
];

// Node 24 has not these yet.
Uint8Array.fromHex ??= (hex) => new Uint8Array(Buffer.from(hex, 'hex'));
Uint8Array.fromBase64 ??= (text) => new Uint8Array(Buffer.from(text, 'base64'));
Uint8Array.prototype.toHex ??= function toHex() {
  return Buffer.from(this.buffer, this.byteOffset, this.byteLength).toString('hex');
};

crypto.subtle.timingSafeEqual = (a, b) => timingSafeEqual(Buffer.from(a), Buffer.from(b));

const nodes = Number(process.argv[2]);
const memory = new IngestMemory();
const { database, undone, milliseconds } = openTimedDatabase();
await applyMigrations(database, join(import.meta.dirname, '../../worker/schema/migrations'));
const admin = await createToken(nodeCrypto, { id: ADMIN_TOKEN_ID });
const env = { DB: database, RETENTION_PLAN: 'free', ADMIN_SECRET_SHA256: admin.secretSha256 };
const shards = createShards(env);
let nowMs = START_MS;
const app = createApp(() => nowMs);
await enrolFleet(ask, nodes, ZONES);
await ask(
  '/v1/alert-rules',
  { alertRules: RULES.map((rule, i) => ({ ...rule, name: `rule ${i}`, filter: '', channelIds: [] })) },
  admin.token,
  'PUT',
);
for (const zone of ZONES) await tellIntensity(zone);
const load = new NodeWindows(loadOf('mixed'));
const context = {
  env,
  shards,
  now: () => nowMs,
  fetch: () => Promise.reject(new Error('a benchmark stays on this machine')),
};
/** By turn, then of summing hours and of alerts. */
const runs = Array.from({ length: TURNS + 2 }, () => []);
let cold = null;
let summingRuns = 0;
for (let minute = 0; minute < HOURS * 60; minute++) {
  nowMs = START_MS + (minute + 1) * MINUTE_MS;
  if (minute % 60 === 59) await reportHour(Math.floor(minute / 60));
  for (const [own, trigger] of triggersAt(nowMs).entries()) {
    const isSumming = own > 0 && trigger.cron === '*/2 * * * *';
    const turn = own === 0 ? Math.floor(nowMs / MINUTE_MS) % TURNS : isSumming ? TURNS : TURNS + 1;
    const run = () => spent(() => runDueJobs(context, trigger));
    if (minute < WARM_HOURS * 60) {
      const first = await run();
      if (cold === null && isSumming && (await countOf('rollup_node_days')) > 0) cold = first;
      continue;
    }
    runs[turn].push(await leastOf(run));
    const before = await countOf('rollup_marks');
    await run();
    if (isSumming && (before > 0 || (await countOf('rollup_marks')) > 0)) summingRuns++;
  }
}
const reports = [];
for (let window = HOURS * 12; window < HOURS * 12 + 6; window++)
  for (let minute = 1; minute <= 5; minute++)
    for (let number = 1; number <= nodes; number++) {
      nowMs = START_MS + window * WINDOW_MS + minute * MINUTE_MS;
      const said = { node: number, window, windowStartMs: START_MS + window * WINDOW_MS };
      const report = load.reportOf({
        ...said,
        share: minute / 5,
        revision: minute,
        withSeries: true,
        hostSeries: true,
      });
      const body = { version: 1, sentAtMs: nowMs, agentVersion: '0.1.0', reports: [report] };
      reports.push(await leastOf(() => spent(() => say(number, body))));
      // A report that was set aside is not what is measured.
      const answer = await say(number, body);
      if (answer.value?.accepted !== 1) throw new Error(JSON.stringify(answer));
    }
const meanOf = (values) => values.reduce((sum, each) => sum + each, 0) / values.length;
console.log(
  JSON.stringify({
    turns: runs.map((values) => Math.max(...values)),
    mean: runs.map(meanOf),
    cold,
    summingRuns: summingRuns / (HOURS - WARM_HOURS),
    report: meanOf(reports),
  }),
);

function say(nodeNumber, body) {
  return ingest(shards, { nodeNumber, staleTokenId: null }, body, nowMs, memory);
}

/** Of runs that begin alike. */
async function leastOf(run) {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPETITIONS; i++) least = Math.min(least, await undone(run));
  return least;
}

async function spent(work) {
  const [before, inDatabase] = [cpuMilliseconds(), milliseconds()];
  await work();
  return cpuMilliseconds() - before - (milliseconds() - inDatabase);
}

async function reportHour(hour) {
  for (let number = 1; number <= nodes; number++) {
    const reports = Array.from({ length: 12 }, (_, place) => {
      const window = hour * 12 + place;
      const windowStartMs = START_MS + window * WINDOW_MS;
      const said = { node: number, window, windowStartMs, share: 1, revision: 1 };
      return load.reportOf({ ...said, withSeries: false, hostSeries: false });
    });
    const body = { version: 1, sentAtMs: nowMs, agentVersion: '0.1.0', reports };
    await say(number, hour === 0 ? { ...body, inventory: inventoryOf(number) } : body);
  }
}

/** Of a host with eight GPUs. */
function inventoryOf(node) {
  const many = (count, partOf) => Array.from({ length: count }, (_, i) => partOf(i));
  return {
    hostname: `node-${node}`,
    kernel: '6.8.0',
    productName: 'DGX H100',
    parts: [
      ...many(8, (i) => ({ id: `GPU-${node}-${i}`, type: 'gpu', name: 'NVIDIA H100 80GB HBM3' })),
      ...many(2, (i) => ({
        id: `cpu-${i}`,
        type: 'cpu',
        name: 'Intel(R) Xeon(R) Platinum 8480C',
        cores: 56,
      })),
      { id: 'memory', type: 'memory', name: 'memory', capacityBytes: 2 * 2 ** 40 },
      ...many(4, (i) => ({ id: `nvme-${node}-${i}`, type: 'ssd', name: 'SSD', capacityBytes: 3.84e12 })),
    ],
  };
}

async function tellIntensity(zone) {
  const at = (hour) => new Date(START_MS + hour * 12 * WINDOW_MS).toISOString();
  const points = Array.from({ length: HOURS }, (_, hour) => ({
    start: at(hour),
    end: at(hour + 1),
    gramsPerKwh: 400 + hour,
  }));
  const series = { basis: 'lifecycle', signal: 'average', scope: 'consumption', points };
  await ask(`/v1/grid/${zone}/intensity`, series, admin.token, 'PUT');
}

async function ask(path, body, token = admin.token, method = 'POST') {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const request = new Request(`http://bench${path}`, { method, headers, body: JSON.stringify(body) });
  const answer = await app.fetch(request, env, { waitUntil() {}, passThroughOnException() {} });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text}`);
  return text === '' ? null : JSON.parse(text);
}

async function countOf(table) {
  return (await database.prepare(`SELECT COUNT(*) AS count FROM ${table}`).first()).count;
}
