/**
 * One agent per state directory. The lock is a symbolic link whose target names its owner: created whole or not at all,
 * and it takes no disk block, so it works on a full disk.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FileSystem, hasCode } from './file-system.ts';

export interface ProcessIdentity {
  /** Never the same for two processes of one host, across reboots. */
  readonly own: string;
  isAlive(identity: string): boolean;
}

export class StoreLockedError extends Error {
  override readonly name = 'StoreLockedError';
}

/** Returns the function that gives the lock back. A lock whose owner is gone is taken over. */
export async function acquireLock(
  fileSystem: FileSystem,
  directory: string,
  identity: ProcessIdentity,
): Promise<() => Promise<void>> {
  const path = join(directory, 'lock');
  if (!(await claim(fileSystem, path, identity.own))) {
    const owner = await fileSystem.readLink(path);
    if (identity.isAlive(owner)) throw lockedBy(owner, directory);
    await fileSystem.remove(path);
    if (!(await claim(fileSystem, path, identity.own))) {
      throw lockedBy(await fileSystem.readLink(path), directory);
    }
  }
  return () => fileSystem.remove(path);
}

async function claim(fileSystem: FileSystem, path: string, owner: string): Promise<boolean> {
  try {
    await fileSystem.createLink(path, owner);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function lockedBy(owner: string, directory: string): StoreLockedError {
  return new StoreLockedError(
    `another agent (pid ${owner.split('.')[0]}) uses ${directory}: stop it, or give this one its own directory`,
  );
}

/** pid, boot and start time: a pid alone is reused. */
export const processIdentity: ProcessIdentity = {
  get own() {
    return identityOf(process.pid) ?? `${process.pid}`;
  },
  isAlive(identity) {
    const pid = Number(identity.split('.')[0]);
    return identity === (identityOf(pid) ?? (isSignallable(pid) ? `${pid}` : null));
  },
};

/** Null where no such process runs, or there is no /proc. */
function identityOf(pid: number): string | null {
  try {
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 22, counted behind the command's name, which may hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended; only its parent has not looked yet.
    return fields[0] === 'Z' ? null : `${pid}.${fields[19]}.${bootId}`;
  } catch {
    return null;
  }
}

function isSignallable(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}
