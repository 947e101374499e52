import { LOOKBACK_MS } from '../../shared/grid/resolve.ts';
import { type SettingRow, segmentsOver, settingHistory } from '../../shared/settings/effective.ts';
import { DAY_MS } from '../../shared/time/window.ts';
import { epochMs } from '../../shared/units.ts';
import { openDatabase } from '../storage/database.ts';
import { readSiteSettings } from '../storage/settings.ts';

/** A zone that a site will have next year is worth knowing already; its series then has a past. */
const AHEAD_MS = 366 * DAY_MS;

/** Keys of the zones that some site has, had within `usedWithinMs` (late reports: 7 days), or is going to have; ascending. */
export async function gridZonesInUse(
  db: D1Database,
  nowMs: number,
  usedWithinMs: number = LOOKBACK_MS,
): Promise<string[]> {
  return zonesInUse(await readSiteSettings(openDatabase(db)), nowMs, usedWithinMs);
}

/** The same from settings, in which those of all sites are. */
export function zonesInUse(
  rows: readonly SettingRow[],
  nowMs: number,
  usedWithinMs: number = LOOKBACK_MS,
): string[] {
  const siteSubjects = new Set(
    rows.map((row) => row.subject).filter((subject) => subject.startsWith('site:')),
  );
  const range = { startMs: epochMs(nowMs - usedWithinMs), endMs: epochMs(nowMs + AHEAD_MS) };
  const zones = [...siteSubjects].flatMap((subject) =>
    segmentsOver(settingHistory(rows, subject, 'gridZone'), range).map((segment) => segment.value),
  );
  return [...new Set(zones.filter((zone) => zone !== null))].sort();
}
