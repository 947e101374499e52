/** A host shows an enrolment key and becomes a node, or, if it is one already, gets a new token. */
import {
  createToken,
  hashSecret,
  type ParsedToken,
  type TokenCrypto,
} from '../../shared/auth/token-format.ts';
import { settingHistory, valueAt } from '../../shared/settings/effective.ts';
import type { EnrollReply } from '../../shared/wire/ingest.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { equalDigests } from '../http/web-crypto.ts';
import { type Database, openDatabase } from '../storage/database.ts';
import {
  findLookalikes,
  type HostIdentity,
  insertNode,
  type KnownHost,
  replaceNodeToken,
  takenNodeIds,
} from '../storage/enrolment.ts';
import { findEnrolmentKey, type StoredEnrolmentKey } from '../storage/enrolment-keys.ts';
import { readSettingsOfMany } from '../storage/settings.ts';
import { knownHost } from './known-host.ts';
import { nodeIdBase } from './node-id.ts';

/** Each try loses only to another enrolment that went through at the same instant. */
const MAX_TRIES = 8;

/**
 * Problems: `unauthenticated` (no such key, revoked, expired), `enrolment_key_exhausted`, `host_already_enrolled`,
 * `overloaded` where others kept coming first.
 */
export async function enrolHost(
  binding: D1Database,
  crypto: TokenCrypto,
  shown: ParsedToken,
  host: HostIdentity,
  nowMs: number,
): Promise<Result<EnrollReply>> {
  const db = openDatabase(binding);
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const key = await checkKey(db, crypto, shown, nowMs);
    if (!key.ok) return key;
    const lookalikes = await findLookalikes(binding, host);
    const known = knownHost(lookalikes, host, nowMs);
    if (known !== null && key.value.onKnownHost === 'refuse') {
      return fail(
        'host_already_enrolled',
        `This host is node "${known.id}" already. Retire that node with DELETE /v1/nodes/${known.id}, or use a key with onKnownHost "replace".`,
      );
    }
    const enrolled =
      known === null
        ? await enrolNew(binding, crypto, key.value, host, lookalikes, nowMs)
        : await enrolAgain(binding, crypto, key.value, host, known, nowMs);
    if (enrolled !== null) return ok({ ...enrolled, ...(await placeOf(db, key.value.siteId, nowMs)) });
  }
  return fail('overloaded', 'Too many hosts enrol at this instant; try again after the time in Retry-After.');
}

type Enrolled = Pick<EnrollReply, 'nodeId' | 'token'>;

async function enrolNew(
  binding: D1Database,
  crypto: TokenCrypto,
  key: StoredEnrolmentKey,
  host: HostIdentity,
  others: readonly KnownHost[],
  nowMs: number,
): Promise<Enrolled | null> {
  const base = nodeIdBase(host.hostname);
  const nodeId = firstFree(base, await takenNodeIds(binding, base));
  const token = await createToken(crypto);
  const done = await insertNode(binding, key, host, { nodeId, others }, token, nowMs);
  return done ? { nodeId, token: token.token } : null;
}

async function enrolAgain(
  binding: D1Database,
  crypto: TokenCrypto,
  key: StoredEnrolmentKey,
  host: HostIdentity,
  known: KnownHost,
  nowMs: number,
): Promise<Enrolled | null> {
  const subject = `node:${known.number}`;
  const rows = await readSettingsOfMany(openDatabase(binding), [subject]);
  const move = valueAt(settingHistory(rows, subject, 'site'), nowMs) !== key.siteId;
  const token = await createToken(crypto);
  const done = await replaceNodeToken(binding, key, host, known, token, move, nowMs);
  return done ? { nodeId: known.id, token: token.token } : null;
}

async function checkKey(
  db: Database,
  crypto: TokenCrypto,
  shown: ParsedToken,
  nowMs: number,
): Promise<Result<StoredEnrolmentKey>> {
  const key = await findEnrolmentKey(db, shown.id);
  if (key === null || !equalDigests(await hashSecret(shown.secret, crypto), key.secretSha256)) {
    return fail('unauthenticated', 'No such enrolment key; an admin makes one with POST /v1/enrolment-keys.');
  }
  if (key.revokedAtMs !== null) return fail('unauthenticated', 'This enrolment key was revoked.');
  if (key.expiresAtMs !== null && key.expiresAtMs <= nowMs) {
    return fail(
      'unauthenticated',
      `This enrolment key expired at ${new Date(key.expiresAtMs).toISOString()}; an admin makes a new one.`,
    );
  }
  if (key.maxUses !== null && key.uses >= key.maxUses) {
    return fail(
      'enrolment_key_exhausted',
      `This enrolment key was good for ${key.maxUses} ${key.maxUses === 1 ? 'host' : 'hosts'} and is used up; an admin makes a new one.`,
    );
  }
  return ok(key);
}

async function placeOf(db: Database, siteId: string, nowMs: number) {
  const subject = `site:${siteId}`;
  const rows = await readSettingsOfMany(db, [subject]);
  // A site cannot be created without a zone.
  return { site: siteId, gridZone: valueAt(settingHistory(rows, subject, 'gridZone'), nowMs) ?? '' };
}

function firstFree(base: string, taken: ReadonlySet<string>): string {
  if (!taken.has(base)) return base;
  let suffix = 2;
  while (taken.has(`${base}-${suffix}`)) suffix++;
  return `${base}-${suffix}`;
}
