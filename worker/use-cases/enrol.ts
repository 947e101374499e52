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
import { type Change, recordChange } from '../storage/changes.ts';
import { type Database, openDatabase } from '../storage/database.ts';
import {
  findLookalikes,
  insertNode,
  insertReservedNode,
  replaceNodeToken,
  takenNodeIds,
} from '../storage/enrolment.ts';
import { findEnrolmentKey, type StoredEnrolmentKey } from '../storage/enrolment-keys.ts';
import type { HostIdentity, KnownHost, Lookalike } from '../storage/hosts.ts';
import {
  beginAgain,
  countEnrolled,
  endEnrolment,
  findPending,
  reserveNode,
} from '../storage/node-directory.ts';
import { readSettingsOfMany } from '../storage/settings.ts';
import { type Shards, shardOfNode } from '../storage/shards.ts';
import { tokenPrefix } from '../storage/token-shard.ts';
import { knownHost } from './known-host.ts';
import { nodeIdBase } from './node-id.ts';

/** Each try loses only to another enrolment that went through at the same instant. */
const MAX_TRIES = 8;

export interface Enrolments {
  readonly shards: Shards;
  /** Shards that take no new node. */
  readonly closed: ReadonlySet<number>;
  /** A node that said nothing for as long may be the host that enrols, under another name or with other GPUs. */
  readonly silentAfterMs: number;
}

/**
 * Problems: `unauthenticated` (no such key, revoked, expired), `enrolment_key_exhausted`, `host_already_enrolled`,
 * `overloaded` where others kept coming first.
 */
export async function enrolHost(
  { shards, closed, silentAfterMs }: Enrolments,
  crypto: TokenCrypto,
  shown: ParsedToken,
  host: HostIdentity,
  nowMs: number,
): Promise<Result<EnrollReply>> {
  const db = openDatabase(shards.main);
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const key = await checkKey(db, crypto, shown, nowMs);
    if (!key.ok) return key;
    const candidates = await findCandidates(shards, host);
    const known = knownHost(candidates, host, nowMs - silentAfterMs);
    // What was cut off between two databases goes on, and its use of the key is counted already.
    const goesOn = known !== null && known.begunWith === key.value.id;
    if (!goesOn && isUsedUp(key.value)) return usedUp(key.value);
    if (known !== null && !goesOn && key.value.onKnownHost === 'refuse') {
      return fail(
        'host_already_enrolled',
        `This host is node "${known.id}" already. Retire that node with DELETE /v1/nodes/${known.id}, or use a key with onKnownHost "replace".`,
      );
    }
    const enrolment = { shards, crypto, key: key.value, host, nowMs };
    const enrolled =
      known === null
        ? await enrolNew(enrolment, closed, newestOf(candidates, shards.count))
        : await enrolAgain(enrolment, known, silentAfterMs);
    if (enrolled !== null) return ok({ ...enrolled, ...(await placeOf(db, key.value.siteId, nowMs)) });
  }
  return fail('overloaded', 'Too many hosts enrol at this instant; try again after the time in Retry-After.');
}

/** A node that the host may be. */
interface Candidate extends Lookalike {
  /** The key of an enrolment that did not come to its end; null: it is enrolled. */
  readonly begunWith: string | null;
  /** Whether its shard has it. */
  readonly isThere: boolean;
}

async function findCandidates(shards: Shards, host: HostIdentity): Promise<Candidate[]> {
  const [pending, nodes] = await Promise.all([
    shards.count === 1 ? [] : findPending(shards.main, host),
    findLookalikes(shards, host),
  ]);
  const there = new Set(nodes.map(({ number }) => number));
  const keyOf = new Map(pending.map(({ number, keyId }) => [number, keyId]));
  return [
    ...nodes.map((node) => ({ ...node, begunWith: keyOf.get(node.number) ?? null, isThere: true })),
    ...pending
      .filter(({ number }) => !there.has(number))
      .map((host) => ({ ...host, begunWith: host.keyId, isThere: false })),
  ];
}

/** By shard; 0 where there is none. */
function newestOf(candidates: readonly KnownHost[], count: number): number[] {
  return Array.from({ length: count }, (_, shard) =>
    Math.max(0, ...candidates.map(({ number }) => number).filter((number) => shardOfNode(number) === shard)),
  );
}

