/** One fleet on one database, and the same on three. */
import { applyD1Migrations, createExecutionContext, env, waitOnExecutionContext } from 'cloudflare:test';
import { createWorker } from '../../../worker/create-worker.ts';
import type { Env } from '../../../worker/env.ts';
import { ADMIN_TOKEN } from '../support/admin-token.ts';

const bindings = env as unknown as Env &
  Record<'SHARD_0' | 'SHARD_1' | 'SHARD_2', D1Database> & {
    TEST_MIGRATIONS: Parameters<typeof applyD1Migrations>[1];
  };

export const THREE: readonly D1Database[] = [bindings.SHARD_0, bindings.SHARD_1, bindings.SHARD_2];
export const ONE: readonly D1Database[] = [bindings.DB];

export async function migrateAll(): Promise<void> {
  for (const database of THREE) await applyD1Migrations(database, bindings.TEST_MIGRATIONS);
}

export interface TestFleet {
  nowMs: number;
  call(method: string, path: string, body?: unknown, token?: string, headers?: object): Promise<Response>;
  /** The JSON of an answer that must be 2xx. */
  ask<T>(method: string, path: string, body?: unknown, token?: string): Promise<T>;
  /** Every scheduled job once. */
  runJobs(): Promise<void>;
}

export function fleetOn(
  databases: readonly D1Database[],
  nowMs: number,
  overrides: Partial<Env> = {},
): TestFleet {
  const own: Record<string, unknown> = { ...bindings, ...overrides };
  for (const [shard, database] of databases.entries()) own[shard === 0 ? 'DB' : `DB_${shard}`] = database;
  const worker = createWorker({
    now: () => fleet.nowMs,
    fetch: () => Promise.reject(new Error('tests stay on this machine')),
  });
  const fleet: TestFleet = {
    nowMs,
    async call(method, path, body, token = ADMIN_TOKEN, headers = {}) {
      const request = new Request(`http://wattshed.test${path}`, {
        method,
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const context = createExecutionContext();
      const response = await worker.fetch!(request as never, own as unknown as Env, context);
      await waitOnExecutionContext(context);
      return response;
    },
    async ask(method, path, body, token) {
      const response = await fleet.call(method, path, body, token);
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
      return text === '' ? undefined : JSON.parse(text);
    },
    async runJobs() {
      const context = createExecutionContext();
      const controller = { cron: 'start', scheduledTime: fleet.nowMs, noRetry: () => {} };
      await worker.scheduled!(controller as never, own as unknown as Env, context);
      await waitOnExecutionContext(context);
    },
  };
  return fleet;
}

export async function nodesIn(database: D1Database): Promise<string[]> {
  const { results } = await database.prepare('SELECT id FROM nodes ORDER BY id').all<{ id: string }>();
  return results.map(({ id }) => id);
}
