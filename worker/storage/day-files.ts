/**
 * Days of the ledger that lie in the bucket: those of 64 nodes in one object, and a row of `day_files` that says which object
 * counts. An object is never written again: what changes gets another name, and counts once the row says so.
 */
import { decodeDay } from '../../shared/ledger/day-codec.ts';
import {
  type DayFile,
  decodeFiledDays,
  decodePlaces,
  type FiledDay,
  type FilePlace,
} from '../../shared/ledger/day-file.ts';
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import { epochMs } from '../../shared/units.ts';
import { folderOf } from './archive.ts';
import { needAttic } from './attic.ts';
import { fromHex, toHex } from './hex.ts';
import { united, within } from './key-spans.ts';
import { parseNodeHourKey } from './node-hour-key.ts';
import type { KeySpan, NodeHour } from './node-hours.ts';
import { BLOCK_NODES, blockOfNode } from './rollup-keys.ts';
import { firstNodeOf, shardOfNode } from './shards.ts';

/** Days since 1970 that a key has room for. */
const DAYS = 2 ** 15;

export const dayFileKey = (block: number, day: number): number => block * DAYS + day;

/** SQL: columns of a row of `day_files` as this module takes them; `files` is the table. */
export const FILE_COLUMNS = 'files.key AS key, files.mark AS mark, hex(files.places) AS hex';

export interface DayFileRow {
  readonly key: number;
  readonly mark: number;
  /** Of `places`. */
  readonly hex: string;
}

/** Keys of the files that may hold hours of these spans. @param spans of keys of `node_hours`, each of one node */
export function fileSpans(spans: readonly KeySpan[]): KeySpan[] {
  return united(
    spans.map(({ first, end }) => {
      const block = blockOfNode(parseNodeHourKey(first).nodeNumber);
      return {
        first: dayFileKey(block, dayOfHour(first)),
        end: dayFileKey(block, dayOfHour(end - 1)) + 1,
      };
    }),
  );
}

const dayOfHour = (hourKey: number) => Math.floor(parseNodeHourKey(hourKey).hourStartMs / DAY_MS);

interface NodeDayPlace extends FilePlace {
  readonly name: string;
  readonly nodeNumber: number;
  readonly day: number;
}

/** Days of nodes in files, as one reader comes past them: an object is asked once for all that the reader wants of it. */
export class FiledDays {
  readonly #db: D1Database;
  readonly #shard: number;
  readonly #spans: ReadonlyMap<number, readonly KeySpan[]>;
  readonly #read = new Map<string, FiledDay>();

  /** @param spans all that the reader is going to ask for, in order of their keys; keys of `node_hours`, each of one node */
  constructor(db: D1Database, spans: readonly KeySpan[]) {
    this.#db = db;
    this.#shard = spans[0] === undefined ? 0 : shardOfNode(parseNodeHourKey(spans[0].first).nodeNumber);
    this.#spans = spansByNode(spans);
  }

