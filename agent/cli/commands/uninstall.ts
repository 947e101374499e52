/** `wattshed uninstall`: takes the agent off this host. */

import { existsSync } from 'node:fs';
import { layoutUnder } from '../../install/layout.ts';
import { uninstallSteps } from '../../install/uninstall.ts';
import { readStatus } from '../../run/status-file.ts';
import type { Command } from '../command.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { rootOf, runHost, runSteps, SERVICE_OPTIONS } from '../service-steps.ts';

export const uninstallCommand: Command = {
  name: 'uninstall',
  operands: [],
  summary: 'takes the agent off this host and leaves nothing of it',
  details: [
    'Service, program, state, configuration, token and account. Reports that the',
    'server does not have yet would be lost: it stops there, unless --keep-state',
    'keeps them or --discard-unsent lets them go. The node and its history stay on',
    'the server; DELETE /v1/nodes/ID there retires it.',
  ].join('\n'),
  options: {
    ...SERVICE_OPTIONS,
    'keep-state': { type: 'boolean', about: 'keeps state, configuration and token' },
    'discard-unsent': { type: 'boolean', about: 'although reports are not sent yet' },
  },
  async run(io, options) {
    const root = rootOf('uninstall', io, options);
    const keepState = options['keep-state'] === true;
    if (existsSync(layoutUnder(root).relayUnitFile))
      throw new CliError(
        EXIT.failed,
        'a relay on this host runs the same program: see that its backlogs are sent (wattshed relay --status), then systemctl disable --now wattshed-relay and remove its unit',
      );
    const checkUnsent = () => {
      const unsent = readStatus(layoutUnder(root).stateDirectory)?.spool.spoolReports ?? 0;
      if (unsent === 0 || options['discard-unsent'] === true) return;
      throw new CliError(
        EXIT.failed,
        `${unsent} reports are not sent yet (wattshed status says why), so nothing is removed: --keep-state keeps them, --discard-unsent lets them go, systemctl enable --now wattshed goes on`,
      );
    };
    const steps = await uninstallSteps({ root, isHost: root === '/', keepState, checkUnsent, runHost });
    if (steps.length === 0) io.out('No agent is installed here.\n');
    else await runSteps(io, options, steps);
    return EXIT.ok;
  },
};
