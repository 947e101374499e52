/** What the kernel counts of a process. */
import { readFileSync } from 'node:fs';

/** USER_HZ of every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const MEBIBYTE_KIB = 1024;

/** User and system time since its start, seconds. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export interface Memory {
  readonly residentMebibytes: number;
  /** Anonymous pages: not shared with other Nodes of the host, as the program's own text is. */
  readonly privateMebibytes: number;
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
  return {
    residentMebibytes: kib('VmRSS') / MEBIBYTE_KIB,
    privateMebibytes: kib('RssAnon') / MEBIBYTE_KIB,
  };
}
