/** The D1 database of a deployment, found by its name: nothing on this machine has to remember it. */
import { CommandError } from '../command-error.ts';
import type { DeployOptions } from './options.ts';
import type { Wrangler } from './wrangler.ts';

/** Its id, or null where the account has none of this name. */
export async function findDatabase(wrangler: Wrangler, name: string): Promise<string | null> {
  const output = await wrangler.run(['d1', 'list', '--json']);
  const databases = JSON.parse(output.slice(output.indexOf('['))) as { name: string; uuid: string }[];
  return databases.find((database) => database.name === name)?.uuid ?? null;
}

export async function createDatabase(
  wrangler: Wrangler,
  { name, location, jurisdiction }: Pick<DeployOptions, 'name' | 'location' | 'jurisdiction'>,
): Promise<string> {
  await wrangler.run([
    'd1',
    'create',
    name,
    ...(location === null ? [] : ['--location', location]),
    ...(jurisdiction === null ? [] : ['--jurisdiction', jurisdiction]),
  ]);
  const id = await findDatabase(wrangler, name);
  if (id === null)
    throw new CommandError(
      `the database "${name}" was made, but the account does not list it yet: run it again`,
    );
  return id;
}
