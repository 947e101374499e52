/**
 * A fleet and the Worker's own code within this process of Node, on a SQLite whose time can be taken off. Plain JavaScript: the
 * Worker's types are not Node's.
 */
import { timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { applyMigrations } from '../../deploy/local/migrate.ts';
import { nodeCrypto } from '../../deploy/node-crypto.ts';
import { ADMIN_TOKEN_ID, createToken } from '../../shared/auth/token-format.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import { createApp } from '../../worker/create-worker.ts';
import { createShards } from '../../worker/storage/shards.ts';
import { ingest } from '../../worker/use-cases/ingest.ts';
import { IngestMemory } from '../../worker/use-cases/ingest-memory.ts';
import { enrolFleet } from '../load/enrol-fleet.ts';
import { NodeWindows } from '../load/node-windows.ts';
import { loadOf } from '../storage/storage.ts';
import { cpuMilliseconds, openTimedDatabase } from './timed-database.mjs';

export const START_MS = Date.UTC(2026, 5, 1);
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

/**
 * Two sites, a rule of each kind, and intensities by the operator's word.
 * @param bindings what the Worker is given beside its database and its admin
 * @param hours of intensities
 */
export async function startFleet(nodes, bindings, hours) {
  const memory = new IngestMemory();
  const { database, undone, milliseconds } = openTimedDatabase();
  await applyMigrations(database, join(import.meta.dirname, '../../worker/schema/migrations'));
  const admin = await createToken(nodeCrypto, { id: ADMIN_TOKEN_ID });
  const env = { DB: database, ADMIN_SECRET_SHA256: admin.secretSha256, ...bindings };
  const shards = createShards(env);
  const clock = { nowMs: START_MS };
  const app = createApp(() => clock.nowMs);
  const load = new NodeWindows(loadOf('mixed'));
  await enrolFleet(ask, nodes, ZONES);
  const alertRules = RULES.map((rule, i) => ({ ...rule, name: `rule ${i}`, filter: '', channelIds: [] }));
  await ask('/v1/alert-rules', { alertRules }, admin.token, 'PUT');
  for (const zone of ZONES) await tellIntensity(zone);

  async function ask(path, body, token = admin.token, method = 'POST') {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const request = new Request(`http://bench${path}`, { method, headers, body: JSON.stringify(body) });
    const answer = await app.fetch(request, env, { waitUntil() {}, passThroughOnException() {} });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text}`);
    return text === '' ? null : JSON.parse(text);
  }

  async function tellIntensity(zone) {
    const at = (hour) => new Date(START_MS + hour * 12 * WINDOW_MS).toISOString();
    const points = Array.from({ length: hours }, (_, hour) => ({
      start: at(hour),
      end: at(hour + 1),
      gramsPerKwh: 400 + hour,
    }));
    const series = { basis: 'lifecycle', signal: 'average', scope: 'consumption', points };
    await ask(`/v1/grid/${zone}/intensity`, series, admin.token, 'PUT');
  }

  /** What a node reports of a window. @param said what `NodeWindows` is told beside the instant */
  const reportOf = (node, window, said) =>
    load.reportOf({ node, window, windowStartMs: START_MS + window * WINDOW_MS, ...said });

  const bodyOf = (reports) => ({
    version: 1,
    sentAtMs: clock.nowMs,
    agentVersion: '0.1.0',
    reports,
  });

  return {
    clock,
    database,
    undone,
    reportOf,
    bodyOf,
    /** What jobs are given. */
    context: {
      env,
      shards,
      now: () => clock.nowMs,
      fetch: () => Promise.reject(new Error('a benchmark stays on this machine')),
    },
    say: (nodeNumber, body) => ingest(shards, { nodeNumber, staleTokenId: null }, body, clock.nowMs, memory),
    /** Milliseconds of CPU that the work takes without the database's. */
    async spent(work) {
      const [before, inDatabase] = [cpuMilliseconds(), milliseconds()];
      await work();
      return cpuMilliseconds() - before - (milliseconds() - inDatabase);
    },
    /** The windows of a node's hour. */
    windowsOfHour: (node, hour, said) =>
      Array.from({ length: 12 }, (_, place) =>
        reportOf(node, hour * 12 + place, { share: 1, revision: 1, ...said }),
      ),
    async countOf(table) {
      return (await database.prepare(`SELECT COUNT(*) AS count FROM ${table}`).first()).count;
    },
  };
}
