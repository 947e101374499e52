/** The steps that take an agent off this host: afterwards nothing of it is left. */
import { existsSync, lstatSync, rmSync } from 'node:fs';
import { exists, type RunHost, type Step } from './install.ts';
import { layoutUnder, SERVICE, SERVICE_USER } from './layout.ts';

export interface UninstallOptions {
  readonly root: string;
  readonly isHost: boolean;
  /** State, unsent reports, configuration and token stay, for an agent that comes back. */
  readonly keepState: boolean;
  /** Called once the service has stopped and sent what it could; throws where something would be lost. */
  readonly checkUnsent: () => void;
  readonly runHost: RunHost;
}

/** Empty where there is nothing to take away. */
export async function uninstallSteps({
  root,
  isHost,
  keepState,
  checkUnsent,
  runHost,
}: UninstallOptions): Promise<Step[]> {
  const layout = layoutUnder(root);
  const steps: Step[] = [];
  const isService = existsSync(layout.unitFile);
  if (isService && isHost) {
    steps.push({
      text: `stop the service ${SERVICE}`,
      apply: async () => {
        await runHost('systemctl', ['disable', '--now', SERVICE]);
      },
    });
  }
  if (!keepState && (isService || isThere(layout.stateDirectory))) {
    steps.push({ text: 'see that every report is sent', apply: async () => checkUnsent() });
  }
  if (isService) {
    steps.push({
      text: `remove ${layout.unitFile}`,
      apply: async () => {
        rmSync(layout.unitFile, { force: true });
        rmSync(`${layout.unitFile}.d`, { recursive: true, force: true });
        if (isHost) await runHost('systemctl', ['daemon-reload']);
      },
    });
  }
  const state = keepState ? [] : [layout.stateDirectory, layout.configDirectory];
  for (const path of [...state, layout.command, layout.programDirectory]) {
    if (!isThere(path)) continue;
    steps.push({ text: `remove ${path}`, apply: async () => rmSync(path, { recursive: true, force: true }) });
  }
  if (isHost && !keepState && (await exists(runHost, 'passwd', SERVICE_USER))) {
    steps.push({
      text: `remove the account ${SERVICE_USER}`,
      apply: async () => {
        await runHost('userdel', [SERVICE_USER]);
        // Where login.defs says so, userdel leaves the user's own group.
        if (await exists(runHost, 'group', SERVICE_USER)) await runHost('groupdel', [SERVICE_USER]);
      },
    });
  }
  return steps;
}

/** A link that points nowhere is there too. */
function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
