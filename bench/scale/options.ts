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

export const FULL_NODES = 10_000;

/** One node in twenty over HTTP, and as many with power series. */
export function scaleOf(nodes: number, shards: number): ScaleOptions {
  const twentieth = Math.ceil(nodes / 20);
  return { nodes, httpNodes: twentieth, shards, seriesNodes: twentieth };
}

/** Whether the node has power series all day; over HTTP each has them in its hour. */
export const hasSeries = (node: number, { httpNodes, seriesNodes }: ScaleOptions) =>
  node >= httpNodes && node < httpNodes + seriesNodes;
