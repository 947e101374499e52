/** How large the benchmark's fleet is. */
export interface ScaleOptions {
  readonly nodes: number;
  /** Of them, those that report over HTTP. */
  readonly httpNodes: number;
  /** Databases. */
  readonly shards: number;
  /** Of those in bulk, the first that have power series: half a megabyte a day each. */
  readonly seriesNodes: number;
}

const FULL_NODES = 10_000;

/** Of hundred nodes one has power series. */
export function scaleOf(nodes = FULL_NODES, shards = 4, httpNodes = Math.ceil(nodes / 20)): ScaleOptions {
  return { nodes, httpNodes, shards, seriesNodes: Math.min(Math.ceil(nodes / 100), nodes - httpNodes) };
}

/** Whether the node has power series all day; over HTTP each has them in its hour. */
export const hasSeries = (node: number, { httpNodes, seriesNodes }: ScaleOptions) =>
  node >= httpNodes && node < httpNodes + seriesNodes;
