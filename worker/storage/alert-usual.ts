/** What grid zones usually have, fixed for each UTC day. */
import type { Usual } from '../../shared/alerts/usual.ts';

export interface StoredUsual {
  readonly gridZone: string;
  /** Whole days since 1970. */
  readonly day: number;
  /** Null: the zone had no values. */
  readonly usual: Usual | null;
  readonly computedAtMs: number;
}

const READ = `
  SELECT grid_zone AS gridZone, day, usual, computed_at_ms AS computedAtMs FROM alert_zone_days
  WHERE grid_zone IN (SELECT value FROM json_each(?1)) AND day >= ?2 AND day <= ?3`;

export async function readUsual(
  db: D1Database,
  gridZones: readonly string[],
  fromDay: number,
  toDay: number,
): Promise<StoredUsual[]> {
  const { results } = await db
    .prepare(READ)
    .bind(JSON.stringify(gridZones), fromDay, toDay)
    .all<Omit<StoredUsual, 'usual'> & { usual: string }>();
  return results.map((row) => ({ ...row, usual: JSON.parse(row.usual) }));
}

const WRITE = `
  INSERT INTO alert_zone_days (grid_zone, day, usual, computed_at_ms) VALUES (?1, ?2, ?3, ?4)
  ON CONFLICT (grid_zone, day) DO UPDATE SET usual = excluded.usual, computed_at_ms = excluded.computed_at_ms`;

export async function writeUsual(db: D1Database, row: StoredUsual): Promise<void> {
  await db.prepare(WRITE).bind(row.gridZone, row.day, JSON.stringify(row.usual), row.computedAtMs).run();
}
