/**
 * The control groups of jobs, version 1 and 2, as files. The kernel answers for them from memory: they are read at once, since
 * a detour over Node's threads costs ten times as much.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { readTextNow } from '../inventory/read-text.ts';

/** A job's groups: itself, its steps, their user and task groups. */
const MAX_DEPTH = 4;
const MAX_GROUPS = 64;

/** Names of the folders in a folder; empty where there is none. */
export function foldersIn(path: string): string[] {
  // Most are not there: an error with a stack that nobody reads costs more than the question.
  if (!existsSync(path)) return [];
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    return [];
  }
}

/** Tells a folder from a later one of the same name. */
export function identityOf(path: string): string {
  try {
    const { ino, birthtimeMs } = statSync(path);
    return `${ino}/${Math.round(birthtimeMs)}`;
  } catch {
    return 'gone';
  }
}

/** The trimmed content of one of its files; empty where it cannot be read. */
export function groupText(path: string): string {
  const read = readTextNow(path);
  return read.ok ? read.text : '';
}

/** One process of each group below a folder, with the group's path from there; at most 64 groups are looked into. */
export function processesBelow(path: string): { readonly group: string; readonly pid: number }[] {
  const found: { group: string; pid: number }[] = [];
  const waiting = [''];
  for (let looked = 0; waiting.length > 0 && looked < MAX_GROUPS; looked++) {
    const group = waiting.shift()!;
    const pid = firstProcess(`${path}${group}/cgroup.procs`);
    if (pid !== null) found.push({ group, pid });
    if (group.split('/').length <= MAX_DEPTH)
      for (const name of foldersIn(`${path}${group}`)) waiting.push(`${group}/${name}`);
  }
  return found;
}

function firstProcess(path: string): number | null {
  // A group whose own processes may not be listed throws where others are empty.
  const pid = Number.parseInt(groupText(path), 10);
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
export function onlineCpus(sysRoot: string): number | null {
  return countOfList(groupText(`${sysRoot}/devices/system/cpu/online`));
}
