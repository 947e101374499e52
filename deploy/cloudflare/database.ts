/** The D1 databases of a deployment, found by their names: nothing on this machine has to remember them. */
import { bindingOf, MAX_SHARDS } from '../../shared/settings/shards.ts';
import { CommandError } from '../command-error.ts';
import type { DeployOptions } from './options.ts';
import type { Wrangler } from './wrangler.ts';

/** One of the fleet's databases; `databaseId` null: there is none yet (a dry run). */
export interface ShardDatabase {
  readonly name: string;
  readonly binding: string;
  readonly databaseId: string | null;
}

/** `wattshed`, `wattshed-1`, `wattshed-2` and so on. */
export function plannedDatabases({ name, shards }: Pick<DeployOptions, 'name' | 'shards'>): ShardDatabase[] {
  return Array.from({ length: shards ?? 1 }, (_, shard) => shardDatabase(name, shard, null));
}

const shardDatabase = (name: string, shard: number, databaseId: string | null): ShardDatabase => ({
  name: shard === 0 ? name : `${name}-${shard}`,
  binding: bindingOf(shard),
  databaseId,
});

/**
 * Those that are there, without a gap, and as many more as are asked for. One that is there is always bound: nodes live in it.
 * @param say told what was made
 */
export async function findOrMakeDatabases(
  wrangler: Wrangler,
  options: Pick<DeployOptions, 'name' | 'shards' | 'location' | 'jurisdiction'>,
  say: (line: string) => void,
): Promise<ShardDatabase[]> {
  const known = await listDatabases(wrangler);
  const found: ShardDatabase[] = [];
  for (let shard = 0; shard < MAX_SHARDS; shard++) {
    const { name } = shardDatabase(options.name, shard, null);
    const isAsked = shard < (options.shards ?? 1);
    const there = known.get(name);
    if (there === undefined && !isAsked) break;
    const databaseId = there ?? (await createDatabase(wrangler, { ...options, name }));
    say(`database    ${name} ${there === undefined ? 'made' : 'is there'} (${databaseId})`);
    found.push(shardDatabase(options.name, shard, databaseId));
  }
  return found;
}

/** Ids by name. */
async function listDatabases(wrangler: Wrangler): Promise<ReadonlyMap<string, string>> {
  const output = await wrangler.run(['d1', 'list', '--json']);
  const databases = JSON.parse(output.slice(output.indexOf('['))) as { name: string; uuid: string }[];
  return new Map(databases.map(({ name, uuid }) => [name, uuid]));
}

async function createDatabase(
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
  const id = (await listDatabases(wrangler)).get(name);
  if (id === undefined)
    throw new CommandError(
      `the database "${name}" was made, but the account does not list it yet: run it again`,
    );
  return id;
}
