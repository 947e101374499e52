/**
 * What shard 0 knows of the nodes of the other shards. No transaction spans two databases, so such an enrolment begins here
 * (the key is good, its use is counted, id and number are taken), happens in the node's shard, and ends here. One that was
 * cut off in between stays pending: the host is found by it when it comes again, and its key's use counts once.
 */
import { KEY_IS_GOOD } from './enrolment-keys.ts';
import type { HostIdentity, Lookalike, NodeToken } from './hosts.ts';
import { firstNodeOf, NODES_PER_SHARD, type Shards } from './shards.ts';

const FIND_NUMBER = `
  SELECT number FROM nodes WHERE id = ?1 UNION ALL SELECT number FROM node_directory WHERE id = ?1`;

/** Of a node of any shard; null where none has this id. */
export async function findNodeNumber(main: D1Database, id: string): Promise<number | null> {
  return (await main.prepare(FIND_NUMBER).bind(id).first<{ number: number }>())?.number ?? null;
}

/** No row for an id that no node of another shard has. */
export const selectDirectoryNumber = (main: D1Database, id: string): D1PreparedStatement =>
  main.prepare('SELECT number FROM node_directory WHERE id = ?1').bind(id);

/** An enrolment that was begun, and whose shard may not have done its part. */
export interface PendingHost extends Lookalike {
  /** Whose use was counted for it. */
  readonly keyId: string;
}

const READ_PENDING = `
  SELECT number, id, hostname, begun_at_ms AS enrolledAtMs, fingerprint = ?1 AS isSame, key_id AS keyId
  FROM node_directory WHERE (fingerprint = ?1 OR machine_fingerprint = ?2) AND pending = 1`;

export async function findPending(main: D1Database, host: HostIdentity): Promise<PendingHost[]> {
  const { results } = await main
    .prepare(READ_PENDING)
    .bind(host.fingerprint, host.machineFingerprint)
    .all<Pick<PendingHost, 'number' | 'id' | 'hostname' | 'enrolledAtMs' | 'keyId'> & { isSame: number }>();
  const unseen = { retiredAtMs: null, lastReportAtMs: null, gpus: 0, sharedGpus: 0 };
  return results.map((row) => ({ ...row, ...unseen, isSame: row.isSame === 1 }));
}

const LAST_NUMBERS = `
  SELECT (SELECT MAX(number) FROM node_directory WHERE number >= value AND number < value + ${NODES_PER_SHARD}) AS last
  FROM json_each(?1)`;

/** How many nodes each shard ever got: numbers are given out in order. */
export async function countEnrolled({ main, count }: Shards): Promise<number[]> {
  const firsts = Array.from({ length: count }, (_, shard) => firstNodeOf(shard));
  const [own, others] = await main.batch<{ last: number | null }>([
    main.prepare('SELECT MAX(number) AS last FROM nodes'),
    main.prepare(LAST_NUMBERS).bind(JSON.stringify(firsts.slice(1))),
  ]);
  return [...own!.results, ...others!.results].map(
    ({ last }, shard) => (last ?? firsts[shard]!) - firsts[shard]!,
  );
}

/** `newest`: by shard the highest number among the nodes that look like the host and are known not to be it. */
export const IS_NEWS = (newest: string) =>
  `number > COALESCE((SELECT value FROM json_each(${newest}) WHERE key = number / ${NODES_PER_SHARD}), 0)`;

/** SQL: a node of another shard has this id, or looks like the host and is not among those that are known. */
export const IS_IN_DIRECTORY = (id: string, fingerprint: string, machine: string, newest: string) => `EXISTS (
  SELECT 1 FROM node_directory WHERE (id = ${id} OR fingerprint = ${fingerprint} OR machine_fingerprint = ${machine})
    AND (id = ${id} OR ${IS_NEWS(newest)}))`;

