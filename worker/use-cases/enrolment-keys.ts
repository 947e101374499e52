/** Enrolment keys: what a host shows once to become a node. */
import { createToken, ENROLMENT_KEY_PREFIX, type TokenCrypto } from '../../shared/auth/token-format.ts';
import type { PageRequest } from '../http/paging.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import type { Database } from '../storage/database.ts';
import {
  findEnrolmentKey,
  insertEnrolmentKey,
  listEnrolmentKeys,
  revokeEnrolmentKey,
  type StoredEnrolmentKey,
} from '../storage/enrolment-keys.ts';
import { findSite } from '../storage/sites.ts';

/** A key as anybody may see it: without a trace of its secret. */
export type EnrolmentKeyView = Omit<StoredEnrolmentKey, 'secretSha256'>;

export interface WantedEnrolmentKey {
  readonly label: string;
  readonly siteId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Null: unlimited. */
  readonly maxUses: number | null;
  readonly onKnownHost: 'replace' | 'refuse';
  /** Null: never. */
  readonly expiresAtMs: number | null;
}

/** Problem: `invalid_body` where the site does not exist or the key would be expired from the start. */
export async function issueEnrolmentKey(
  db: Database,
  crypto: TokenCrypto,
  wanted: WantedEnrolmentKey,
  nowMs: number,
): Promise<Result<EnrolmentKeyView & { readonly key: string }>> {
  if ((await findSite(db, wanted.siteId)) === null) {
    return fail(
      'invalid_body',
      `There is no site "${wanted.siteId}": create it with POST /v1/sites.`,
      '/site',
    );
  }
  if (wanted.expiresAtMs !== null && wanted.expiresAtMs <= nowMs) {
    return fail('invalid_body', '/expiresAt: expected an instant in the future.', '/expiresAt');
  }
  const { id, token, secretSha256 } = await createToken(crypto, { idPrefix: ENROLMENT_KEY_PREFIX });
  const created = { ...wanted, id, uses: 0, createdAtMs: nowMs, revokedAtMs: null };
  await insertEnrolmentKey(db, { ...created, secretSha256 });
  return ok({ ...created, key: token });
}

/** By id; at most `limit`, after the id `after` where given. */
export async function getEnrolmentKeys(db: Database, page: PageRequest): Promise<EnrolmentKeyView[]> {
  const keys = await listEnrolmentKeys(db, page.limit, page.after);
  return keys.map(({ secretSha256: _, ...view }) => view);
}

/** Ends a key; nodes that enrolled with it keep their tokens. Problem: `not_found`. */
export async function endEnrolmentKey(db: Database, id: string, nowMs: number): Promise<Result<null>> {
  if ((await findEnrolmentKey(db, id)) === null) {
    return fail('not_found', `There is no enrolment key "${id}"; GET /v1/enrolment-keys lists them.`);
  }
  await revokeEnrolmentKey(db, id, nowMs);
  return ok(null);
}
