/**
 * Enrolment as one transaction. A D1 batch cannot branch, so its first statement, the insert of the token, holds every
 * condition (the key is still good, the host is still as it was found), and each of the others holds "that token exists".
 */
import { RETIRED_AT } from '../../shared/settings/node-as-known.ts';
import { CHANGE_COLUMNS } from './changes.ts';
import { KEY_IS_GOOD, type StoredEnrolmentKey } from './enrolment-keys.ts';
import type { HostIdentity, KnownHost, Lookalike, NodeToken } from './hosts.ts';
import { IS_IN_DIRECTORY, IS_NEWS } from './node-directory.ts';
import { lastReportAtMs } from './node-hour-key.ts';
import { changeLabels } from './node-labels.ts';
import { type Shards, shardOfNode } from './shards.ts';

/** Of one image or board a fleet may have many; beyond this the newest are looked at, and those of the very same host. */
const MAX_LOOKALIKES = 256;

/** Nodes of this very host, then those of the same machine id with other GPUs; the newest first. */
export async function findLookalikes(shards: Shards, host: HostIdentity): Promise<Lookalike[]> {
  const found = await shards.rows((db) => lookalikesIn(db, host));
  return found.sort(
    (a, b) => Number(b.isSame) - Number(a.isSame) || b.enrolledAtMs - a.enrolledAtMs || b.number - a.number,
  );
}

async function lookalikesIn(db: D1Database, host: HostIdentity): Promise<Lookalike[]> {
  const { results } = await db
    .prepare(
      `SELECT number, id, hostname, enrolled_at_ms AS enrolledAtMs, retired_at_ms AS retiredAtMs, fingerprint = ?1 AS isSame,
        ${lastReportAtMs('nodes.number')} AS lastReportAtMs,
        (SELECT COUNT(*) FROM node_devices WHERE node_number = nodes.number AND type = 'gpu') AS gpus,
        (SELECT COUNT(*) FROM node_devices WHERE node_number = nodes.number AND type = 'gpu'
          AND device_id IN (SELECT value FROM json_each(?3))) AS sharedGpus
       FROM nodes WHERE fingerprint = ?1 OR machine_fingerprint = ?2 ORDER BY isSame DESC, number DESC LIMIT ?4`,
    )
    .bind(host.fingerprint, host.machineFingerprint, JSON.stringify(host.gpuIds ?? []), MAX_LOOKALIKES)
    .all<Omit<Lookalike, 'isSame'> & { isSame: number }>();
  return results.map((row) => ({ ...row, isSame: row.isSame === 1 }));
}

/** Node ids that are `base` or `base-<something>`, in all shards: asked of shard 0. */
export async function takenNodeIds(db: D1Database, base: string): Promise<Set<string>> {
  const { results } = await db
    .prepare(
      ['nodes', 'node_directory']
        .map((table) => `SELECT id FROM ${table} WHERE id = ?1 OR (id >= ?1 || '-' AND id < ?1 || '.')`)
        .join(' UNION ALL '),
    )
    .bind(base)
    .all<{ id: string }>();
  return new Set(results.map((row) => row.id));
}

const COUNT_USE = `UPDATE enrolment_keys SET uses = uses + 1
  WHERE id = ?1 AND EXISTS (SELECT 1 FROM tokens WHERE id = ?2)`;
const SET_SITE = `INSERT INTO settings (subject, key, value, effective_from_ms, recorded_at_ms, recorded_by)
  SELECT 'node:' || node_number, 'site', ?2, ?3, ?4, ?5 FROM tokens WHERE id = ?1`;

/** Before the site is set: logs it with what held until then. */
const LOG_SITE = `INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?4, ?5, 'node:' || ?6, 'site',
    (SELECT json_quote(value) FROM settings WHERE subject = 'node:' || node_number AND key = 'site'
      AND effective_from_ms <= ?3 ORDER BY effective_from_ms DESC, id DESC LIMIT 1),
    json_quote(?2), ?3, NULL, 'enrolled with a key of this site' FROM tokens WHERE id = ?1`;

/** Before the node counts as expected again: from now on, not for the time that it was away. */
const LOG_RETURN = `INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?2, ?3, 'node:' || id, '${RETIRED_AT}', retired_at_ms, NULL, ?2, NULL, 'enrolled again'
  FROM nodes WHERE number = ?4 AND retired_at_ms IS NOT NULL AND EXISTS (SELECT 1 FROM tokens WHERE id = ?1)`;
const RECORD_RETURN = `INSERT INTO settings (subject, key, value, effective_from_ms, recorded_at_ms, recorded_by)
  SELECT 'node:' || number, '${RETIRED_AT}', '', ?2, ?2, ?3
  FROM nodes WHERE number = ?4 AND retired_at_ms IS NOT NULL AND EXISTS (SELECT 1 FROM tokens WHERE id = ?1)`;

const NEW_NODE = `
  INSERT INTO tokens (id, secret_sha256, scope, label, node_number, created_at_ms)
  SELECT ?3, ?4, 'ingest', ?5, (SELECT COALESCE(MAX(number), 0) + 1 FROM nodes), ?2
  WHERE ${KEY_IS_GOOD} AND NOT ${IS_IN_DIRECTORY('?5', '?6', '?7', '?8')} AND NOT EXISTS
    (SELECT 1 FROM nodes WHERE (id = ?5 OR fingerprint = ?6 OR machine_fingerprint = ?7)
     AND (id = ?5 OR ${IS_NEWS('?8')}))`;
