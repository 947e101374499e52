/** What one turn of retention works with, and one step of it is about: a UTC day of nodes whose numbers follow each other. */

import type { RetentionSettings } from '../../../shared/settings/retention.ts';
import { DAY_MS } from '../../../shared/time/window.ts';
import type { Dataset, Part } from '../../storage/archive.ts';
import { nodeHourKeyRange, parseNodeHourKey } from '../../storage/node-hour-key.ts';
import type { KeySpan } from '../../storage/node-hours.ts';
import type { RetentionTask } from '../../storage/retention-tasks.ts';
import { localNode, shardOfNode } from '../../storage/shards.ts';

export interface Retention {
  readonly db: D1Database;
  /** Null where the operator has no archive. */
  readonly bucket: R2Bucket | null;
  readonly settings: RetentionSettings;
  readonly nowMs: number;
}

/** Nodes whose day is one file of series: 800,000 samples at one a second, half a second of CPU. */
export const SERIES_NODES = 1;
/** Nodes whose day is one file of windows: some 80,000 rows of nine devices each. */
export const WINDOW_NODES = 32;

export interface DayNodes {
  /** Whole days since 1970. */
  readonly day: number;
  /** Node numbers. */
  readonly nodes: KeySpan;
}

/** The block of `size` numbers that holds the node; blocks never change, so neither do the names of their files. */
export function blockOf(nodeNumber: number, size: number): KeySpan {
  const first = Math.floor(nodeNumber / size) * size;
  return { first, end: first + size };
}

/** A key range for each node. */
export function spansOf({ day, nodes }: DayNodes): KeySpan[] {
  return Array.from({ length: nodes.end - nodes.first }, (_, index) =>
    nodeHourKeyRange(nodes.first + index, day * DAY_MS, (day + 1) * DAY_MS),
  );
}

/** The numbers of the first and the last node within their shard. */
export function partName({ nodes }: DayNodes): string {
  const first = localNode(nodes.first);
  return `${padded(first)}-${padded(first + nodes.end - nodes.first - 1)}`;
}

/** How names of files begin that hold what came after the first of these nodes; ids follow. */
export const lateName = (block: DayNodes): string => `late-${partName(block)}-`;

export function numbered(
  dataset: Dataset,
  { day, nodes }: DayNodes,
  name: string,
  files: readonly Uint8Array[],
): Part[] {
  const shard = shardOfNode(nodes.first);
  return files.map((bytes, index) => ({ dataset, day, shard, name: `${name}-${index}`, bytes }));
}

/** Whether the task is past this hour. */
export function isPast(task: RetentionTask, key: number): boolean {
  const { nodeNumber, hourStartMs } = parseNodeHourKey(key);
  const day = Math.floor(hourStartMs / DAY_MS);
  return day < task.day || (day === task.day && localNode(nodeNumber) < task.position);
}

const padded = (number: number) => String(number).padStart(8, '0');
