import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * False where a program is certainly on none of the places of PATH: to start one that is not there costs a hundred times as much
 * as the question, and hosts are asked again and again for what they do not have.
 */
export function mayBeFound(program: string, env: Readonly<Record<string, string | undefined>>): boolean {
  const { PATH } = env;
  if (program.includes('/') || PATH === undefined) return true;
  return PATH.split(delimiter).some((folder) => existsSync(join(folder, program)));
}
