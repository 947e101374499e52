/** Spans of keys of `node_hours`, each of one node. */
import { byKey } from './by-node.ts';
import { nodeHourKey, parseNodeHourKey } from './node-hour-key.ts';
import type { KeySpan, NodeHour } from './node-hours.ts';

/** Whether an hour is in one of them. */
export function within(
  spans: readonly KeySpan[],
): (hour: Pick<NodeHour, 'nodeNumber' | 'hourStartMs'>) => boolean {
  const byNode = byKey(spans, ({ first }) => parseNodeHourKey(first).nodeNumber);
  return ({ nodeNumber, hourStartMs }) => {
    const key = nodeHourKey(nodeNumber, hourStartMs);
    return (byNode.get(nodeNumber) ?? []).some(({ first, end }) => key >= first && key < end);
  };
}
