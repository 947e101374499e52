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

/** Each try loses only to another start at the same instant. */
const TRIES = 8;

/** Returns the function that gives the lock back. A lock whose owner is gone is taken over. */
export async function acquireLock(
  fileSystem: FileSystem,
  directory: string,
  identity: ProcessIdentity,
): Promise<() => Promise<void>> {
  const path = join(directory, 'lock');
  for (let tries = 0; tries < TRIES; tries++) {
    if (await claim(fileSystem, path, identity.own)) return () => removeIfThere(fileSystem, path);
    const owner = await ownerOf(fileSystem, path);
    // Given back in between.
    if (owner === null) continue;
    if (identity.isAlive(owner)) throw lockedBy(owner, directory);
    await clear(fileSystem, path, owner, identity);
  }
  throw new StoreLockedError(
    `other agents keep starting on ${directory}: stop them, or give each its own directory`,
  );
}

/**
 * Removes the lock of an owner that is gone. One start at a time does, under a lock of its own: two that read the same
 * name would else each remove it, the second one the lock that the first has made since.
 */
async function clear(
  fileSystem: FileSystem,
  path: string,
  gone: string,
  identity: ProcessIdentity,
): Promise<void> {
  const guard = `${path}.clearing`;
  if (!(await claim(fileSystem, guard, identity.own))) {
    const other = await ownerOf(fileSystem, guard);
    // It was killed here; else it is done in a moment.
    if (other !== null && !identity.isAlive(other)) await removeIfThere(fileSystem, guard);
    return;
  }
  if ((await ownerOf(fileSystem, path)) === gone) await removeIfThere(fileSystem, path);
  await removeIfThere(fileSystem, guard);
}

/** Null where nobody has it. */
async function ownerOf(fileSystem: FileSystem, path: string): Promise<string | null> {
  try {
    return await fileSystem.readLink(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}

async function removeIfThere(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.remove(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
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
