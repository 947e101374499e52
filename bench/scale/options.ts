/** How large the benchmark's fleet is. */
import { HOURS } from './truth.ts';

export interface ScaleOptions {
  readonly nodes: number;
  /** Of them, those that enrol and report over HTTP; the others are written in bulk. */
  readonly httpNodes: number;
  /** Databases. */
  readonly shards: number;
  /** Of those in bulk, the first that have power series: half a megabyte a day each. */
  readonly seriesNodes: number;
  /** Of the day, the last ones, in which the fleet is there. */
  readonly hours: number;
}

const FULL_NODES = 10_000;

/** Of hundred nodes one has power series. */
export function scaleOf(
  nodes = FULL_NODES,
  shards = 4,
  httpNodes = Math.ceil(nodes / 20),
  hours = HOURS,
): ScaleOptions {
  const seriesNodes = Math.min(Math.ceil(nodes / 100), nodes - httpNodes);
  return { nodes, httpNodes, shards, seriesNodes, hours };
}

export const firstHourOf = ({ hours }: ScaleOptions) => HOURS - hours;

/** Whether the node has power series all day; over HTTP each has them in its hour. */
export const hasSeries = (node: number, { httpNodes, seriesNodes }: ScaleOptions) =>
  node >= httpNodes && node < httpNodes + seriesNodes;
