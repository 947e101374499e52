import { eq } from 'drizzle-orm';
import { nodes, tokens } from '../schema/schema.ts';
import type { Database } from './database.ts';

export interface StoredToken {
  readonly id: string;
  readonly secretSha256: string;
  readonly scope: 'ingest' | 'read' | 'admin';
  readonly revokedAtMs: number | null;
  /** Scope `ingest` only. */
  readonly nodeNumber: number | null;
  readonly nodeId: string | null;
}

/** Null where no token has this id. */
export async function findToken(db: Database, id: string): Promise<StoredToken | null> {
  const row = await db
    .select({
      id: tokens.id,
      secretSha256: tokens.secretSha256,
      scope: tokens.scope,
      revokedAtMs: tokens.revokedAtMs,
      nodeNumber: tokens.nodeNumber,
      nodeId: nodes.id,
    })
    .from(tokens)
    .leftJoin(nodes, eq(nodes.number, tokens.nodeNumber))
    .where(eq(tokens.id, id))
    .get();
  return row ?? null;
}
