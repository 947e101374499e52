/** The control groups of jobs, version 1 and 2, as files. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { readTextOrEmpty } from '../inventory/read-text.ts';

/** A job's groups: itself, its steps, their user and task groups. */
const MAX_DEPTH = 4;
const MAX_GROUPS = 64;

/** Names of the folders in a folder; empty where there is none. */
export async function foldersIn(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    return [];
  }
}

/** Tells a folder from a later one of the same name. */
export async function identityOf(path: string): Promise<string> {
  try {
    const { ino, birthtimeMs } = await stat(path);
    return `${ino}/${Math.round(birthtimeMs)}`;
  } catch {
    return 'gone';
  }
}

/** One process of each group below a folder, with the group's path from there; at most 64 groups are looked into. */
export async function processesBelow(
  path: string,
): Promise<{ readonly group: string; readonly pid: number }[]> {
  const found: { group: string; pid: number }[] = [];
  const waiting = [''];
  for (let looked = 0; waiting.length > 0 && looked < MAX_GROUPS; looked++) {
    const group = waiting.shift()!;
    const pid = await firstProcess(`${path}${group}/cgroup.procs`);
    if (pid !== null) found.push({ group, pid });
    if (group.split('/').length <= MAX_DEPTH)
      for (const name of await foldersIn(`${path}${group}`)) waiting.push(`${group}/${name}`);
  }
  return found;
}

async function firstProcess(path: string): Promise<number | null> {
  // A group whose own processes may not be listed throws where others are empty.
  const text = await readFile(path, 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
}

/** How many CPUs a list such as `0-3,8` names; null where it is empty or none. */
export function countOfList(text: string): number | null {
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) return null;
  return text
    .split(',')
    .map((range) => range.split('-').map(Number) as [number, number?])
    .reduce((sum, [first, last = first]) => sum + Math.max(0, last - first + 1), 0);
}

/** Logical CPUs of the host that are switched on; null where it does not tell. */
export async function onlineCpus(sysRoot: string): Promise<number | null> {
  return countOfList(await readTextOrEmpty(`${sysRoot}/devices/system/cpu/online`));
}
