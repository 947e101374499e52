/** The configuration of one deployment: wrangler.toml of the repository with its own name, database and absolute paths. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { DeployOptions } from './options.ts';

/**
 * @param databaseId null where there is no database yet (a dry run): the placeholder stays
 * @throws RangeError where wrangler.toml has lost a line that this fills in
 */
export function renderConfig(
  root: string,
  { name, reportEverySeconds }: Pick<DeployOptions, 'name' | 'reportEverySeconds'>,
  databaseId: string | null,
): string {
  let text = readFileSync(join(root, 'wrangler.toml'), 'utf8');
  const set = (key: string, value: (old: string) => string) => {
    const line = new RegExp(`^${key} = "(.*)"$`, 'm');
    if (!line.test(text)) throw new RangeError(`wrangler.toml has no line ${key} = "..."`);
    text = text.replace(line, (_, old: string) => `${key} = ${JSON.stringify(value(old))}`);
  };
  set('name', () => name);
  set('database_name', () => name);
  set('database_id', (placeholder) => databaseId ?? placeholder);
  for (const path of ['main', 'directory', 'migrations_dir']) set(path, (old) => resolve(root, old));
  const vars =
    reportEverySeconds === null ? '' : `\n[vars]\nREPORT_EVERY_SECONDS = "${reportEverySeconds}"\n`;
  return `${text}${vars}`;
}
