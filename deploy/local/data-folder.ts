/** The folder that `npm start` keeps everything in: made at first start, used by one process at a time. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MAX_SHARDS } from '../../shared/settings/shards.ts';
import { readOrCreateAdminToken } from '../admin-token.ts';
import { CommandError, reasonOf } from '../command-error.ts';

export interface DataFolder {
  readonly path: string;
  readonly adminTokenFile: string;
  readonly adminToken: string;
  /** SHA-256, hex, of the token's secret half: all that the Worker is told. */
  readonly adminSecretSha256: string;
  /** How many databases the folder has: nodes live in each, so it never has fewer than before. Null: as it is, at first one. */
  keepShards(asked: number | null): number;
  /** Lets the next start have the folder. */
  release(): void;
}

/** Makes or opens the folder and holds it until `release`; throws `CommandError` where it cannot be used. */
export async function openDataFolder(given: string): Promise<DataFolder> {
  const path = resolve(given);
  try {
    makeFolder(path);
  } catch (error) {
    throw unusable(path, error);
  }
  const lockFile = lock(path);
  try {
    const adminTokenFile = join(path, 'admin-token');
    const admin = await readOrCreateAdminToken(adminTokenFile);
    return {
      path,
      adminTokenFile,
      adminToken: admin.token,
      adminSecretSha256: admin.secretSha256,
      keepShards: (asked) => keepShards(join(path, 'shards'), asked),
      release: () => rmSync(lockFile, { force: true }),
    };
  } catch (error) {
    rmSync(lockFile, { force: true });
    throw error instanceof CommandError ? error : unusable(path, error);
  }
}

function keepShards(file: string, asked: number | null): number {
  const kept = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 1;
  // Taken for fewer, what the others hold would be missing from every answer.
  if (!Number.isInteger(kept) || kept < 1 || kept > MAX_SHARDS)
    throw new CommandError(
      `${file} does not say how many databases this folder has: write their number into it`,
    );
  if (asked !== null && asked < kept)
    throw new CommandError(
      `nodes live in ${kept} databases of this folder: start with --shards ${kept} or more`,
      2,
    );
  const shards = asked ?? kept;
  if (shards !== kept) writeFileSync(file, `${shards}\n`);
  return shards;
}

/** One by one: Node's own recursive mkdir tries for ever below /proc, where nothing can be made. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

function unusable(path: string, error: unknown): CommandError {
  return new CommandError(
    `cannot use the data folder ${path} (${reasonOf(error)}): choose one you can write to with --data DIR`,
  );
}

/** A file with our process id, created exclusively; one that a dead process left is taken over. */
function lock(folder: string): string {
  const file = join(folder, 'lock');
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(file, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
      return file;
    } catch (error) {
      if (reasonOf(error) !== 'EEXIST') throw unusable(folder, error);
      const holder = Number(readFileSync(file, 'utf8'));
      if (isAlive(holder)) throw inUse(folder, holder);
      rmSync(file, { force: true });
    }
  }
  throw new CommandError(`another start took ${folder} at the same moment: try again`);
}

function inUse(folder: string, holder: number): CommandError {
  return new CommandError(
    `${folder} is in use by process ${holder}: stop that one first, or choose another folder with --data DIR`,
  );
}

/** Process ids are reused: where /proc tells, only a process that runs this launcher counts. */
function isAlive(processId: number): boolean {
  if (!Number.isInteger(processId) || processId <= 0 || processId === process.pid) return false;
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
}
