/** The Worker in workerd with its database on disk, and the clock tick that cron gives it in production. */
import { type AddressInfo, createServer, isIPv6 } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Miniflare } from 'miniflare';
import { PROVIDER_KEY_NAMES } from '../../shared/grid/provider-keys.ts';
import { RETENTION_SETTINGS } from '../../shared/settings/retention.ts';
import { bindingOf } from '../../shared/settings/shards.ts';
import { CommandError, reasonOf } from '../command-error.ts';
import { assertReadable } from './ledger-format.ts';
import { applyMigrations, type Database } from './migrate.ts';

const TICK_MS = 60_000;
/** Those of wrangler.toml; here each comes each minute. */
const CRONS = ['* * * * *', '*/2 * * * *', '1-59/2 * * * *'];
const COMPATIBILITY_DATE = '2026-07-01';

export interface ServerOptions {
  readonly root: string;
  readonly dataFolder: string;
  readonly listenAddress: string;
  readonly port: number;
  readonly adminSecretSha256: string;
  /** Databases. */
  readonly shards: number;
}

export interface Server {
  /** Without a trailing slash. */
  readonly url: string;
  /** In order of their numbers. */
  readonly databases: readonly Database[];
  stop(): Promise<void>;
}

export async function startServer(options: ServerOptions): Promise<Server> {
  await migrate(options);
  const miniflare = new Miniflare({
    modules: true,
    scriptPath: join(options.root, 'dist/worker/index.js'),
    compatibilityDate: COMPATIBILITY_DATE,
    compatibilityFlags: ['nodejs_compat'],
    host: options.listenAddress,
    port: options.port,
    // Request metadata would be fetched from the network.
    cf: false,
    telemetry: { enabled: false },
    handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
      showLines(stdout);
      showLines(stderr);
    },
    ...databasesIn(options),
    r2Buckets: { ARCHIVE: 'archive' },
    r2Persist: join(options.dataFolder, 'r2'),
    assets: {
      directory: join(options.root, 'dist/dashboard'),
      binding: 'ASSETS',
      routerConfig: { has_user_worker: true },
    },
    bindings: {
      ADMIN_SECRET_SHA256: options.adminSecretSha256,
      // The Worker refuses a value that it does not know.
      ...fromEnvironment([
        ...PROVIDER_KEY_NAMES,
        ...RETENTION_SETTINGS,
        'CLOSED_SHARDS',
        'ALERT_TARGETS_ALLOW_LOOPBACK',
        'PUBLIC_URL',
      ]),
    },
  });
  // Miniflare ends the process on a signal at once; the launcher has an agent to stop first.
  process.removeAllListeners('SIGINT').removeAllListeners('SIGTERM');
  await miniflare.ready;
  const url = urlOf(options.listenAddress, options.port);
  const databases = await openDatabases(miniflare, options.shards);
  let isStopped = false;
  const tick = async (cron: string) => {
    if (isStopped) return;
    try {
      const worker = await miniflare.getWorker();
      await worker.scheduled({ scheduledTime: new Date(), cron });
    } catch (error) {
      // Cut off in the middle: nothing that anybody needs to mend.
      if (isStopped) return;
      console.error(
        `wattshed: the scheduled jobs failed (${reasonOf(error)}); they are tried again in a minute`,
      );
    }
  };
  // All jobs once; from then on they take turns.
  void tick('start');
  const ticking = setInterval(async () => {
    for (const cron of CRONS) await tick(cron);
  }, TICK_MS);
  return {
    url,
    databases,
    async stop() {
      isStopped = true;
      clearInterval(ticking);
      await miniflare.dispose();
    },
  };
}

/** Those of the names that the environment has. */
function fromEnvironment(names: readonly string[]): Record<string, string> {
  const given = names.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(given.filter((pair): pair is [string, string] => Boolean(pair[1])));
}

const databasesIn = ({ dataFolder, shards }: Pick<ServerOptions, 'dataFolder' | 'shards'>) => ({
  d1Databases: Object.fromEntries(
    Array.from({ length: shards }, (_, shard) => [
      bindingOf(shard),
      shard === 0 ? 'wattshed' : `wattshed-${shard}`,
    ]),
  ),
  d1Persist: join(dataFolder, 'd1'),
});

async function openDatabases(miniflare: Miniflare, shards: number): Promise<Database[]> {
  const opened: Database[] = [];
  for (let shard = 0; shard < shards; shard++)
    opened.push((await miniflare.getD1Database(bindingOf(shard))) as unknown as Database);
  return opened;
}

/** Before anything listens: agents and pages that wait for this server never meet a database of the version before. */
async function migrate({ root, dataFolder, shards }: ServerOptions): Promise<void> {
  const miniflare = new Miniflare({
    modules: true,
    script: 'export default {}',
    compatibilityDate: COMPATIBILITY_DATE,
    cf: false,
    telemetry: { enabled: false },
    ...databasesIn({ dataFolder, shards }),
  });
  try {
    const databases = await openDatabases(miniflare, shards);
    for (const database of databases) await assertReadable(database, dataFolder);
    for (const database of databases) await applyMigrations(database, join(root, 'worker/schema/migrations'));
  } finally {
    await miniflare.dispose();
  }
}

/** Where this machine itself finds the server. */
function urlOf(address: string, port: number): string {
  const host = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address;
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/**
 * What the Worker logs is for the person at the terminal; workerd's own notes are not: a provider that cannot be reached
 * comes with a stack of addresses there, and in plain words in the answers of /v1/grid.
 */
function showLines(output: Readable): void {
  createInterface({ input: output }).on('line', (line) => {
    if (line !== '' && !/^(workerd|kj)\/|^stack: /.test(line)) console.error(line);
  });
}

/** The port, or a free one for 0. Throws `CommandError` where nobody can listen there. */
export async function freePort(address: string, port: number): Promise<number> {
  const probe = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject).listen(port, address, resolve);
    });
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === 'EADDRINUSE') {
      throw new CommandError(`port ${port} on ${address} is taken: choose another with --port N`);
    }
    throw new CommandError(`cannot listen on ${address}:${port} (${reason}): see --listen and --port`);
  }
  const chosen = (probe.address() as AddressInfo).port;
  await new Promise((resolve) => probe.close(resolve));
  return chosen;
}
