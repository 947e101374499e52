/** workerd with a real D1 and the real Worker, on a clock that the test sets. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { Miniflare, type Response as MiniflareResponse } from 'miniflare';
import { nodeCrypto } from '../../deploy/node-crypto.ts';
import { ADMIN_TOKEN_ID, createToken } from '../../shared/auth/token-format.ts';

const root = new URL('../..', import.meta.url).pathname;

export interface Harness {
  readonly url: string;
  readonly adminToken: string;
  setClock(nowMs: number): Promise<void>;
  /** Calls the API as admin; throws on an answer that is not 2xx, with its body. */
  api<T>(method: string, path: string, body?: unknown): Promise<T>;
  database(): Promise<D1DatabaseLike>;
  /** Every file of the archive by its path. */
  archive(): Promise<ReadonlyMap<string, Uint8Array>>;
  /** What cron does: one run of the scheduled jobs, which reach loopback only. */
  tick(): Promise<void>;
  stop(): Promise<void>;
}

interface D1DatabaseLike {
  prepare(sql: string): { all<T>(): Promise<{ results: T[] }> };
}

/** Beside what every test has. */
export interface HarnessOptions {
  readonly bindings?: Readonly<Record<string, string>>;
  readonly email?: {
    readonly send_email: { readonly name: string; readonly allowed_destination_addresses: string[] }[];
  };
  /** Takes the place of the network for the Worker's requests. */
  readonly outboundService?: (request: { readonly url: string }) => MiniflareResponse;
}

export async function startHarness(options: HarnessOptions = {}): Promise<Harness> {
  const folder = mkdtempSync(join(tmpdir(), 'wattshed-e2e-'));
  await build({
    entryPoints: [join(root, 'test/worker/settable-clock-worker.ts')],
    outfile: join(folder, 'worker.js'),
    bundle: true,
    format: 'esm',
    platform: 'browser',
    external: ['node:zlib'],
    conditions: ['workerd', 'worker', 'browser'],
    logLevel: 'error',
  });
  const secret = await newAdminSecret();
  const miniflare = new Miniflare({
    modules: true,
    // Module names are relative to this; above the working directory workerd refuses them.
    modulesRoot: folder,
    scriptPath: join(folder, 'worker.js'),
    compatibilityDate: '2026-07-01',
    compatibilityFlags: ['nodejs_compat'],
    host: '127.0.0.1',
    port: 0,
    cf: false,
    d1Databases: { DB: 'wattshed-e2e' },
    r2Buckets: { ARCHIVE: 'wattshed-e2e' },
    bindings: { ADMIN_SECRET_SHA256: secret.sha256, ...options.bindings },
    ...(options.email === undefined ? {} : { email: options.email }),
    ...(options.outboundService === undefined ? {} : { outboundService: options.outboundService }),
  });
  const url = (await miniflare.ready).href.replace(/\/$/, '');
  const database = await miniflare.getD1Database('DB');
  const migrations = join(root, 'worker/schema/migrations');
  for (const file of readdirSync(migrations)
    .filter((name) => name.endsWith('.sql'))
    .sort()) {
    for (const statement of readFileSync(join(migrations, file), 'utf8').split('--> statement-breakpoint')) {
      await database.prepare(statement).run();
    }
  }
  return {
    url,
    adminToken: secret.token,
    async setClock(nowMs) {
      await fetch(`${url}/__clock`, { method: 'POST', body: String(nowMs) });
    },
    async api(method, path, body) {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${secret.token}`,
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
      return text === '' ? undefined : JSON.parse(text);
    },
    database: async () => database as unknown as D1DatabaseLike,
    async archive() {
      const bucket = await miniflare.getR2Bucket('ARCHIVE');
      const files = new Map<string, Uint8Array>();
      for (const { key } of (await bucket.list()).objects)
        files.set(key, new Uint8Array(await (await bucket.get(key))!.arrayBuffer()));
      return files;
    },
    async tick() {
      await (await miniflare.getWorker()).scheduled({ scheduledTime: new Date(), cron: 'all' });
    },
    async stop() {
      await miniflare.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function newAdminSecret(): Promise<{ token: string; sha256: string }> {
  const { token, secretSha256 } = await createToken(nodeCrypto, { id: ADMIN_TOKEN_ID });
  return { token, sha256: secretSha256 };
}
