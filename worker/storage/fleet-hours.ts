/** Hours of nodes over all databases: one after the other, so that no more is held than of one. */
import { byKey } from './by-node.ts';
import type { HoursQuery } from './ledger-revisions.ts';
import { parseNodeHourKey } from './node-hour-key.ts';
import { type KeySpan, type NodeHour, readHourSpans, readNodeHours } from './node-hours.ts';
import { type Shards, shardOfNode } from './shards.ts';

/** Like `readNodeHours`. */
export async function* readFleetHours(shards: Shards, query: HoursQuery): AsyncGenerator<NodeHour> {
  const byShard = [...byKey(query.nodeNumbers, shardOfNode)].sort(([a], [b]) => a - b);
  for (const [shard, nodeNumbers] of byShard)
    yield* shards.stream(shard, (db) => readNodeHours(db, { ...query, nodeNumbers }));
}

/** Like `readHourSpans`; no span reaches from one shard into the next. */
export async function* readFleetSpans(shards: Shards, spans: readonly KeySpan[]): AsyncGenerator<NodeHour> {
  const shardOf = ({ first }: KeySpan) => shardOfNode(parseNodeHourKey(first).nodeNumber);
  for (const [shard, own] of byKey(spans, shardOf))
    yield* shards.stream(shard, (db) => readHourSpans(db, own));
}
