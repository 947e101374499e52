/** What the Worker keeps secret: the hash of the admin token, and the keys for grid providers that somebody gave. */
import { PROVIDER_KEY_NAMES } from '../../shared/grid/provider-keys.ts';
import { CommandError } from '../command-error.ts';
import type { Ask } from './choices.ts';
import { saidBy, type Wrangler } from './wrangler.ts';

const ADMIN_SECRET = 'ADMIN_SECRET_SHA256';

/** Names of the secrets that the deployed Worker has; null where it was never deployed. */
export async function deployedSecrets(
  wrangler: Wrangler,
  configFile: string,
): Promise<ReadonlySet<string> | null> {
  const answer = await wrangler.ask(['secret', 'list', '--config', configFile, '--format', 'json']);
  if (answer.exitCode === 0) {
    const secrets = JSON.parse(answer.stdout.slice(answer.stdout.indexOf('['))) as { name: string }[];
    return new Set(secrets.map(({ name }) => name));
  }
  // 10007: Cloudflare knows no Worker of this name yet.
  if (/\b10007\b/.test(answer.stderr + answer.stdout)) return null;
  throw new CommandError(`wrangler secret list failed:\n${saidBy(answer)}`);
}

/**
 * What to upload: only what is new or given. Provider keys come from the environment, or are asked for where the Worker
 * has none; the admin's hash goes up each time, so that a new admin token takes the place of a lost one.
 */
export async function secretsToUpload(
  deployed: ReadonlySet<string>,
  adminSecretSha256: string,
  env: NodeJS.ProcessEnv,
  ask: Ask | null,
): Promise<Record<string, string>> {
  const secrets: Record<string, string> = { [ADMIN_SECRET]: adminSecretSha256 };
  for (const name of PROVIDER_KEY_NAMES) {
    const given = env[name] || null;
    const value =
      given ?? (deployed.has(name) || ask === null ? null : await ask(`${name} (Enter leaves it out)`));
    if (value !== null) secrets[name] = value;
  }
  return secrets;
}
