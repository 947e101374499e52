/** Reading the ledger: hours of many nodes by key range, in bounded pages. */

import type { HourLedger } from '../../shared/ledger/hour.ts';
import { decodeHour } from '../../shared/ledger/hour-codec.ts';
import type { EpochMs } from '../../shared/units.ts';
import { fromHex } from './hex.ts';
import { spansJson, within } from './key-spans.ts';
import { DaysReader, dayOfHour, selectDays } from './node-days.ts';
import { nodeHourKey, nodeHourKeyRange, parseNodeHourKey } from './node-hour-key.ts';

export interface NodeHour {
  readonly nodeNumber: number;
  readonly hourStartMs: EpochMs;
  readonly receivedAtMs: EpochMs;
  readonly ledger: HourLedger;
}

export interface KeySpan {
  readonly first: number;
  /** Exclusive. */
  readonly end: number;
}

/** Bounds the memory of one page of the answer: a row is about 1 kB, twice that in hex. */
const PAGE_ROWS = 2_000;
/** Likewise of days: 20 kB each in the page, twice that in hex. More than `PAGE_ROWS` hours of one node touch. */
const PAGE_DAYS = 256;

/** CROSS JOIN fixes the order of the loops, spans first; left alone, SQLite scans the whole table once for each span. */
const READ_HOURS = `
  SELECT hours.key AS key, hours.received_at_ms AS receivedAtMs, hex(hours.ledger) AS ledgerHex
  FROM json_each(?1) AS span
  CROSS JOIN node_hours AS hours
    ON hours.key >= span.value ->> 0 AND hours.key < span.value ->> 1
  ORDER BY hours.key`;

/**
 * Hours of the nodes that touch `[fromMs, toMs)`, by node number and then time. An hour may begin before `fromMs` or end
 * after `toMs`: the caller keeps to the windows it wants.
 */
export async function* readNodeHours(
  db: D1Database,
  query: { readonly nodeNumbers: readonly number[]; readonly fromMs: number; readonly toMs: number },
): AsyncGenerator<NodeHour> {
  const numbers = [...new Set(query.nodeNumbers)].sort((a, b) => a - b);
  yield* readHourSpans(
    db,
    numbers.map((number) => nodeHourKeyRange(number, query.fromMs, query.toMs)),
  );
}

interface HourRow {
  readonly key: number;
  readonly receivedAtMs: EpochMs;
  readonly ledgerHex: string;
}

/** Hours of spans that do not overlap, whether they have rows of their own, are in a day's or in a file. */
export async function* readHourSpans(db: D1Database, spans: readonly KeySpan[]): AsyncGenerator<NodeHour> {
  const ofDays = new DaysReader(db, spans);
  for (const page of pagesOf(spans)) {
    const read = await readPage(db, page);
    // An hour of each of many nodes may be a day of each.
    const [first, ...others] = read.days.length === 0 ? [page] : chunksOf(page);
    yield* await together(first!, read, ofDays);
    for (const chunk of others) yield* await together(chunk, await readPage(db, chunk), ofDays);
  }
}

interface Page {
  readonly own: readonly NodeHour[];
  /** Rows for `DaysReader`: those of the first `PAGE_DAYS` days at least. */
  readonly days: readonly unknown[];
}

async function readPage(db: D1Database, page: readonly KeySpan[]): Promise<Page> {
  const json = spansJson(page);
  const [rows, days] = await db.batch([db.prepare(READ_HOURS).bind(json), selectDays(db, page, PAGE_DAYS)]);
  const own = (rows!.results as HourRow[]).map(
    ({ key, receivedAtMs, ledgerHex }): NodeHour => ({
      ...parseNodeHourKey(key),
      receivedAtMs,
      ledger: decodeHour(fromHex(ledgerHex)),
    }),
  );
  return { own, days: days!.results };
}

/** By key; of two of one hour the one that has a row, else the later. @param spans of the page, or the first of them */
async function together(
  spans: readonly KeySpan[],
  { own, days }: Page,
  ofDays: DaysReader,
): Promise<readonly NodeHour[]> {
  if (days.length === 0) return own;
  const keyOf = ({ nodeNumber, hourStartMs }: NodeHour) => nodeHourKey(nodeNumber, hourStartMs);
  const hours = new Map((await ofDays.hoursOf(days, spans)).map((hour) => [keyOf(hour), hour]));
  for (const hour of own.filter(within(spans))) hours.set(keyOf(hour), hour);
  return [...hours].sort(([a], [b]) => a - b).map(([, hour]) => hour);
}

/** Spans in their order, those of `PAGE_DAYS` days at a time. */
function chunksOf(page: readonly KeySpan[]): KeySpan[][] {
  const chunks: KeySpan[][] = [];
  let room = 0;
  let lastDay = -1;
  for (const span of page) {
    const from = dayOfHour(span.first);
    const to = dayOfHour(span.end - 1);
    // Hours of one day may be spans of their own.
    const more = to - from + (from === lastDay ? 0 : 1);
    if (more > room) {
      chunks.push([]);
      room = PAGE_DAYS - (to - from + 1);
    } else room -= more;
    chunks.at(-1)!.push(span);
    lastDay = to;
  }
  return chunks;
}

/** Cuts spans so that no page can hold more than `PAGE_ROWS` rows, however full the table is. */
function* pagesOf(spans: readonly KeySpan[]): Generator<readonly KeySpan[]> {
  let page: KeySpan[] = [];
  let room = PAGE_ROWS;
  for (const { first, end } of spans) {
    for (let from = first; from < end; ) {
      const until = Math.min(end, from + room);
      page.push({ first: from, end: until });
      room -= until - from;
      from = until;
      if (room > 0) continue;
      yield page;
      page = [];
      room = PAGE_ROWS;
    }
  }
  if (page.length > 0) yield page;
}
