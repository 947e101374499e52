/** Tokens of people and programs; those of nodes are made by enrolment and end here too. */
import { ADMIN_TOKEN_ID, createToken, type TokenCrypto } from '../../shared/auth/token-format.ts';
import type { PageRequest } from '../http/paging.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import type { Database } from '../storage/database.ts';
import type { Shards } from '../storage/shards.ts';
import { findToken, insertToken, listTokens, revokeToken, type StoredToken } from '../storage/tokens.ts';

/** A token as anybody may see it: without a trace of its secret. */
export type TokenView = Omit<StoredToken, 'secretSha256' | 'nodeNumber'>;

const view = ({ secretSha256: _secret, nodeNumber: _number, ...rest }: StoredToken): TokenView => rest;

export async function issueToken(
  db: Database,
  crypto: TokenCrypto,
  wanted: {
    readonly label: string;
    readonly scope: 'read' | 'admin';
    readonly projects: string[] | null;
  },
  nowMs: number,
): Promise<TokenView & { readonly token: string }> {
  const { id, token, secretSha256 } = await createToken(crypto);
  const created = { ...wanted, id, createdAtMs: nowMs, revokedAtMs: null };
  await insertToken(db, { ...created, secretSha256, nodeNumber: null });
  return { ...created, nodeId: null, token };
}

/** By id; at most `limit`, after the id `after` where given. */
export async function getTokens(shards: Shards, page: PageRequest): Promise<TokenView[]> {
  return (await listTokens(shards, page.limit, page.after)).map(view);
}

/** Ends a token; ending one twice is no error. Problem: `not_found`. */
export async function endToken(shards: Shards, id: string, nowMs: number): Promise<Result<null>> {
  if (id === ADMIN_TOKEN_ID) {
    return fail(
      'not_found',
      "The operator's token is a setting of the Worker: replace it by setting another ADMIN_SECRET_SHA256.",
    );
  }
  if ((await findToken(shards, id)) === null) {
    return fail('not_found', `There is no token "${id}"; GET /v1/tokens lists them.`);
  }
  await revokeToken(shards, id, nowMs);
  return ok(null);
}
