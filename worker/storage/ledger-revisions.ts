/** Hours of the ledger as they were known at an earlier instant. */
import { ALL_KNOWN, allAsKnownAt } from '../../shared/audit/as-known.ts';
import type { TimeSpan } from '../../shared/emissions/presence.ts';
import { decodeHour } from '../../shared/ledger/hour-codec.ts';
import { fromHex } from './hex.ts';
import { nodeHourKey, nodeHourKeyRange, parseNodeHourKey } from './node-hour-key.ts';
import { type NodeHour, readHourSpans } from './node-hours.ts';

export type KnownHour = Omit<NodeHour, 'receivedAtMs'>;

export interface HoursQuery {
  readonly nodeNumbers: readonly number[];
  readonly fromMs: number;
  readonly toMs: number;
}

/** The earliest old side of each hour: with MIN, SQLite takes the other columns from that row. */
const READ_REVISIONS = `
  SELECT r.hour_key AS hourKey, MIN(r.id) AS id, r.recorded_at_ms AS recordedAtMs, hex(r.old_ledger) AS oldHex,
         r.old_ledger IS NULL AS wasEmpty
  FROM json_each(?1) AS span
  CROSS JOIN ledger_revisions AS r ON r.hour_key >= span.value ->> 0 AND r.hour_key < span.value ->> 1
  WHERE r.recorded_at_ms > ?2
  GROUP BY r.hour_key`;

interface RevisionRow {
  readonly hourKey: number;
  readonly recordedAtMs: number;
  readonly oldHex: string;
  readonly wasEmpty: number;
}

/**
 * Like `readNodeHours`, as it was known at `knownAtMs`: exact for hours that had settled by then; a later one holds what
 * was known when it settled. Hours are read first: one that changes in between is then found among the revisions.
 */
export function readHoursAsKnown(
  db: D1Database,
  { nodeNumbers, ...span }: HoursQuery,
  knownAtMs: number,
): Promise<KnownHour[]> {
  return readSpansAsKnown(db, nodeNumbers, [span], knownAtMs);
}

/** The same of several spans at once, in order of time, which have no hour in common. */
export async function readSpansAsKnown(
  db: D1Database,
  nodeNumbers: readonly number[],
  times: readonly TimeSpan[],
  knownAtMs: number,
): Promise<KnownHour[]> {
  const numbers = [...new Set(nodeNumbers)].sort((a, b) => a - b);
  const spans = numbers.flatMap((number) =>
    times.map(({ fromMs, toMs }) => nodeHourKeyRange(number, fromMs, toMs)),
  );
  const current = new Map<string, KnownHour>();
  for await (const hour of readHourSpans(db, spans))
    current.set(String(nodeHourKey(hour.nodeNumber, hour.hourStartMs)), hour);
  if (knownAtMs === ALL_KNOWN) return [...current.values()];
  const { results } = await db
    .prepare(READ_REVISIONS)
    .bind(JSON.stringify(spans.map(({ first, end }) => [first, end])), knownAtMs)
    .all<RevisionRow>();
  const changes = results.map(({ hourKey, recordedAtMs, oldHex, wasEmpty }) => ({
    key: String(hourKey),
    recordedAtMs,
    old: wasEmpty ? null : toHour(hourKey, oldHex),
  }));
  return allAsKnownAt(current, changes, knownAtMs);
}

function toHour(hourKey: number, oldHex: string): KnownHour {
  return { ...parseNodeHourKey(hourKey), ledger: decodeHour(fromHex(oldHex)) };
}
