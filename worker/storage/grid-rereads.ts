import { gridRereads } from '../schema/grid-rereads.ts';
import { openDatabase } from './database.ts';

/** How far the reading again of one provider, zone and age has come. */
export type StoredReread = typeof gridRereads.$inferSelect;

/** A row per provider, zone and age: tens. */
export async function readRereads(db: D1Database): Promise<StoredReread[]> {
  return openDatabase(db).select().from(gridRereads).all();
}

const ADD = `
  INSERT OR IGNORE INTO grid_rereads (provider, grid_zone, age_days, next_day, not_before_ms)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, 0 FROM json_each(?1)`;

/** Adds those that are not there yet; the others stay as they are. */
export async function addRereads(db: D1Database, rows: readonly StoredReread[]): Promise<void> {
  await db.prepare(ADD).bind(keysOf(rows)).run();
}

const ADVANCE = `
  UPDATE grid_rereads SET next_day = ?2, not_before_ms = 0
   WHERE (provider, grid_zone, age_days, next_day) IN
         (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1))`;

/** Each goes on to `nextDay`, unless another run has done so. */
export async function advanceRereads(
  db: D1Database,
  rows: readonly StoredReread[],
  nextDay: number,
): Promise<void> {
  if (rows.length > 0) await db.prepare(ADVANCE).bind(keysOf(rows), nextDay).run();
}

const POSTPONE = `
  UPDATE grid_rereads SET not_before_ms = ?2
   WHERE (provider, grid_zone, age_days) IN (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1))`;

export async function postponeRereads(
  db: D1Database,
  rows: readonly StoredReread[],
  notBeforeMs: number,
): Promise<void> {
  if (rows.length > 0) await db.prepare(POSTPONE).bind(keysOf(rows), notBeforeMs).run();
}

const keysOf = (rows: readonly StoredReread[]) =>
  JSON.stringify(
    rows.map(({ provider, gridZone, ageDays, nextDay }) => [provider, gridZone, ageDays, nextDay]),
  );
