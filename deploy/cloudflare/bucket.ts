/** The R2 bucket of the archive, found by its name as the database is. */
import type { DeployOptions } from './options.ts';
import type { Wrangler } from './wrangler.ts';

const inJurisdiction = ({ jurisdiction }: Pick<DeployOptions, 'jurisdiction'>) =>
  jurisdiction === null ? [] : ['--jurisdiction', jurisdiction];

/**
 * Its name, or null where the account has none and none was asked for. An account that never switched R2 on, or a token
 * without it, cannot list: it has none.
 */
export async function findOrMakeBucket(
  wrangler: Wrangler,
  options: Pick<DeployOptions, 'name' | 'archive' | 'jurisdiction'>,
): Promise<{ readonly name: string; readonly made: boolean } | null> {
  const name = `${options.name}-archive`;
  const list = await wrangler.ask(['r2', 'bucket', 'list', ...inJurisdiction(options)]);
  const names = list.stdout.split('\n').map((line) => /^name:\s*(\S+)/.exec(line)?.[1]);
  if (list.exitCode === 0 && names.includes(name)) return { name, made: false };
  if (!options.archive) return null;
  await wrangler.run(['r2', 'bucket', 'create', name, ...inJurisdiction(options)]);
  return { name, made: true };
}
