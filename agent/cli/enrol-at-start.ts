/** Enrolment by the agent itself: for hosts and containers that start without a token, again and again where nothing is kept. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/keys.ts';
import { type Credentials, saveCredentials } from '../enroll/credentials.ts';
import { backOffMs } from '../ship/back-off.ts';
import type { Io } from './command.ts';
import { enrolHost, givenKey } from './enrol-host.ts';
import { CliError, EXIT } from './exit-codes.ts';
import { checkedUrl } from './server-url.ts';

/**
 * Asks for as long as no server answers; null when told to stop meanwhile.
 *
 * @param keyFile read at each try: it may be put there after the start
 * @throws CliError where the server refuses the key
 */
export async function enrolAtStart(io: Io, config: Config, keyFile: string): Promise<Credentials | null> {
  if (config.url === null)
    throw new CliError(EXIT.usage, 'to enrol by itself the agent needs the server: set url (WATTSHED_URL)');
  const url = checkedUrl(config.url);
  for (let failures = 1; ; failures++) {
    try {
      const key = await givenKey(io, { 'key-file': keyFile });
      if (key === null) throw new CliError(EXIT.usage, `the key file ${keyFile} is empty`);
      const { nodeId, token, site, gridZone, ...enrolled } = await enrolHost(io, config, url, key);
      const credentials = { url: enrolled.url, nodeId, token };
      await saveCredentials(config.stateDir, credentials);
      io.err(`wattshed: enrolled as node ${nodeId}, site ${site}, grid zone ${gridZone}\n`);
      return credentials;
    } catch (error) {
      if (!(error instanceof CliError) || error.exitCode !== EXIT.unreachable) throw error;
      const waitMs = backOffMs(failures, Math.random());
      io.err(`wattshed: not enrolled yet: ${error.message}; asks again in ${Math.round(waitMs / 1000)} s\n`);
      await sleep(waitMs, null, { signal: io.signal }).catch(() => {});
      if (io.signal.aborted) return null;
    }
  }
}
