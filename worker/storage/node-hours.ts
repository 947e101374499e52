/** Reading the ledger: a node's hours by key range, in bounded pages. */

import type { HourLedger } from '../../shared/ledger/hour.ts';
import { decodeHour } from '../../shared/ledger/hour-codec.ts';
import type { EpochMs } from '../../shared/units.ts';
import { fromHex } from './hex.ts';
import { nodeHourKeyRange, parseNodeHourKey } from './node-hour-key.ts';

export interface NodeHour {
  readonly nodeNumber: number;
  readonly hourStartMs: EpochMs;
  readonly receivedAtMs: EpochMs;
  readonly ledger: HourLedger;
}

/** Bounds the memory of one answer page: a row is about 1 kB, twice that in hex. */
const PAGE_ROWS = 2_000;

const READ_HOURS = `
  SELECT hours.key AS key, hours.received_at_ms AS receivedAtMs, hex(hours.ledger) AS ledgerHex
  FROM json_each(?1) AS span
  JOIN node_hours AS hours
    ON hours.key >= span.value ->> 0 AND hours.key < span.value ->> 1
  WHERE hours.key > ?2
  ORDER BY hours.key
  LIMIT ?3`;

/**
 * Hours of the nodes that touch `[fromMs, toMs)`, by node number and then time. An hour may begin before `fromMs` or end
 * after `toMs`: the caller keeps to the windows it wants.
 */
export async function* readNodeHours(
  db: D1Database,
  query: { readonly nodeNumbers: readonly number[]; readonly fromMs: number; readonly toMs: number },
): AsyncGenerator<NodeHour> {
  const numbers = [...new Set(query.nodeNumbers)].sort((a, b) => a - b);
  const spans = JSON.stringify(
    numbers
      .map((number) => nodeHourKeyRange(number, query.fromMs, query.toMs))
      .map(({ first, end }) => [first, end]),
  );
  let after = -1;
  for (;;) {
    const { results } = await db
      .prepare(READ_HOURS)
      .bind(spans, after, PAGE_ROWS)
      .all<{ key: number; receivedAtMs: EpochMs; ledgerHex: string }>();
    for (const { key, receivedAtMs, ledgerHex } of results) {
      yield { ...parseNodeHourKey(key), receivedAtMs, ledger: decodeHour(fromHex(ledgerHex)) };
    }
    if (results.length < PAGE_ROWS) return;
    after = results.at(-1)!.key;
  }
}
