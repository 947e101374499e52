/** A node's token stands in the node's database, and its id says in which: a report asks no other. */
import { MAX_SHARDS } from '../../shared/settings/shards.ts';

/** Those of shard 0, and of people and programs, are 12 random characters. */
const OF_SHARD = /^s(\d\d)[a-z0-9]{12}$/;

export const tokenPrefix = (shard: number): string =>
  shard === 0 ? '' : `s${String(shard).padStart(2, '0')}`;

export function shardOfToken(tokenId: string): number {
  const shard = Number(OF_SHARD.exec(tokenId)?.[1] ?? 0);
  return shard < MAX_SHARDS ? shard : 0;
}
