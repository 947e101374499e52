/** The R2 bucket of the archive, found by its name as the database is. */
import { CommandError } from '../command-error.ts';
import type { DeployOptions } from './options.ts';
import { saidBy, type Wrangler } from './wrangler.ts';

type Named = Pick<DeployOptions, 'name' | 'jurisdiction'>;

export const bucketNameOf = ({ name }: Pick<DeployOptions, 'name'>): string => `${name}-archive`;

const inJurisdiction = ({ jurisdiction }: Named) =>
  jurisdiction === null ? [] : ['--jurisdiction', jurisdiction];

/**
 * Whether the account has it. One that never switched R2 on has none; any other answer that is no list ends the
 * deployment, since one without its archive would let go what it has not archived.
 */
export async function hasBucket(wrangler: Wrangler, options: Named): Promise<boolean> {
  const list = await wrangler.ask(['r2', 'bucket', 'list', ...inJurisdiction(options)]);
  const isSwitchedOff = /\b10042\b/.test(list.stdout + list.stderr);
  if (list.exitCode !== 0 && !isSwitchedOff)
    throw new CommandError(
      `cannot see whether there is an archive (the token needs R2 Storage: Read, with an archive Edit):\n${saidBy(list)}`,
    );
  const names = list.stdout.split('\n').map((line) => /^name:\s*(\S+)/.exec(line)?.[1]);
  return names.includes(bucketNameOf(options));
}

export async function makeBucket(wrangler: Wrangler, options: Named): Promise<void> {
  await wrangler.run(['r2', 'bucket', 'create', bucketNameOf(options), ...inJurisdiction(options)]);
}
