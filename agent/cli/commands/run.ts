/** `wattshed run`: the agent itself, until it is told to stop. */
import { runAgent } from '../../run/run-agent.ts';
import type { Command } from '../command.ts';
import { requireCredentials } from '../credentials.ts';
import { EXIT } from '../exit-codes.ts';
import { settingsFor } from '../settings.ts';

export const runCommand: Command = {
  name: 'run',
  operands: [],
  summary: 'meters this host and reports, until it is stopped',
  details: 'SIGTERM or SIGINT saves, tries to send once more and exits with 0.',
  options: {},
  async run(io, options) {
    const { config } = settingsFor(io, options);
    await runAgent({
      config,
      credentials: await requireCredentials(config, io.env),
      env: io.env,
      signal: io.signal,
      log: (line) => io.err(`wattshed: ${line}\n`),
    });
    return EXIT.ok;
  },
};
