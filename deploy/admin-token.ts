/** The operator's token as a file that only its owner reads; a server is told no more than the hash of its secret half. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { ADMIN_TOKEN_ID, createToken, hashSecret, parseToken } from '../shared/auth/token-format.ts';
import { CommandError } from './command-error.ts';
import { nodeCrypto } from './node-crypto.ts';

export interface AdminToken {
  readonly token: string;
  /** SHA-256, hex, of the token's secret half. */
  readonly secretSha256: string;
}

/** Makes the file where it is missing; throws `CommandError` where others could read it or it holds something else. */
export async function readOrCreateAdminToken(file: string): Promise<AdminToken> {
  if (!existsSync(file)) {
    const { token } = await createToken(nodeCrypto, { id: ADMIN_TOKEN_ID });
    writeFileSync(file, `${token}\n`, { flag: 'wx', mode: 0o600 });
  }
  if ((statSync(file).mode & 0o077) !== 0) {
    throw new CommandError(`${file} can be read by others: run chmod 600 ${file}`);
  }
  const token = readFileSync(file, 'utf8').trim();
  const parsed = parseToken(token);
  if (parsed?.id !== ADMIN_TOKEN_ID) {
    throw new CommandError(`${file} holds no admin token: delete it, and the next start makes a new one`);
  }
  return { token, secretSha256: await hashSecret(parsed.secret, nodeCrypto) };
}
