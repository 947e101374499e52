/**
 * One start per data folder. The lock is a symbolic link that names its process, as the agent's is for its state directory
 * (`agent/store/lock.ts`): it is there whole or not at all, so nobody takes one in the making for one of a dead start.
 */
import { readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, reasonOf } from '../command-error.ts';

export interface Processes {
  /** The id of this one. */
  readonly own: number;
  /** Whether the process of this id is a start of the launcher, other than this one. */
  isAlive(processId: number): boolean;
}

/** Each try loses only to another start at the same instant. */
const TRIES = 8;

/** Returns the function that gives the lock back. A lock whose process is gone is taken over. */
export function lockFolder(folder: string, processes: Processes = starts): () => void {
  const path = join(folder, 'lock');
  for (let tries = 0; tries < TRIES; tries++) {
    if (claim(path, processes.own)) return () => rmSync(path, { force: true });
    const holder = holderOf(path);
    // Given back in between.
    if (holder === null) continue;
    if (processes.isAlive(holder)) throw inUse(folder, holder);
    clear(path, holder, processes);
  }
  throw new CommandError(`another start took ${folder} at the same moment: try again`);
}

/**
 * Removes the lock of a process that is gone. One start at a time does, under a lock of its own: two that read the same
 * id would else each remove it, the second one the lock that the first has made since.
 */
function clear(path: string, gone: number, { own, isAlive }: Processes): void {
  const guard = `${path}.clearing`;
  if (!claim(guard, own)) {
    const other = holderOf(guard);
    // It was killed here; else it is done in a moment.
    if (other !== null && !isAlive(other)) rmSync(guard, { force: true });
    return;
  }
  if (holderOf(path) === gone) rmSync(path, { force: true });
  rmSync(guard, { force: true });
}

function claim(path: string, processId: number): boolean {
  try {
    symlinkSync(`${processId}`, path);
    return true;
  } catch (error) {
    if (reasonOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Null where nobody has it; 0, which is no process, where it names none. */
function holderOf(path: string): number | null {
  try {
    return Number.parseInt(textOf(path), 10) || 0;
  } catch (error) {
    if (reasonOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function textOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch (error) {
    // Starts of before made a file: one of them may be running still.
    if (reasonOf(error) === 'EINVAL') return readFileSync(path, 'utf8');
    throw error;
  }
}

function inUse(folder: string, holder: number): CommandError {
  return new CommandError(
    `${folder} is in use by process ${holder}: stop that one first, or choose another folder with --data DIR`,
  );
}

/** Process ids are reused: where /proc tells, only a process that runs this launcher counts. */
const starts: Processes = {
  own: process.pid,
  isAlive(processId) {
    if (processId <= 0 || processId === process.pid) return false;
    try {
      process.kill(processId, 0);
    } catch (error) {
      return reasonOf(error) === 'EPERM';
    }
    try {
      return readFileSync(`/proc/${processId}/cmdline`, 'utf8').includes('start.mjs');
    } catch {
      return true;
    }
  },
};
