/** Who this host is to the server, in the state directory, for the owner alone. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseToken } from '../../shared/auth/token-format.ts';
import { type FileSystem, hasCode, nodeFileSystem } from '../store/file-system.ts';
import { replaceFile } from '../store/replace-file.ts';

export interface Credentials {
  /** Base URL of the server, without a trailing slash. */
  readonly url: string;
  readonly nodeId: string;
  /** Scope ingest, this node only. */
  readonly token: string;
}

export const CREDENTIALS_FILE = 'node.json';

/** Replaces what was there in one step; synced when it resolves. */
export async function saveCredentials(
  stateDirectory: string,
  credentials: Credentials,
  fileSystem: FileSystem = nodeFileSystem,
): Promise<void> {
  const path = join(stateDirectory, CREDENTIALS_FILE);
  await replaceFile(path, `${JSON.stringify(credentials, null, 2)}\n`, fileSystem);
}

/**
 * Null on a host that is not enrolled. Throws, with the fix, when others may read the file or it is damaged.
 *
 * @param guarded false for the folder that systemd keeps for one service alone, whose modes show an access list
 */
export async function loadCredentials(stateDirectory: string, guarded = true): Promise<Credentials | null> {
  const path = join(stateDirectory, CREDENTIALS_FILE);
  let text: string;
  try {
    const { mode } = await stat(path);
    if (guarded && (mode & 0o077) !== 0)
      throw new Error(`others may read the token in ${path}: run chmod 600 ${path}`);
    text = (await nodeFileSystem.readAll(path)).toString('utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
  const credentials = parse(text);
  if (credentials === null) throw new Error(`${path} is damaged: run wattshed enroll again`);
  return credentials;
}

function parse(text: string): Credentials | null {
  try {
    const { url, nodeId, token } = JSON.parse(text) as Partial<Credentials>;
    if (typeof url !== 'string' || typeof nodeId !== 'string' || typeof token !== 'string') return null;
    return URL.canParse(url) && parseToken(token) !== null ? { url, nodeId, token } : null;
  } catch {
    return null;
  }
}
