/** The folder that `npm start` keeps everything in: made at first start, used by one process at a time. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MAX_SHARDS } from '../../shared/settings/shards.ts';
import { readOrCreateAdminToken } from '../admin-token.ts';
import { CommandError, reasonOf } from '../command-error.ts';
import { lockFolder } from './folder-lock.ts';

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
  let release = () => {};
  try {
    makeFolder(path);
    release = lockFolder(path);
    const adminTokenFile = join(path, 'admin-token');
    const admin = await readOrCreateAdminToken(adminTokenFile);
    return {
      path,
      adminTokenFile,
      adminToken: admin.token,
      adminSecretSha256: admin.secretSha256,
      keepShards: (asked) => keepShards(join(path, 'shards'), asked),
      release,
    };
  } catch (error) {
    release();
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