const RESERVE = `
  INSERT INTO node_directory (number, id, hostname, fingerprint, machine_fingerprint, key_id, token_id, begun_at_ms, pending)
  SELECT COALESCE((SELECT MAX(number) FROM node_directory WHERE number >= ?9 + 0 AND number < ?9 + ${NODES_PER_SHARD}),
      CAST(?9 AS INTEGER)) + 1, ?3, ?4, ?5, ?6, ?1, ?7, ?2, 1
  WHERE ${KEY_IS_GOOD} AND NOT ${IS_IN_DIRECTORY('?3', '?5', '?6', '?8')}
    AND NOT EXISTS (SELECT 1 FROM nodes WHERE (id = ?3 OR fingerprint = ?5 OR machine_fingerprint = ?6)
      AND (id = ?3 OR ${IS_NEWS('?8')}))
  RETURNING number`;

const COUNT_RESERVED = `
  UPDATE enrolment_keys SET uses = uses + 1
  WHERE id = ?1 AND EXISTS (SELECT 1 FROM node_directory WHERE id = ?2 AND token_id = ?3)`;

/** @returns the number of the new node; null, with nothing stored, where the key is no longer good or the host or id is known */
export async function reserveNode(
  main: D1Database,
  keyId: string,
  host: HostIdentity,
  place: { readonly nodeId: string; readonly shard: number; readonly newest: readonly number[] },
  token: NodeToken,
  nowMs: number,
): Promise<number | null> {
  const [reserved] = await main.batch<{ number: number }>([
    main
      .prepare(RESERVE)
      .bind(
        keyId,
        nowMs,
        place.nodeId,
        host.hostname,
        host.fingerprint,
        host.machineFingerprint,
        token.id,
        JSON.stringify(place.newest),
        firstNodeOf(place.shard),
      ),
    main.prepare(COUNT_RESERVED).bind(keyId, place.nodeId, token.id),
  ]);
  return reserved!.results[0]?.number ?? null;
}

/** One that is pending by this key was counted when it began. */
const COUNTED = 'pending = 1 AND key_id = ?1';
const CLAIM = `
  UPDATE node_directory SET token_id = ?4 WHERE number = ?3 AND (${KEY_IS_GOOD} OR (${COUNTED} AND EXISTS (
    SELECT 1 FROM enrolment_keys WHERE id = ?1 AND revoked_at_ms IS NULL AND (expires_at_ms IS NULL OR expires_at_ms > ?2))))`;
const COUNT_CLAIMED = `
  UPDATE enrolment_keys SET uses = uses + 1
  WHERE id = ?1 AND EXISTS (SELECT 1 FROM node_directory WHERE number = ?2 AND token_id = ?3 AND NOT (${COUNTED}))`;
const BEGIN_AGAIN = `
  UPDATE node_directory SET key_id = ?1, begun_at_ms = ?2, pending = 1, hostname = ?5, fingerprint = ?6, machine_fingerprint = ?7
  WHERE number = ?3 AND token_id = ?4`;

/** For a known node. False, with nothing stored, where the key is no longer good. */
export async function beginAgain(
  main: D1Database,
  keyId: string,
  host: HostIdentity,
  nodeNumber: number,
  token: NodeToken,
  nowMs: number,
): Promise<boolean> {
  const [claimed] = await main.batch([
    main.prepare(CLAIM).bind(keyId, nowMs, nodeNumber, token.id),
    main.prepare(COUNT_CLAIMED).bind(keyId, nodeNumber, token.id),
    main
      .prepare(BEGIN_AGAIN)
      .bind(keyId, nowMs, nodeNumber, token.id, host.hostname, host.fingerprint, host.machineFingerprint),
  ]);
  return claimed!.meta.changes === 1;
}

/** The shard has done its part. */
export async function endEnrolment(main: D1Database, nodeNumber: number, token: NodeToken): Promise<void> {
  await main
    .prepare('UPDATE node_directory SET pending = 0 WHERE number = ?1 AND token_id = ?2')
    .bind(nodeNumber, token.id)
    .run();
}
