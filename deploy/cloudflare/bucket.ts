/** The R2 bucket of the archive, found by its name as the database is. */
import { CommandError } from '../command-error.ts';
import type { DeployOptions } from './options.ts';
import { saidBy, type Wrangler } from './wrangler.ts';

const inJurisdiction = ({ jurisdiction }: Pick<DeployOptions, 'jurisdiction'>) =>
  jurisdiction === null ? [] : ['--jurisdiction', jurisdiction];

/**
 * Its name, or null where the account has none and none was asked for. An account that never switched R2 on has none; any
 * other answer that is no list ends the deployment, since one without its archive would let go what it has not archived.
 */
export async function findOrMakeBucket(
  wrangler: Wrangler,
  options: Pick<DeployOptions, 'name' | 'archive' | 'jurisdiction'>,
): Promise<{ readonly name: string; readonly made: boolean } | null> {
  const name = `${options.name}-archive`;
  const list = await wrangler.ask(['r2', 'bucket', 'list', ...inJurisdiction(options)]);
  const isSwitchedOff = /\b10042\b/.test(list.stdout + list.stderr);
  if (list.exitCode !== 0 && !isSwitchedOff)
    throw new CommandError(
      `cannot see whether there is an archive (the token needs R2 Storage: Read, with --archive Edit):\n${saidBy(list)}`,
    );
  const names = list.stdout.split('\n').map((line) => /^name:\s*(\S+)/.exec(line)?.[1]);
  if (names.includes(name)) return { name, made: false };
  if (!options.archive) return null;
  await wrangler.run(['r2', 'bucket', 'create', name, ...inJurisdiction(options)]);
  return { name, made: true };
}
