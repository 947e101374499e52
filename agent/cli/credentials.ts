/** Who this host is to the server, or the one line that says how to become someone. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/keys.ts';
import { CREDENTIALS_FILE, type Credentials, loadCredentials } from '../enroll/credentials.ts';
import { CONFIG_DIRECTORY, STATE_DIRECTORY } from '../install/layout.ts';
import { CliError, EXIT } from './exit-codes.ts';

/**
 * Where the token is: what systemd handed to this service, else the state directory, else, for the installed agent, beside
 * its configuration, where only root reads it. The configured address wins over the enrolled one: a server may move.
 */
export async function findCredentials(config: Config, env: NodeJS.ProcessEnv): Promise<Credentials | null> {
  const handed = env.CREDENTIALS_DIRECTORY;
  let found: Credentials | null;
  try {
    found =
      (handed === undefined ? null : await loadCredentials(handed, false)) ??
      (await loadCredentials(config.stateDir)) ??
      (config.stateDir === STATE_DIRECTORY ? await loadCredentials(CONFIG_DIRECTORY) : null);
  } catch (error) {
    throw new CliError(EXIT.failed, (error as Error).message);
  }
  return found === null ? null : { ...found, url: config.url ?? found.url };
}

/** @throws CliError with exit code `notEnrolled` */
export async function requireCredentials(config: Config, env: NodeJS.ProcessEnv): Promise<Credentials> {
  const found = await findCredentials(config, env);
  if (found !== null) return found;
  throw new CliError(
    EXIT.notEnrolled,
    `this host is not enrolled (no token in ${config.stateDir}): run wattshed enroll --url URL, with an enrolment key on standard input`,
  );
}

/** Where a new token goes: where the installed service gets its own from, else the state directory. */
export function credentialsDirectory(config: Config): string {
  const installed =
    config.stateDir === STATE_DIRECTORY && existsSync(join(CONFIG_DIRECTORY, CREDENTIALS_FILE));
  return installed ? CONFIG_DIRECTORY : config.stateDir;
}
