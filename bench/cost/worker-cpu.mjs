/**
 * CPU of the Worker without the database's, as the platform bills and bounds it: its jobs and its booking within Node, on SQLite in
 * the same process whose time is taken off. A fleet on the free plan; prints milliseconds as JSON: `turns`, for each of the cron's
 * five what nineteen runs of twenty stay below, and `report`, the mean of booking one report of those that a node sends each
 * minute. `node bench/cost/worker-cpu.mjs NODES`. Plain JavaScript: the Worker's types are not Node's.
 */
import { join } from 'node:path';
import { applyMigrations } from '../../deploy/local/migrate.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import { runDueJobs } from '../../worker/jobs/dispatch.ts';
import { createShards } from '../../worker/storage/shards.ts';
import { ingest } from '../../worker/use-cases/ingest.ts';
import { IngestMemory } from '../../worker/use-cases/ingest-memory.ts';
import { NodeWindows } from '../load/node-windows.ts';
import { loadOf } from '../storage/storage.ts';
import { cpuMilliseconds, openTimedDatabase } from './timed-database.mjs';

const TURNS = 5;
const HOURS = 80;
/** Until the code is warm; from then on the first day is old enough to be packed. */
const WARM_HOURS = 70;
const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2026, 5, 1);

// Node 24 has not these yet.
Uint8Array.fromHex ??= (hex) => new Uint8Array(Buffer.from(hex, 'hex'));
Uint8Array.fromBase64 ??= (text) => new Uint8Array(Buffer.from(text, 'base64'));
Uint8Array.prototype.toHex ??= function toHex() {
  return Buffer.from(this.buffer, this.byteOffset, this.byteLength).toString('hex');
};

const nodes = Number(process.argv[2]);
const { database, milliseconds } = openTimedDatabase();
await applyMigrations(database, join(import.meta.dirname, '../../worker/schema/migrations'));
const env = { DB: database, RETENTION_PLAN: 'free' };
const shards = createShards(env);
const memory = new IngestMemory();
for (let number = 1; number <= nodes; number++)
  await database
    .prepare(
      `INSERT INTO nodes (number, id, hostname, labels, fingerprint, machine_fingerprint, agent_version, simulated, enrolled_at_ms)
       VALUES (?1, 'node' || ?1, 'host' || ?1, '{}', 'f' || ?1, 'm' || ?1, '0.1.0', 0, ?2)`,
    )
    .bind(number, START_MS)
    .run();
const load = new NodeWindows(loadOf('mixed'));
const turns = Array.from({ length: TURNS }, () => []);
let nowMs = START_MS;
const context = {
  env,
  shards,
  now: () => nowMs,
  fetch: () => Promise.reject(new Error('a benchmark stays on this machine')),
};
for (let minute = 0; minute < HOURS * 60; minute++) {
  nowMs = START_MS + (minute + 1) * MINUTE_MS;
  if (minute % 60 === 59) await reportHour(Math.floor(minute / 60));
  const turn = await spent(() => runDueJobs(context, { cron: '* * * * *', scheduledTime: nowMs }));
  if (minute >= WARM_HOURS * 60) turns[Math.floor(nowMs / MINUTE_MS) % TURNS].push(turn);
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
      let answer;
      const booking = await spent(async () => {
        answer = await say(number, body);
      });
      // A report that was set aside is not what is measured.
      if (answer.value?.accepted !== 1) throw new Error(JSON.stringify(answer));
      reports.push(booking);
    }
const meanOf = (values) => values.reduce((sum, each) => sum + each, 0) / values.length;
console.log(JSON.stringify({ turns: turns.map(nearlyMost), report: meanOf(reports) }));

function say(nodeNumber, body) {
  return ingest(shards, { nodeNumber, staleTokenId: null }, body, nowMs, memory);
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
    await say(number, { version: 1, sentAtMs: nowMs, agentVersion: '0.1.0', reports });
  }
}

function nearlyMost(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.95)];
}
