/** `wattshed enroll`: an enrolment key in exchange for a token of this host's own. */
import { saveCredentials } from '../../enroll/credentials.ts';
import { CONFIG_DIRECTORY } from '../../install/layout.ts';
import type { Command } from '../command.ts';
import { credentialsDirectory } from '../credentials.ts';
import { ENROL_OPTIONS, enrolHost, givenKey } from '../enrol-host.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { checkedUrl } from '../server-url.ts';
import { settingsFor } from '../settings.ts';

export const enrollCommand: Command = {
  name: 'enroll',
  operands: [],
  summary: 'makes this host a node of a server',
  details: [
    'The enrolment key comes from --key-file, from the environment variable',
    'WATTSHED_ENROLMENT_KEY or from standard input, never from the command line,',
    "where every user of the host could read it. The host's own token is kept in",
    'the state directory, for its owner alone.',
  ].join('\n'),
  options: ENROL_OPTIONS,
  async run(io, options) {
    const { config } = settingsFor(io, options);
    const given = (options.url as string | undefined) ?? config.url;
    if (given === null) throw new CliError(EXIT.usage, 'wattshed enroll needs --url URL');
    const url = checkedUrl(given);
    const key = await givenKey(io, options);
    if (key === null)
      throw new CliError(
        EXIT.usage,
        'wattshed enroll needs an enrolment key: on standard input, in a file named by --key-file, or in WATTSHED_ENROLMENT_KEY',
      );
    const { nodeId, token, gridZone, site, ...enrolled } = await enrolHost(io, config, url, key);
    const directory = credentialsDirectory(config);
    await saveCredentials(directory, { url: enrolled.url, nodeId, token });
    const next =
      directory === CONFIG_DIRECTORY
        ? 'systemctl restart wattshed takes it up.'
        : 'wattshed run starts metering.';
    io.out(`Enrolled as node ${nodeId} at ${enrolled.url}, site ${site}, grid zone ${gridZone}.\n${next}\n`);
    return EXIT.ok;
  },
};
