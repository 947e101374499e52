/** Who this host is to the server, or the one line that says how to become someone. */
import type { Config } from '../config/keys.ts';
import { type Credentials, loadCredentials } from '../enroll/credentials.ts';
import { CliError, EXIT } from './exit-codes.ts';

/** The configured address wins over the enrolled one: a server may move. */
export async function findCredentials(config: Config): Promise<Credentials | null> {
  let found: Credentials | null;
  try {
    found = await loadCredentials(config.stateDir);
  } catch (error) {
    throw new CliError(EXIT.failed, (error as Error).message);
  }
  return found === null ? null : { ...found, url: config.url ?? found.url };
}

/** @throws CliError with exit code `notEnrolled` */
export async function requireCredentials(config: Config): Promise<Credentials> {
  const found = await findCredentials(config);
  if (found !== null) return found;
  throw new CliError(
    EXIT.notEnrolled,
    `this host is not enrolled (no token in ${config.stateDir}): run wattshed enroll --url URL, with an enrolment key on standard input`,
  );
}
