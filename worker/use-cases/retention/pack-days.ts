/** Hours whose series have left move into the row of their day, and are cut there in the end to what figures are made from. */
import { figuresOf } from '../../../shared/ledger/day-codec.ts';
import type { HourLedger } from '../../../shared/ledger/hour.ts';
import { DAY_MS, HOUR_MS } from '../../../shared/time/window.ts';
import { byKey } from '../../storage/by-node.ts';
import {
  type DayWrite,
  dayOfHour,
  newMark,
  nodeDayKey,
  readDays,
  type StoredDay,
  shortenDays,
  writeDays,
} from '../../storage/node-days.ts';
import { parseNodeHourKey } from '../../storage/node-hour-key.ts';
import type { KeySpan } from '../../storage/node-hours.ts';
import { deletePacked, dropSeries, type HourRow, readHourRows } from '../../storage/retention-hours.ts';

/** D1 takes a value of 2 MB, and a day is sent in hex. What a host of hundreds of jobs has beyond it keeps its rows. */
const MAX_DAY_BYTES = 900_000;

interface Packed {
  readonly hours: number;
  readonly statements: readonly D1PreparedStatement[];
}

/**
 * Statements that move the hours of the spans which have not changed since `unchangedSinceMs`: one row written per day, and
 * one per hour. Their series are gone with them, and those of an hour that keeps its row.
 * @param isCut whether the hour with this key is kept as figures alone
 */
export async function packHours(
  db: D1Database,
  spans: readonly KeySpan[],
  unchangedSinceMs: number,
  isCut: (hourKey: number) => boolean,
): Promise<Packed> {
  // Days first: an hour that another run moves in between is then in neither, and this run's write is refused.
  const stored = new Map(
    (await readDays(db, spans)).map((day) => [nodeDayKey(day.nodeNumber, day.day), day]),
  );
  const rows = await readHourRows(db, spans, unchangedSinceMs);
  if (rows.length === 0) return { hours: 0, statements: [] };
  const byDay = byKey(rows, ({ key }) => dayOfHour(key));
  const writes = [...byDay].flatMap(([dayKey, ofDay]) => {
    const before = stored.get(dayKey);
    const moved = fitting(before, ofDay);
    return moved.length === 0 ? [] : [{ dayKey, rows: moved, write: dayWith(before, moved, isCut) }];
  });
  return {
    hours: rows.length,
    statements: [
      ...writeDays(
        db,
        writes.map(({ write }) => write),
      ),
      deletePacked(
        db,
        writes.map(({ dayKey, write, rows: moved }) => ({ dayKey, mark: write.mark, rows: moved })),
        unchangedSinceMs,
      ),
      // Of what keeps its row.
      dropSeries(db, rows),
    ],
  };
}

/** The first of these hours that a day has room for beside what it holds: together they take less than one by one. */
function fitting(stored: StoredDay | undefined, rows: readonly HourRow[]): HourRow[] {
  const moved: HourRow[] = [];
  let bytes = stored?.bytes ?? 0;
  for (const row of rows) {
    bytes += row.ledgerBytes;
    if (bytes > MAX_DAY_BYTES) break;
    moved.push(row);
  }
  return moved;
}

function dayWith(
  stored: StoredDay | undefined,
  rows: readonly HourRow[],
  isCut: (hourKey: number) => boolean,
): DayWrite {
  const hours = new Map<number, HourLedger>(stored?.hours);
  for (const { key, ledger } of rows)
    hours.set(
      (parseNodeHourKey(key).hourStartMs % DAY_MS) / HOUR_MS,
      isCut(key) ? figuresOf(ledger) : ledger,
    );
  const { nodeNumber, hourStartMs } = parseNodeHourKey(rows[0]!.key);
  const receivedAtMs = Math.max(stored?.receivedAtMs ?? 0, ...rows.map((row) => row.receivedAtMs));
  const day = { nodeNumber, day: Math.floor(hourStartMs / DAY_MS), receivedAtMs, hours };
  return { day, before: stored?.mark ?? null, mark: newMark() };
}

/** Statements that cut the days of the spans: two rows written per day. */
export async function cutDays(db: D1Database, spans: readonly KeySpan[]): Promise<Packed> {
  const days = await readDays(db, spans);
  const writes = days.map((day): DayWrite => {
    const hours = new Map([...day.hours].map(([hour, ledger]) => [hour, figuresOf(ledger)]));
    return { day: { ...day, hours }, before: day.mark, mark: newMark() };
  });
  return { hours: days.reduce((sum, { hours }) => sum + hours.size, 0), statements: shortenDays(db, writes) };
}
