/** Spans of keys. */
import { byKey } from './by-node.ts';
import { nodeHourKey, parseNodeHourKey } from './node-hour-key.ts';
import type { KeySpan, NodeHour } from './node-hours.ts';

/** For `json_each`, each as `[first, end]`. */
export const spansJson = (spans: readonly KeySpan[]): string =>
  JSON.stringify(spans.map(({ first, end }) => [first, end]));

/** The same keys in spans that do not overlap. */
export function united(spans: readonly KeySpan[]): KeySpan[] {
  const apart: { first: number; end: number }[] = [];
  for (const { first, end } of [...spans].sort((a, b) => a.first - b.first)) {
    const before = apart.at(-1);
    if (before && first <= before.end) before.end = Math.max(before.end, end);
    else apart.push({ first, end });
  }
  return apart;
}

/** Whether an hour is in one of these spans of `node_hours`, each of one node. */
export function within(
  spans: readonly KeySpan[],
): (hour: Pick<NodeHour, 'nodeNumber' | 'hourStartMs'>) => boolean {
  const byNode = byKey(spans, ({ first }) => parseNodeHourKey(first).nodeNumber);
  return ({ nodeNumber, hourStartMs }) => {
    const key = nodeHourKey(nodeNumber, hourStartMs);
    return (byNode.get(nodeNumber) ?? []).some(({ first, end }) => key >= first && key < end);
  };
}
