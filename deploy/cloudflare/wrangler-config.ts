/** The configuration of one deployment: wrangler.toml of the repository with its own name, database and absolute paths. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ShardDatabase } from './database.ts';
import type { DeployOptions } from './options.ts';

/**
 * @param databases the first stands in wrangler.toml; where one is not there yet (a dry run) the placeholder stays
 * @param bucket of the archive; null: none
 * @throws RangeError where wrangler.toml has lost a line that this fills in
 */
export function renderConfig(
  root: string,
  {
    name,
    reportEverySeconds,
    plan,
    jurisdiction,
  }: Pick<DeployOptions, 'name' | 'reportEverySeconds' | 'plan' | 'jurisdiction'>,
  databases: readonly ShardDatabase[],
  bucket: string | null,
): string {
  let text = readFileSync(join(root, 'wrangler.toml'), 'utf8');
  const set = (key: string, value: (old: string) => string) => {
    const line = new RegExp(`^${key} = "(.*)"$`, 'm');
    if (!line.test(text)) throw new RangeError(`wrangler.toml has no line ${key} = "..."`);
    text = text.replace(line, (_, old: string) => `${key} = ${JSON.stringify(value(old))}`);
  };
  set('name', () => name);
  set('database_name', () => name);
  const [first, ...others] = databases;
  set('database_id', (placeholder) => first?.databaseId ?? placeholder);
  for (const path of ['main', 'directory', 'migrations_dir']) set(path, (old) => resolve(root, old));
  const vars = {
    ...(reportEverySeconds === null ? {} : { REPORT_EVERY_SECONDS: String(reportEverySeconds) }),
    ...(plan === null ? {} : { RETENTION_PLAN: plan }),
  };
  const binding = bucket === null ? {} : { binding: 'ARCHIVE', bucket_name: bucket };
  const placeholder = /^database_id = "(.*)"$/m.exec(text)![1]!;
  const migrations = /^migrations_dir = "(.*)"$/m.exec(text)![1]!;
  return [
    text,
    ...others.flatMap(({ name: database, binding: shard, databaseId }) =>
      section('[[d1_databases]]', {
        binding: shard,
        database_name: database,
        database_id: databaseId ?? placeholder,
        migrations_dir: migrations,
      }),
    ),
    ...section(
      '[[r2_buckets]]',
      bucket === null || jurisdiction === null ? binding : { ...binding, jurisdiction },
    ),
    ...section('[vars]', vars),
  ].join('\n');
}

/** No lines where there is nothing in it. */
function section(title: string, values: Readonly<Record<string, string>>): string[] {
  const lines = Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return lines.length === 0 ? [] : [title, ...lines, ''];
}
