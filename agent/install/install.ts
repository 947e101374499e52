/** The steps that make an agent a service of this host, each of which says what it does before it does it. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Layout, layoutUnder, SERVICE, SERVICE_USER } from './layout.ts';
import { unitText } from './unit.ts';

/** Runs a program of the host; throws with what it said where it fails. */
export type RunHost = (program: string, args: readonly string[]) => Promise<string>;

export interface Step {
  /** What it does, as the plan shows it. */
  readonly text: string;
  readonly apply: () => Promise<void>;
}

export interface InstallOptions {
  /** `/`, or the folder of an image. */
  readonly root: string;
  /** False for an image: no account is made and nothing is started. */
  readonly isHost: boolean;
  readonly start: boolean;
  /** Enrols and saves the token into the folder; null where the host keeps the one it has. */
  readonly enrol: ((directory: string) => Promise<void>) | null;
  /** Where it would enrol. */
  readonly url: string | null;
  readonly runHost: RunHost;
}

/** Group owners of GPU device files, by the names that distributions use. */
const DEVICE_GROUPS = ['video', 'render'];

export async function installSteps(options: InstallOptions): Promise<Step[]> {
  const layout = layoutUnder(options.root);
  const { runHost, isHost } = options;
  const steps: Step[] = [];
  if (isHost && !(await exists(runHost, 'passwd', SERVICE_USER))) {
    steps.push({
      text: `make the system account ${SERVICE_USER}, without a login`,
      apply: async () => {
        const home = ['--home-dir', layout.stateDirectory, '--no-create-home'];
        await runHost('useradd', [
          '--system',
          ...home,
          '--shell',
          '/usr/sbin/nologin',
          '--user-group',
          SERVICE_USER,
        ]);
      },
    });
  }
  const { enrol } = options;
  if (enrol !== null) {
    steps.push({
      text: `enrol this host at ${options.url}; its token goes to ${layout.configDirectory}/node.json, for root alone`,
      apply: async () => {
        makePrivate(layout);
        await enrol(layout.configDirectory);
      },
    });
  }
  const groups = isHost ? await existing(runHost, DEVICE_GROUPS) : [];
  steps.push({
    text: `write ${layout.unitFile}`,
    apply: async () => {
      makePrivate(layout);
      mkdirSync(dirname(layout.unitFile), { recursive: true });
      // The image's own paths, without the folder that it is made in.
      writeFileSync(layout.unitFile, unitText({ command: layoutUnder('/').command, groups }), {
        mode: 0o644,
      });
    },
  });
  if (isHost && options.start) {
    steps.push({
      text: `start the service ${SERVICE}, now and at each boot`,
      apply: async () => {
        await runHost('systemctl', ['daemon-reload']);
        await runHost('systemctl', ['enable', SERVICE]);
        await runHost('systemctl', ['restart', SERVICE]);
      },
    });
  }
  return steps;
}

function makePrivate({ configDirectory }: Layout): void {
  if (existsSync(configDirectory)) return;
  mkdirSync(configDirectory, { recursive: true });
  // Others may read the configuration; the token in it has its own mode.
  chmodSync(configDirectory, 0o755);
}

/** Whether the host's databases know the name. */
export async function exists(runHost: RunHost, database: 'passwd' | 'group', name: string): Promise<boolean> {
  try {
    await runHost('getent', [database, name]);
    return true;
  } catch {
    return false;
  }
}

async function existing(runHost: RunHost, groups: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const group of groups) if (await exists(runHost, 'group', group)) found.push(group);
  return found;
}
