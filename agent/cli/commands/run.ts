/** `wattshed run`: the agent itself, until it is told to stop. */
import { runAgent } from '../../run/run-agent.ts';
import type { Command } from '../command.ts';
import { findCredentials, requireCredentials } from '../credentials.ts';
import { enrolAtStart } from '../enrol-at-start.ts';
import { EXIT } from '../exit-codes.ts';
import { settingsFor } from '../settings.ts';

export const runCommand: Command = {
  name: 'run',
  operands: [],
  summary: 'meters this host and reports, until it is stopped',
  details: [
    'SIGTERM or SIGINT saves, tries to send once more and exits with 0. A host',
    'without a token enrols first, where enrolmentKeyFile names a key.',
  ].join('\n'),
  options: {},
  async run(io, options) {
    // Heard from the first word on: whoever reads the log may stop it at any line.
    const { signal } = io;
    const { config } = settingsFor(io, options);
    const { enrolmentKeyFile } = config;
    const credentials =
      enrolmentKeyFile === null
        ? await requireCredentials(config, io.env)
        : ((await findCredentials(config, io.env)) ?? (await enrolAtStart(io, config, enrolmentKeyFile)));
    if (credentials === null) return EXIT.ok;
    await runAgent({
      config,
      credentials,
      env: io.env,
      signal,
      log: (line) => io.err(`wattshed: ${line}\n`),
    });
    return EXIT.ok;
  },
};