  /** Hours of these spans. @param rows that `fileSpans` of the spans found, and of others */
  async hoursOf(rows: readonly DayFileRow[], spans: readonly KeySpan[]): Promise<NodeHour[]> {
    const now = spansByNode(spans);
    const firstNode = Math.min(...now.keys());
    const lastNode = Math.max(...now.keys());
    const isAsked = within(spans);
    const places = rows
      .map((row) => placesIn(row, this.#shard))
      .filter((ofFile) => ofFile.some((place) => isWithin(place, now)))
      .flat();
    await this.#fetch(
      places.filter((place) => place.nodeNumber >= firstNode && isWithin(place, this.#spans)),
    );
    return places
      .filter((place) => isWithin(place, now))
      .flatMap((place) => {
        const filed = this.#read.get(idOf(place))!;
        // The reader has done with nodes before its last: a page may end within a day of that one.
        if (place.nodeNumber < lastNode) this.#read.delete(idOf(place));
        return toHours(place, filed).filter(isAsked);
      });
  }

  async #fetch(wanted: readonly NodeDayPlace[]): Promise<void> {
    const missing = wanted.filter((place) => !this.#read.has(idOf(place)));
    if (missing.length === 0) return;
    const found = await needAttic(this.#db).read(missing);
    missing.forEach((place, index) => {
      this.#read.set(idOf(place), decodeFiledDays(found[index]!)[0]!);
    });
  }
}

const idOf = ({ name, place }: NodeDayPlace) => `${name} ${place}`;

function placesIn({ key, mark, hex }: DayFileRow, shard: number): NodeDayPlace[] {
  const block = Math.floor(key / DAYS);
  const day = key % DAYS;
  const name = nameOf({ shard, block, day, mark });
  const firstNode = firstNodeOf(shard) + block * BLOCK_NODES;
  return decodePlaces(fromHex(hex)).map((place) => ({
    ...place,
    name,
    nodeNumber: firstNode + place.place,
    day,
  }));
}

function spansByNode(spans: readonly KeySpan[]): Map<number, KeySpan[]> {
  const byNode = new Map<number, KeySpan[]>();
  for (const { first, end } of spans) {
    const { nodeNumber } = parseNodeHourKey(first);
    const days = byNode.get(nodeNumber) ?? [];
    byNode.set(nodeNumber, days);
    days.push({ first: dayOfHour(first), end: dayOfHour(end - 1) + 1 });
  }
  return byNode;
}

/** @param spans of days, by node */
const isWithin = ({ nodeNumber, day }: NodeDayPlace, spans: ReadonlyMap<number, readonly KeySpan[]>) =>
  (spans.get(nodeNumber) ?? []).some(({ first, end }) => day >= first && day < end);

const toHours = ({ nodeNumber, day }: NodeDayPlace, { receivedAtMs, hours }: FiledDay): NodeHour[] =>
  [...decodeDay(hours)].map(([hour, ledger]) => ({
    nodeNumber,
    hourStartMs: epochMs(day * DAY_MS + hour * HOUR_MS),
    receivedAtMs: epochMs(receivedAtMs),
    ledger,
  }));

export interface BlockDay {
  readonly shard: number;
  readonly block: number;
  /** Whole days since 1970. */
  readonly day: number;
}

const nameOf = ({ shard, block, day, mark }: BlockDay & { readonly mark: number }) =>
  `${folderOf('days', day, shard)}block-${String(block).padStart(6, '0')}-${mark.toString(16).padStart(8, '0')}.bin`;

/** A row of `node_days`, its hours as they are. */
export interface PackedDay extends FiledDay {
  readonly key: number;
  readonly mark: number;
}

const READ_FILE = `SELECT ${FILE_COLUMNS} FROM day_files AS files WHERE files.key = ?1`;

const READ_PACKED = `
  SELECT days.key AS key, days.mark AS mark, days.received_at_ms AS receivedAtMs, hex(days.hours) AS hex
  FROM json_each(?1) AS day CROSS JOIN node_days AS days ON days.key = day.value ORDER BY days.key`;

/** What a block's day is in now: its file, and rows of nodes that are in none, or changed since. */
export async function readBlockDay(db: D1Database, of: BlockDay) {
  const firstNode = firstNodeOf(of.shard) + of.block * BLOCK_NODES;
  const keys = Array.from({ length: BLOCK_NODES }, (_, place) => (firstNode + place) * DAYS + of.day);
  const [file, packed] = await db.batch<unknown>([
    db.prepare(READ_FILE).bind(dayFileKey(of.block, of.day)),
    db.prepare(READ_PACKED).bind(JSON.stringify(keys)),
  ]);
  const rows = packed!.results as { key: number; mark: number; receivedAtMs: number; hex: string }[];
  return {
    file: (file!.results as DayFileRow[])[0] ?? null,
    packed: rows.map(
      ({ hex, ...row }): PackedDay => ({
        ...row,
        place: Math.floor(row.key / DAYS) - firstNode,
        hours: fromHex(hex),
      }),
    ),
  };
}

/** All days of the file. */
export async function readDayFile(db: D1Database, of: BlockDay, { mark }: DayFileRow): Promise<FiledDay[]> {
  return decodeFiledDays(await needAttic(db).readWhole(nameOf({ ...of, mark })));
}

/** Puts the file into the bucket, where it counts for nothing yet. */
export async function putDayFile(
  db: D1Database,
  of: BlockDay,
  mark: number,
  bytes: Uint8Array,
): Promise<void> {
  await needAttic(db).write(nameOf({ ...of, mark }), bytes);
}

/** A day whose hours have left by their age does not come back by a run that read it before. */
const FIRST_TIME = `
  INSERT INTO day_files (key, mark, hours, places)
  SELECT ?1, ?2, ?3, unhex(?4)
  WHERE NOT EXISTS (SELECT 1 FROM retention_tasks AS gone
    WHERE gone.task = 'hours' AND (gone.day > ?5 OR (gone.day = ?5 AND gone.position > ?6)))
  ON CONFLICT (key) DO NOTHING`;

const AGAIN = 'UPDATE day_files SET mark = ?2, hours = ?3, places = unhex(?4) WHERE key = ?1 AND mark = ?5';

const STANDS = 'EXISTS (SELECT 1 FROM day_files WHERE day_files.key = ?2 AND day_files.mark = ?3)';

const DELETE_FILED = `
  DELETE FROM node_days WHERE ${STANDS} AND key IN (
    SELECT days.key FROM json_each(?1) AS seen
    CROSS JOIN node_days AS days ON days.key = seen.value ->> 0 AND days.mark = seen.value ->> 1)`;

/** Where the oldest day of a node is: written once in its life, but where older days follow. */
const NOTE_FIRST = `
  UPDATE nodes SET first_filed_day = ?4
  WHERE ${STANDS} AND number IN (SELECT value ->> 0 >> 15 FROM json_each(?1))
    AND (first_filed_day IS NULL OR first_filed_day > ?4)`;

export interface DayFileWrite {
  readonly of: BlockDay;
  /** Of the file as it was read; null: there was none. */
  readonly before: number | null;
  /** Of the file as it was put. */
  readonly mark: number;
  readonly file: DayFile;
  /** Rows that the file holds. */
  readonly packed: readonly PackedDay[];
}

/**
 * Makes a file count in place of the rows that it holds: a row written for each, and one for the file. Nothing of it happens where
 * another run has written the file since it was read, and a row stays that changed since.
 */
export function countDayFile(
  db: D1Database,
  { of, before, mark, file, packed }: DayFileWrite,
): D1PreparedStatement[] {
  const key = dayFileKey(of.block, of.day);
  const places = toHex(file.places);
  const seen = JSON.stringify(packed.map((row) => [row.key, row.mark]));
  return [
    before === null
      ? db.prepare(FIRST_TIME).bind(key, mark, file.hours, places, of.day, of.block * BLOCK_NODES)
      : db.prepare(AGAIN).bind(key, mark, file.hours, places, before),
    db.prepare(DELETE_FILED).bind(seen, key, mark),
    db.prepare(NOTE_FIRST).bind(seen, key, mark, of.day),
  ];
}

/** Node-hours in the file of this block and day. */
export async function countFiledHours(db: D1Database, { block, day }: BlockDay): Promise<number> {
  const row = await db
    .prepare('SELECT hours FROM day_files WHERE key = ?1')
    .bind(dayFileKey(block, day))
    .first<{ hours: number }>();
  return row?.hours ?? 0;
}

/** The file counts no longer; it stays in the bucket. One row written. */
export function forgetDayFile(db: D1Database, { block, day }: BlockDay): D1PreparedStatement {
  return db.prepare('DELETE FROM day_files WHERE key = ?1').bind(dayFileKey(block, day));
}
