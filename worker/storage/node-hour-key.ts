/** The integer key of `node_hours`: node number * 2^21 + whole hours since 1970 (2^21 hours last until 2209). */
import { HOUR_MS, hourStart } from '../../shared/time/window.ts';
import { type EpochMs, epochMs } from '../../shared/units.ts';

const HOURS = 2 ** 21;

export function nodeHourKey(nodeNumber: number, instantMs: number): number {
  return nodeNumber * HOURS + hourStart(instantMs) / HOUR_MS;
}

export function parseNodeHourKey(key: number): { nodeNumber: number; hourStartMs: EpochMs } {
  return { nodeNumber: Math.floor(key / HOURS), hourStartMs: epochMs((key % HOURS) * HOUR_MS) };
}

/** Keys of one node's hours that touch `[fromMs, toMs)`, as `[first, end)`. */
export function nodeHourKeyRange(
  nodeNumber: number,
  fromMs: number,
  toMs: number,
): { first: number; end: number } {
  return { first: nodeHourKey(nodeNumber, fromMs), end: nodeNumber * HOURS + Math.ceil(toMs / HOUR_MS) };
}

/** SQL: when the newest change of the newest hour of node `number` arrived, one row read whatever its history; null before the first. */
export const lastReportAtMs = (number: string): string => `(
    SELECT received_at_ms FROM node_hours
    WHERE key >= ${number} * ${HOURS} AND key < (${number} + 1) * ${HOURS} ORDER BY key DESC LIMIT 1)`;
