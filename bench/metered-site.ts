/** A Worker of a benchmark in a real workerd, with an empty D1 that has its tables. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { applyMigrations } from '../deploy/local/migrate.ts';
import { nodeCrypto } from '../deploy/node-crypto.ts';
import { ADMIN_TOKEN_ID, createToken } from '../shared/auth/token-format.ts';
import type { Plan } from '../shared/pace/plans.ts';
import { bytesByTable } from './database-pages.ts';

const ROOT = new URL('..', import.meta.url).pathname;

/** Asks as the admin, or with the token given. @throws where the answer is no success */
export type Ask = <T>(path: string, body: unknown, token?: string, method?: string) => Promise<T>;

export type Database = Awaited<ReturnType<Miniflare['getD1Database']>>;

export interface SiteOptions {
  /** Names of the bindings. */
  readonly databases?: readonly string[];
  readonly archive?: boolean;
  readonly plan?: Plan;
  /** Other settings of the Worker. */
  readonly settings?: Readonly<Record<string, string>>;
  /** That each isolate may use for its heap; more of it ends workerd. Default: as much as the machine has. */
  readonly heapMebibytes?: number;
}

export interface MeteredSite {
  /** Without a slash at its end. */
  readonly url: string;
  readonly adminToken: string;
  readonly ask: Ask;
  /** The first of the databases. */
  readonly db: Database;
  readonly databases: ReadonlyMap<string, Database>;
  /** @throws where the site was started without one */
  readonly bucket: () => ReturnType<Miniflare['getR2Bucket']>;
  /** Bytes that the tables of all databases take. */
  readonly tables: () => ReadonlyMap<string, number>;
  /** Of workerd, which holds the Worker and the database. */
  readonly processId: number;
  readonly stop: () => Promise<void>;
}

const NEW_SPACE_MEBIBYTES = 16;

/** @param entry from the repository's root */
export async function startMeteredSite(
  entry: string,
  {
    databases: names = ['DB'],
    archive = false,
    plan = 'free',
    settings = {},
    heapMebibytes,
  }: SiteOptions = {},
): Promise<MeteredSite> {
  const folder = mkdtempSync(join(tmpdir(), 'wattshed-bench-'));
  const scriptPath = join(folder, 'worker.js');
  await build({
    entryPoints: [join(ROOT, entry)],
    outfile: scriptPath,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    external: ['node:zlib'],
    conditions: ['workerd', 'worker', 'browser'],
    logLevel: 'error',
  });
  const admin = await createToken(nodeCrypto, { id: ADMIN_TOKEN_ID });
  const before = children();
  // Miniflare has no option for it. What lives for long is bounded by the first, what is new by the second.
  if (heapMebibytes !== undefined)
    process.env.MINIFLARE_WORKERD_V8_FLAGS = `--max-old-space-size=${heapMebibytes - NEW_SPACE_MEBIBYTES} --max-semi-space-size=${NEW_SPACE_MEBIBYTES / 2}`;
  const miniflare = new Miniflare({
    modules: true,
    modulesRoot: folder,
    scriptPath,
    compatibilityDate: '2026-07-01',
    compatibilityFlags: ['nodejs_compat'],
    host: '127.0.0.1',
    port: 0,
    cf: false,
    telemetry: { enabled: false },
    d1Persist: join(folder, 'd1'),
    d1Databases: Object.fromEntries(names.map((name) => [name, `bench-${name}`])),
    ...(archive ? { r2Buckets: { ARCHIVE: 'bench' } } : {}),
    bindings: { ADMIN_SECRET_SHA256: admin.secretSha256, RETENTION_PLAN: plan, ...settings },
  });
  const url = (await miniflare.ready).href.replace(/\/$/, '');
  delete process.env.MINIFLARE_WORKERD_V8_FLAGS;
  const processId = children().find((child) => !before.includes(child));
  if (processId === undefined) throw new Error('workerd is no child of this process');
  const databases = new Map<string, Database>();
  for (const name of names) {
    const database = await miniflare.getD1Database(name);
    await applyMigrations(database as never, join(ROOT, 'worker/schema/migrations'));
    databases.set(name, database);
  }
  return {
    url,
    db: databases.get(names[0]!)!,
    databases,
    tables: () => bytesByTable(join(folder, 'd1')),
    bucket: () => miniflare.getR2Bucket('ARCHIVE'),
    processId,
    adminToken: admin.token,
    async ask<T>(path: string, body: unknown, token = admin.token, method = 'POST') {
      const headers = {
        Authorization: `Bearer ${token}`,
        'Content-Type': 'application/json',
        // A connection that is kept while workerd computes for seconds is one that it closes as idle.
        Connection: 'close',
      };
      const response = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
      const text = await response.text();
      if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
      return (text === '' ? null : JSON.parse(text)) as T;
    },
    async stop() {
      await miniflare.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function children(): number[] {
  return readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}
