/**
 * Deploys from nothing or on top of what is there: every step looks first, so that running it again changes only what
 * differs. Migrations go before the code that needs them. Most of them only add; where one takes a column away (0006, 0025), the
 * Worker of before runs without it for some seconds, and what writes it fails then (docs/operate.md).
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { readOrCreateAdminToken } from '../admin-token.ts';
import { CommandError } from '../command-error.ts';
import { bucketNameOf, hasBucket, makeBucket } from './bucket.ts';
import { type Ask, archiveLine, choose } from './choices.ts';
import { findOrMakeDatabases, plannedDatabases } from './database.ts';
import type { DeployOptions } from './options.ts';
import { deployedSecrets, secretsToUpload } from './secrets.ts';
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
        '(a token with Workers Scripts and D1: Edit, and R2 Storage: Read, with an archive Edit). npm run deploy -- --dry-run works without an account.',
    );
  }
  const folder = resolve(options.folder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const tokenFile = join(folder, 'admin-token');
  const admin = await readOrCreateAdminToken(tokenFile);

  // Enough to look with: what is there says what is left to ask, before anything is made.
  const planned = writeConfig(folder, renderConfig(root, options, plannedDatabases(options), null));
  const deployed = await deployedSecrets(wrangler, planned);
  const there = {
    isDeployed: deployed !== null,
    hasBucket: await hasBucket(wrangler, options),
    bucketName: bucketNameOf(options),
  };
  const chosen = { ...options, ...(await choose(options, there, world.ask, say)) };

  const databases = await findOrMakeDatabases(wrangler, chosen, say);

  if (chosen.archive && !there.hasBucket) await makeBucket(wrangler, chosen);
  say(`archive     ${archiveLine(chosen, there)}`);
  const bucket = chosen.archive || there.hasBucket ? there.bucketName : null;

  const configFile = writeConfig(folder, renderConfig(root, chosen, databases, bucket));
  for (const { name } of databases)
    await wrangler.run(['d1', 'migrations', 'apply', name, '--remote', '--config', configFile]);
  say('migrations  applied');

  const secrets = await secretsToUpload(deployed ?? new Set(), admin.secretSha256, world.env, world.ask);
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
    renderConfig(root, options, databases, options.archive ? bucketNameOf(options) : null),
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
  2. apply the migrations that it does not have yet, and ${options.archive ? 'find or make' : 'use, where it is there,'} the R2 bucket "${bucketNameOf(options)}"
  3. deploy the Worker "${options.name}" with its page, its cron triggers and the secrets ${keys.join(', ')}
  4. keep the admin token in ${shown(join(folder, 'admin-token'))}
${leftOpen(options, world.ask !== null)}
Built and checked, nothing was sent: ${/Total Upload: .*/.exec(answer.stdout)?.[0] ?? 'size unknown'} (the free plan takes 3 MiB compressed).`);
}

/** What a first deployment has to know beside the options. */
function leftOpen({ name, plan, archive }: DeployOptions, canAsk: boolean): string {
  const open = [
    ...(plan === null ? ['the plan'] : []),
    ...(archive || plan === 'free' ? [] : ['an archive']),
  ];
  if (open.length === 0) return '';
  const taken = open.map((what) => (what === 'the plan' ? 'the paid plan' : 'no archive')).join(' and ');
  return `
Where there is no Worker "${name}" yet it would ${canAsk ? `ask for ${open.join(' and ')}` : `take ${taken}`}.
`;
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
