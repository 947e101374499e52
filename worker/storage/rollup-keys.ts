/** Integer keys of the rollups; computed here, since D1 binds numbers as REAL. */
import { LABEL_TABLES, type LabelTable } from '../../shared/rollup/label-sums.ts';
import { HOURS_PER_DAY } from '../../shared/time/window.ts';
import { localNode, NODES_PER_SHARD } from './shards.ts';

/** Nodes whose numbers follow each other and that are summed together: what a change of one of them sums again. */
export const BLOCK_NODES = 64;
/** Of all numbers that a shard gives out. */
const BLOCKS = NODES_PER_SHARD / BLOCK_NODES;
/** 2^15 days since 1970 last until 2059. */
export const DAYS = 2 ** 15;
/** Keys of one day; those of blocks come first. */
export const MARKS_PER_DAY = 2 ** 15;
const SUM_MARK = BLOCKS;
export const RANGE_MARK = MARKS_PER_DAY - 1;

/** Blocks count within the shard. */
export const blockOfNode = (nodeNumber: number): number => Math.floor(localNode(nodeNumber) / BLOCK_NODES);

/** 0 to 63. */
export const placeInBlock = (nodeNumber: number): number => localNode(nodeNumber) % BLOCK_NODES;

export const dayOf = (hour: number): number => Math.floor(hour / HOURS_PER_DAY);

export const blockKey = (hour: number, block: number): number => hour * BLOCKS + block;
export const hourOfBlockKey = (key: number): number => Math.floor(key / BLOCKS);

export const dayKey = (group: number, day: number): number => group * DAYS + day;
export const parseDayKey = (key: number) => ({ group: Math.floor(key / DAYS), day: key % DAYS });

/** Rows of one block and day, each within the bound of a value: a node of many short jobs fills more than its share. */
const PARTS = 2 ** 8;

/** @throws RangeError for a part that would be a row of the next block */
export function blockDayKey(day: number, block: number, part = 0): number {
  if (part >= PARTS)
    throw new RangeError(`a day of sums takes more than the ${PARTS} rows that there is room for`);
  return (day * BLOCKS + block) * PARTS + part;
}
/** Among the rows of a day the last, where no database has nodes. */
export const labelBlock = (table: LabelTable): number =>
  BLOCKS - LABEL_TABLES.length + LABEL_TABLES.indexOf(table);
export const endOfBlockDay = (day: number, block: number): number => blockDayKey(day, block) + PARTS;
export const dayOfBlockDayKey = (key: number): number => Math.floor(key / (BLOCKS * PARTS));

/** What is marked: a block of nodes, or one after the other of all blocks, then the sums of all, then their sums by label. */
export type Marked = number | 'range' | 'sum' | 'labels';

/** Those by label are apart, below 0: they wait for nobody, and nobody for them. */
export function markKey(day: number, block: Marked): number {
  if (block === 'labels') return -1 - day;
  const place = block === 'sum' ? SUM_MARK : block === 'range' ? RANGE_MARK : block;
  return day * MARKS_PER_DAY + place;
}

export function parseMarkKey(key: number): { readonly day: number; readonly block: Marked } {
  if (key < 0) return { day: -1 - key, block: 'labels' };
  const place = key % MARKS_PER_DAY;
  const block = place === SUM_MARK ? 'sum' : place === RANGE_MARK ? 'range' : place;
  return { day: Math.floor(key / MARKS_PER_DAY), block };
}

/** Bits of the hours `[fromHour, toHour)` that lie in the day. */
export function hourBits(day: number, fromHour: number, toHour: number): number {
  let bits = 0;
  for (let hour = 0; hour < HOURS_PER_DAY; hour++) {
    const absolute = day * HOURS_PER_DAY + hour;
    if (absolute >= fromHour && absolute < toHour) bits |= 1 << hour;
  }
  return bits;
}

/** Hours since 1970 of a day's bits. */
export function hoursOf(day: number, bits: number): number[] {
  return Array.from({ length: HOURS_PER_DAY }, (_, hour) => hour)
    .filter((hour) => (bits >> hour) & 1)
    .map((hour) => day * HOURS_PER_DAY + hour);
}
