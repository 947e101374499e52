/**
 * The few calls that the store makes to a disk. Narrow, so that a test can stand in for the disk and cut the power at
 * each one of them.
 */
import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, readlink, rename, stat, symlink, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface AppendFile {
  /** All of the bytes, or an error; after an error any part of them may be there. */
  append(bytes: Uint8Array): Promise<void>;
  /** Resolves when all that was appended would survive a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface FileSystem {
  /** With its parents; for the owner alone. */
  makeDirectory(path: string): Promise<void>;
  /** Names in a directory, in no order. */
  list(path: string): Promise<string[]>;
  size(path: string): Promise<number>;
  readAll(path: string): Promise<Buffer>;
  readRange(path: string, offset: number, length: number): Promise<Buffer>;
  /** A new file for the owner alone; fails with `EEXIST` when the name is taken. */
  create(path: string): Promise<AppendFile>;
  /** Synced when it resolves. */
  truncate(path: string, length: number): Promise<void>;
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** A symbolic link that says `text`, whole or not at all; fails with `EEXIST` when the name is taken. */
  createLink(path: string, text: string): Promise<void>;
  readLink(path: string): Promise<string>;
  /** Makes creations, removals and renames in the directory survive a power cut. */
  syncDirectory(path: string): Promise<void>;
}

export const nodeFileSystem: FileSystem = {
  makeDirectory,
  list: (path) => readdir(path),
  size: async (path) => (await stat(path)).size,
  readAll: (path) => readFile(path),
  async readRange(path, offset, length) {
    const file = await open(path, 'r');
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  },
  async create(path) {
    const { O_APPEND, O_CREAT, O_EXCL, O_WRONLY } = constants;
    const file = await open(path, O_APPEND | O_CREAT | O_EXCL | O_WRONLY, 0o600);
    return {
      append: (bytes) => file.appendFile(bytes),
      sync: () => file.datasync(),
      close: () => file.close(),
    };
  },
  async truncate(path, length) {
    const file = await open(path, 'r+');
    try {
      await file.truncate(length);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  remove: (path) => unlink(path),
  rename: (from, to) => rename(from, to),
  createLink: (path, text) => symlink(text, path),
  readLink: (path) => readlink(path),
  async syncDirectory(path) {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
};

/** Whether the error is the system's own for this code, such as `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

/** One by one: Node's own recursive mkdir tries for ever below /proc and /sys, where nothing can be made. */
async function makeDirectory(path: string): Promise<void> {
  if (await exists(path)) return;
  await makeDirectory(dirname(path));
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