const RESERVED_NODE = `
  INSERT INTO tokens (id, secret_sha256, scope, label, node_number, created_at_ms)
  SELECT ?1, ?2, 'ingest', ?3, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM nodes WHERE number = ?4)`;

/**
 * Makes a node of shard 0 of a host. False, with nothing stored, where the key is no longer good, the host became known, or
 * the node id was taken in the meantime. `newest`: by shard the highest number among nodes that look like it and are known
 * not to be it; any newer one that does is news.
 */
export async function insertNode(
  main: D1Database,
  key: StoredEnrolmentKey,
  host: HostIdentity,
  { nodeId, newest }: { readonly nodeId: string; readonly newest: readonly number[] },
  token: NodeToken,
  nowMs: number,
): Promise<boolean> {
  const first = main
    .prepare(NEW_NODE)
    .bind(
      key.id,
      nowMs,
      token.id,
      token.secretSha256,
      nodeId,
      host.fingerprint,
      host.machineFingerprint,
      JSON.stringify(newest),
    );
  return addNode(main, first, key, host, nodeId, token, nowMs);
}

/** Makes the node of another shard that was reserved for a host. False, with nothing stored, where it is there already. */
export async function insertReservedNode(
  db: D1Database,
  key: StoredEnrolmentKey,
  host: HostIdentity,
  { id: nodeId, number }: KnownHost,
  token: NodeToken,
  nowMs: number,
): Promise<boolean> {
  const first = db.prepare(RESERVED_NODE).bind(token.id, token.secretSha256, nodeId, number, nowMs);
  return addNode(db, first, key, host, nodeId, token, nowMs);
}

/** @param first inserts the token, and holds every condition */
async function addNode(
  db: D1Database,
  first: D1PreparedStatement,
  key: StoredEnrolmentKey,
  host: HostIdentity,
  nodeId: string,
  token: NodeToken,
  nowMs: number,
): Promise<boolean> {
  const [inserted] = await db.batch([
    first,
    db
      .prepare(
        `INSERT INTO nodes (number, id, hostname, labels, fingerprint, machine_fingerprint, enrolled_at_ms, simulated, agent_version)
         SELECT node_number, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8 FROM tokens WHERE id = ?1`,
      )
      .bind(
        token.id,
        nodeId,
        host.hostname,
        JSON.stringify(key.labels),
        host.fingerprint,
        host.machineFingerprint,
        nowMs,
        host.agentVersion,
      ),
    // For all time: what the node reports of the minutes before its enrolment needs a site too.
    db.prepare(LOG_SITE).bind(token.id, key.siteId, 0, nowMs, key.id, nodeId),
    db.prepare(SET_SITE).bind(token.id, key.siteId, 0, nowMs, key.id),
    db.prepare(COUNT_USE).bind(key.id, token.id),
  ]);
  return inserted?.meta.changes === 1;
}

/**
 * Gives a known host a new token and ends its old ones; number, id and the operator's labels stay, the key's labels are
 * added, and where the key names another site, the node stands there from now on. False, with nothing stored, where the
 * key is no longer good, which shard 0 alone can tell: for a node of another shard it was asked before.
 */
export async function replaceNodeToken(
  db: D1Database,
  key: StoredEnrolmentKey,
  host: HostIdentity,
  known: KnownHost,
  token: NodeToken,
  move: boolean,
  nowMs: number,
): Promise<boolean> {
  const statements = [
    db
      .prepare(
        `INSERT INTO tokens (id, secret_sha256, scope, label, node_number, created_at_ms)
         SELECT ?3, ?4, 'ingest', ?5, ?6, ?2 WHERE ${shardOfNode(known.number) === 0 ? KEY_IS_GOOD : '?1 = ?1'}`,
      )
      .bind(key.id, nowMs, token.id, token.secretSha256, known.id, known.number),
    db
      .prepare(
        `UPDATE tokens SET revoked_at_ms = ?3 WHERE node_number = ?2 AND id <> ?1 AND revoked_at_ms IS NULL
         AND EXISTS (SELECT 1 FROM tokens WHERE id = ?1)`,
      )
      .bind(token.id, known.number, nowMs),
    db.prepare(LOG_RETURN).bind(token.id, nowMs, key.id, known.number),
    db.prepare(RECORD_RETURN).bind(token.id, nowMs, key.id, known.number),
    db
      .prepare(
        `UPDATE nodes SET hostname = ?3, fingerprint = ?4, machine_fingerprint = ?5, agent_version = ?6,
         absences = CASE WHEN retired_at_ms IS NULL THEN absences
           ELSE json_insert(absences, '$[#]', json_array(retired_at_ms, CAST(?7 AS INTEGER))) END,
         retired_at_ms = NULL
         WHERE number = ?2 AND EXISTS (SELECT 1 FROM tokens WHERE id = ?1)`,
      )
      .bind(
        token.id,
        known.number,
        host.hostname,
        host.fingerprint,
        host.machineFingerprint,
        host.agentVersion,
        nowMs,
      ),
    ...changeLabels(
      db,
      { nodeNumbers: [known.number], merge: 'under', labels: key.labels, tokenId: token.id },
      { who: key.id, why: 'enrolled again' },
      nowMs,
    ),
    db.prepare(COUNT_USE).bind(key.id, token.id),
  ];
  if (move) {
    statements.push(
      db.prepare(LOG_SITE).bind(token.id, key.siteId, nowMs, nowMs, key.id, known.id),
      db.prepare(SET_SITE).bind(token.id, key.siteId, nowMs, nowMs, key.id),
    );
  }
  const [inserted] = await db.batch(statements);
  return inserted?.meta.changes === 1;
}
