import { and, eq } from 'drizzle-orm';
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
  const keys = rows.map(({ provider, gridZone, ageDays, nextDay }) => [provider, gridZone, ageDays, nextDay]);
  await db.prepare(ADD).bind(JSON.stringify(keys)).run();
}

/** Goes on to `nextDay`, unless another run has done so. */
export async function advanceReread(db: D1Database, row: StoredReread, nextDay: number): Promise<void> {
  await openDatabase(db)
    .update(gridRereads)
    .set({ nextDay, notBeforeMs: 0 })
    .where(
      and(
        eq(gridRereads.provider, row.provider),
        eq(gridRereads.gridZone, row.gridZone),
        eq(gridRereads.ageDays, row.ageDays),
        eq(gridRereads.nextDay, row.nextDay),
      ),
    );
}

const POSTPONE = `
  UPDATE grid_rereads SET not_before_ms = ?2
   WHERE (provider, grid_zone, age_days) IN (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1))`;

export async function postponeRereads(
  db: D1Database,
  rows: readonly StoredReread[],
  notBeforeMs: number,
): Promise<void> {
  const keys = rows.map(({ provider, gridZone, ageDays }) => [provider, gridZone, ageDays]);
  await db.prepare(POSTPONE).bind(JSON.stringify(keys), notBeforeMs).run();
}
