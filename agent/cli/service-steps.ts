/** What `install` and `uninstall` have in common: root or a folder, a plan that is shown, then its steps. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type { RunHost, Step } from '../install/install.ts';
import type { Io, Option, OptionValues } from './command.ts';
import { CliError, EXIT } from './exit-codes.ts';

export const SERVICE_OPTIONS: { readonly [name: string]: Option } = {
  root: { type: 'string', value: 'DIR', about: 'in the folder of an image, instead of this host' },
  'dry-run': { type: 'boolean', about: 'shows what would be done' },
};

/** @throws CliError where this host itself is meant and the user is not root */
export function rootOf(command: string, io: Io, options: OptionValues): string {
  const root = resolve(typeof options.root === 'string' ? options.root : '/');
  if (root === '/' && io.uid !== 0 && options['dry-run'] !== true) {
    throw new CliError(
      EXIT.failed,
      `wattshed ${command} changes the system: run it as root (sudo wattshed ${command}), or see what it would do with --dry-run`,
    );
  }
  return root;
}

export async function runSteps(io: Io, options: OptionValues, steps: readonly Step[]): Promise<void> {
  const dryRun = options['dry-run'] === true;
  if (dryRun) io.out('This would:\n');
  for (const [index, { text, apply }] of steps.entries()) {
    io.out(`  ${index + 1}. ${text}\n`);
    if (!dryRun) await apply();
  }
}

const execute = promisify(execFile);

export const runHost: RunHost = async (program, args) => {
  try {
    const { stdout } = await execute(program, args, {
      timeout: 120_000,
      env: { ...process.env, LC_ALL: 'C' },
    });
    return stdout;
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    const said =
      stderr?.trim() || (code === 'ENOENT' ? 'this host has no such program' : `exit code ${code}`);
    throw new CliError(EXIT.failed, `${program} ${args.join(' ')} failed: ${said}`);
  }
};
