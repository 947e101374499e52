import { and, asc, eq, gt, isNull } from 'drizzle-orm';
import { nodes, tokens } from '../schema/schema.ts';
import { type Database, openDatabase } from './database.ts';
import type { Shards } from './shards.ts';
import { shardOfToken } from './token-shard.ts';

export interface StoredToken {
  readonly id: string;
  readonly secretSha256: string;
  readonly scope: 'ingest' | 'read' | 'admin';
  readonly label: string;
  readonly createdAtMs: number;
  readonly revokedAtMs: number | null;
  /** Scope `ingest` only. */
  readonly nodeNumber: number | null;
  readonly nodeId: string | null;
  /** Scope `read`: the only projects that it may see; null: all there is. */
  readonly projects: readonly string[] | null;
}

const selectTokens = (db: Database) =>
  db
    .select({
      id: tokens.id,
      secretSha256: tokens.secretSha256,
      scope: tokens.scope,
      label: tokens.label,
      createdAtMs: tokens.createdAtMs,
      revokedAtMs: tokens.revokedAtMs,
      nodeNumber: tokens.nodeNumber,
      nodeId: nodes.id,
      projects: tokens.projects,
    })
    .from(tokens)
    .leftJoin(nodes, eq(nodes.number, tokens.nodeNumber));

/** Null where no token has this id, or where it names a database that there is not. */
export async function findToken(shards: Shards, id: string): Promise<StoredToken | null> {
  const shard = shardOfToken(id);
  if (shard >= shards.count) return null;
  return (
    (await selectTokens(openDatabase(shards.at(shard)))
      .where(eq(tokens.id, id))
      .get()) ?? null
  );
}

/** By id, `after` it where given. */
export async function listTokens(shards: Shards, limit: number, after = ''): Promise<StoredToken[]> {
  const found = await shards.rows((db) =>
    selectTokens(openDatabase(db)).where(gt(tokens.id, after)).orderBy(asc(tokens.id)).limit(limit).all(),
  );
  return found.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
}

/** Of people and programs: they stand in shard 0. */
export async function insertToken(db: Database, token: typeof tokens.$inferInsert): Promise<void> {
  await db.insert(tokens).values(token);
}

/** Keeps the first date where it was revoked before. */
export async function revokeToken(shards: Shards, id: string, nowMs: number): Promise<void> {
  await openDatabase(shards.at(shardOfToken(id)))
    .update(tokens)
    .set({ revokedAtMs: nowMs })
    .where(and(eq(tokens.id, id), isNull(tokens.revokedAtMs)));
}