type Enrolled = Pick<EnrollReply, 'nodeId' | 'token'>;

interface Enrolment {
  readonly shards: Shards;
  readonly crypto: TokenCrypto;
  readonly key: StoredEnrolmentKey;
  readonly host: HostIdentity;
  readonly nowMs: number;
}

async function enrolNew(
  { shards, crypto, key, host, nowMs }: Enrolment,
  closed: ReadonlySet<number>,
  newest: readonly number[],
): Promise<Enrolled | null> {
  const { main } = shards;
  const base = nodeIdBase(host.hostname);
  const nodeId = firstFree(base, await takenNodeIds(main, base));
  const shard = shards.count === 1 ? 0 : emptiest(await countEnrolled(shards), closed);
  const token = await createToken(crypto, { idPrefix: tokenPrefix(shard) });
  if (shard === 0) {
    const done = await insertNode(main, key, host, { nodeId, newest }, token, nowMs);
    return done ? { nodeId, token: token.token } : null;
  }
  const number = await reserveNode(main, key.id, host, { nodeId, shard, newest }, token, nowMs);
  if (number === null) return null;
  const db = shards.at(shard);
  if (!(await insertReservedNode(db, key, host, { id: nodeId, number }, token, nowMs))) return null;
  await endEnrolment(main, number, token);
  return { nodeId, token: token.token };
}

/** Of the shards that take new nodes the one that got the fewest. */
function emptiest(enrolled: readonly number[], closed: ReadonlySet<number>): number {
  const open = enrolled.map((nodes, shard) => ({ nodes, shard })).filter(({ shard }) => !closed.has(shard));
  const [first, ...rest] = open;
  if (first === undefined) throw new RangeError('CLOSED_SHARDS leaves no database for new nodes');
  return rest.reduce((least, each) => (each.nodes < least.nodes ? each : least), first).shard;
}

/** Without GPUs nobody can tell a host that was made anew a moment ago from a copy that runs beside it. */
const isUp = ({ gpus, retiredAtMs, lastReportAtMs }: Candidate, silentSinceMs: number): boolean =>
  gpus === 0 && retiredAtMs === null && (lastReportAtMs ?? 0) >= silentSinceMs;

const takenOver = ({ key, nowMs }: Enrolment, { id, lastReportAtMs }: Candidate): Change => ({
  recordedAtMs: nowMs,
  who: key.id,
  subject: `node:${id}`,
  what: 'token',
  from: null,
  to: null,
  effectiveFromMs: nowMs,
  effectiveToMs: nowMs,
  why: `a host of this name and machine id enrolled ${Math.round((nowMs - lastReportAtMs!) / 1_000)} s after the last report of this node, whose token it ended: where these are two hosts, give each its own machine id and name`,
});

async function enrolAgain(
  enrolment: Enrolment,
  known: Candidate,
  silentAfterMs: number,
): Promise<Enrolled | null> {
  const { shards, crypto, key, host, nowMs } = enrolment;
  const shard = shardOfNode(known.number);
  const db = shards.at(shard);
  const subject = `node:${known.number}`;
  const rows = await readSettingsOfMany(openDatabase(db), [subject]);
  const move = valueAt(settingHistory(rows, subject, 'site'), nowMs) !== key.siteId;
  const token = await createToken(crypto, { idPrefix: tokenPrefix(shard) });
  if (shard !== 0 && !(await beginAgain(shards.main, key.id, host, known.number, token, nowMs))) return null;
  const done = known.isThere
    ? await replaceNodeToken(db, key, host, known, token, move, nowMs)
    : await insertReservedNode(db, key, host, known, token, nowMs);
  if (done && shard !== 0) await endEnrolment(shards.main, known.number, token);
  if (done && isUp(known, nowMs - silentAfterMs)) await recordChange(db, takenOver(enrolment, known)).run();
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
  return ok(key);
}

const isUsedUp = ({ maxUses, uses }: StoredEnrolmentKey) => maxUses !== null && uses >= maxUses;

const usedUp = ({ maxUses }: StoredEnrolmentKey) =>
  fail(
    'enrolment_key_exhausted',
    `This enrolment key was good for ${maxUses} ${maxUses === 1 ? 'host' : 'hosts'} and is used up; an admin makes a new one.`,
  );

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
