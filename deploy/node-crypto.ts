/** What tokens are made with, by Node. */
import { createHash, randomBytes } from 'node:crypto';
import type { TokenCrypto } from '../shared/auth/token-format.ts';

export const nodeCrypto: TokenCrypto = {
  randomBytes: (count) => randomBytes(count),
  sha256: async (bytes) => createHash('sha256').update(bytes).digest(),
};
