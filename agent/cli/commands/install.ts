/** `wattshed install`: makes the agent a service of this host. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CREDENTIALS_FILE, saveCredentials } from '../../enroll/credentials.ts';
import { installSteps } from '../../install/install.ts';
import { layoutUnder } from '../../install/layout.ts';
import type { Command } from '../command.ts';
import { ENROL_OPTIONS, enrolHost, givenKey } from '../enrol-host.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { checkedUrl } from '../server-url.ts';
import { rootOf, runHost, runSteps, SERVICE_OPTIONS } from '../service-steps.ts';
import { settingsFor } from '../settings.ts';

export const installCommand: Command = {
  name: 'install',
  operands: [],
  summary: 'makes the agent a service of this host (systemd)',
  details: [
    'Enrols with the key from --key-file, WATTSHED_ENROLMENT_KEY or standard input;',
    'without a key the host keeps the token that it has. An account of its own runs',
    'the service; systemd hands it the token. Running it again changes nothing that',
    'is right already. wattshed uninstall takes it all away.',
  ].join('\n'),
  options: {
    ...ENROL_OPTIONS,
    ...SERVICE_OPTIONS,
    'no-start': { type: 'boolean', about: 'does not start the service' },
  },
  async run(io, options) {
    const root = rootOf('install', io, options);
    const { config } = settingsFor(io, options);
    const isHost = root === '/';
    // An image gets a token only where one is asked for by name: a key that a build happens to have would make one node of
    // every host that starts from it.
    const key = isHost || options['key-file'] !== undefined ? await givenKey(io, options) : null;
    const { configDirectory } = layoutUnder(root);
    const given = (options.url as string | undefined) ?? config.url;
    if (key !== null && given === null)
      throw new CliError(EXIT.usage, 'wattshed install needs --url URL beside the enrolment key');
    const url = given === null ? null : checkedUrl(given);
    if (key === null && isHost && !existsSync(join(configDirectory, CREDENTIALS_FILE)))
      throw new CliError(
        EXIT.notEnrolled,
        'this host is not enrolled: give an enrolment key on standard input, by --key-file or in WATTSHED_ENROLMENT_KEY',
      );
    const steps = await installSteps({
      root,
      isHost,
      start: options['no-start'] !== true,
      url,
      enrol:
        key === null || url === null
          ? null
          : async (directory) => {
              const { nodeId, token, ...enrolled } = await enrolHost(io, config, url, key);
              await saveCredentials(directory, { url: enrolled.url, nodeId, token });
              io.out(`     node ${nodeId}, site ${enrolled.site}, grid zone ${enrolled.gridZone}\n`);
            },
      runHost,
    });
    await runSteps(io, options, steps);
    if (options['dry-run'] !== true && isHost && options['no-start'] !== true)
      io.out('\nwattshed status shows how it fares, wattshed doctor what each sensor needs.\n');
    return EXIT.ok;
  },
};
