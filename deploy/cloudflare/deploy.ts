/**
 * Deploys from nothing or on top of what is there: every step looks first, so that running it again changes only what
 * differs. Migrations go before the code that needs them. Most of them only add; where one takes a column away (0006, 0025), the
 * Worker of before runs without it for some seconds, and what writes it fails then (docs/operate.md).
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { readOrCreateAdminToken } from '../admin-token.ts';
import { CommandError } from '../command-error.ts';
import { findOrMakeBucket } from './bucket.ts';
import { findOrMakeDatabases, plannedDatabases } from './database.ts';
import type { DeployOptions } from './options.ts';
import { type Ask, deployedSecrets, secretsToUpload } from './secrets.ts';
import { saidBy, type Wrangler } from './wrangler.ts';
import { renderConfig } from './wrangler-config.ts';

export interface DeployWorld {
  /** Of the repository. */
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly wrangler: Wrangler;
  readonly say: (line: string) => void;
  /** Null where nobody can be asked. */
  readonly ask: Ask | null;
}

export async function deploy(options: DeployOptions, world: DeployWorld): Promise<void> {
  const { wrangler, say, root } = world;
  const account = await wrangler.ask(['whoami', '--json']);
  if (account.exitCode !== 0) {
    throw new CommandError(
      'not logged in to Cloudflare: run npx wrangler login, or set CLOUDFLARE_API_TOKEN ' +
        '(a token with Workers Scripts and D1: Edit, and R2 Storage: Read, with --archive Edit). npm run deploy -- --dry-run works without an account.',
    );
  }
  const folder = resolve(options.folder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const tokenFile = join(folder, 'admin-token');
  const admin = await readOrCreateAdminToken(tokenFile);

  const databases = await findOrMakeDatabases(wrangler, options, say);

  const bucket = await findOrMakeBucket(wrangler, options);
  say(
    bucket === null
      ? 'archive     none (--archive makes one)'
      : `archive     ${bucket.name} ${bucket.made ? 'made' : 'is there'}`,
  );

  const configFile = writeConfig(folder, renderConfig(root, options, databases, bucket?.name ?? null));
  for (const { name } of databases)
    await wrangler.run(['d1', 'migrations', 'apply', name, '--remote', '--config', configFile]);
  say('migrations  applied');

  const deployed = await deployedSecrets(wrangler, configFile);
  const secrets = await secretsToUpload(deployed, admin.secretSha256, world.env, world.ask);
  const output = await withSecretsFile(folder, secrets, (secretsFile) =>
    // Variables that were set at an earlier deployment stay.
    wrangler.run(['deploy', '--config', configFile, '--secrets-file', secretsFile, '--keep-vars']),
  );
  say(`secrets     ${Object.keys(secrets).join(', ')}`);
  const url = /https:\/\/\S+\.workers\.dev/.exec(output)?.[0] ?? null;
  say(
    `worker      deployed${url === null ? ' (its address: npx wrangler deployments, or your own route)' : ''}`,
  );
  say(next(url ?? 'https://YOUR-ADDRESS', shown(tokenFile)));
}

/** Needs no account: says what a deployment would do, and has Wrangler build and check what would be sent. */
export async function dryRun(options: DeployOptions, world: DeployWorld): Promise<void> {
  const { say, wrangler, root, env } = world;
  const folder = resolve(options.folder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const databases = plannedDatabases(options);
  const configFile = writeConfig(
    folder,
    renderConfig(root, options, databases, options.archive ? `${options.name}-archive` : null),
  );
  const answer = await wrangler.ask([
    'deploy',
    '--dry-run',
    '--config',
    configFile,
    '--outdir',
    join(folder, 'bundle'),
  ]);
  if (answer.exitCode !== 0) throw new CommandError(`the Worker does not build:\n${saidBy(answer)}`);
  const keys = Object.keys(await secretsToUpload(new Set(), '', env, null));
  say(`A deployment would, on the account that you are logged in to:
  1. find the D1 ${databases.length === 1 ? 'database' : 'databases'} ${databases.map(({ name }) => `"${name}"`).join(', ')}, or make ${databases.length === 1 ? 'it' : 'them'}
  2. apply the migrations that it does not have yet, and ${options.archive ? 'find or make' : 'use, where it is there,'} the R2 bucket "${options.name}-archive"
  3. deploy the Worker "${options.name}" with its page, its cron triggers and the secrets ${keys.join(', ')}
  4. keep the admin token in ${shown(join(folder, 'admin-token'))}

Built and checked, nothing was sent: ${/Total Upload: .*/.exec(answer.stdout)?.[0] ?? 'size unknown'} (the free plan takes 3 MiB compressed).`);
}

function writeConfig(folder: string, text: string): string {
  const file = join(folder, 'wrangler.toml');
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

async function withSecretsFile<T>(
  folder: string,
  secrets: Readonly<Record<string, string>>,
  use: (file: string) => Promise<T>,
): Promise<T> {
  const file = join(folder, `secrets-${process.pid}.json`);
  writeFileSync(file, JSON.stringify(secrets), { flag: 'wx', mode: 0o600 });
  try {
    return await use(file);
  } finally {
    rmSync(file, { force: true });
  }
}

const next = (url: string, tokenFile: string) => `
Wattshed runs on ${url}

  Page         ${url}/
  Admin token  in ${tokenFile} (show it: cat ${tokenFile}); keep a copy somewhere safe
  First site   curl -H "Authorization: Bearer $(cat ${tokenFile})" -H 'Content-Type: application/json' \\
                 ${url}/v1/sites -d '{"id":"berlin","gridZone":"DE","pueRatio":1.2}'
  First key    the same with /v1/enrolment-keys -d '{"label":"first nodes","site":"berlin","maxUses":16}'
  On a node    wattshed enroll --url ${url}`;

/** As a person in this folder would type it. */
function shown(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') ? path : fromHere;
}
