/** Cloud regions with the zones that they lie in: by the published tables, or by the operator's own word. */
import {
  CLOUD_REGIONS,
  type CloudRegion,
  findCloudRegion,
  nearestCloudRegions,
} from '../../shared/grid/regions.ts';
import { findZone } from '../../shared/grid/zones.ts';
import { settingHistory, valueAt } from '../../shared/settings/effective.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import type { Database } from '../storage/database.ts';
import {
  addSettings,
  type RecordedSetting,
  readSettingsOfMany,
  readSiteSettings,
} from '../storage/settings.ts';
import { unknownZone } from './grid-unknown-zone.ts';

/** What stands in `sources` of a region that the operator has placed. */
const OPERATOR = 'operator';
const KEY = 'gridZone';
const subjectOf = ({ key }: CloudRegion) => `cloudRegion:${key}`;

/** Every region as it is placed now, by key. */
export async function cloudRegions(db: Database, nowMs: number): Promise<CloudRegion[]> {
  const rows = await readSettingsOfMany(db, CLOUD_REGIONS.map(subjectOf));
  return CLOUD_REGIONS.map((region) => placed(region, rows, nowMs));
}

/** The region as it is placed now. Problem: `unknown_grid_zone`. */
export async function placedRegion(db: Database, key: string, nowMs: number): Promise<Result<CloudRegion>> {
  const region = findCloudRegion(key);
  if (region === null) return fail('unknown_grid_zone', whatIsKnown(key), '/cloudRegion');
  return ok(placed(region, await readSettingsOfMany(db, [subjectOf(region)]), nowMs));
}

export interface PlacedRegion {
  readonly region: CloudRegion;
  /** Ids of the sites that are in the zone that the region was placed in until now, by its name or not: they stay there. */
  readonly sitesInFormerZone: readonly string[];
}

/**
 * Places the region in another zone, or, with null, where the tables have it, for sites that name it from now on. Sites
 * that are there keep their zone: what they emitted was charged with it, and nobody has said from when it was wrong.
 * Problems: `not_found`, `unknown_grid_zone`.
 */
export async function placeRegion(
  db: Database,
  { key, gridZone }: { readonly key: string; readonly gridZone: string | null },
  recorder: { readonly nowMs: number; readonly by: string; readonly why: string | null },
): Promise<Result<PlacedRegion>> {
  const before = await placedRegion(db, key, recorder.nowMs);
  if (!before.ok) return fail('not_found', whatIsKnown(key), 'cloudRegion');
  if (gridZone !== null && findZone(gridZone) === null) return unknownZone(gridZone);
  const row: RecordedSetting = {
    subject: subjectOf(before.value),
    key: KEY,
    value: gridZone ?? '',
    effectiveFromMs: recorder.nowMs,
    recordedAtMs: recorder.nowMs,
    recordedBy: recorder.by,
  };
  await addSettings(db, [row], recorder.why);
  const after = await placedRegion(db, key, recorder.nowMs);
  if (!after.ok) return after;
  const hasMoved = after.value.gridZone !== before.value.gridZone;
  const sitesInFormerZone = hasMoved ? await sitesIn(db, before.value.gridZone, recorder.nowMs) : [];
  return ok({ region: after.value, sitesInFormerZone });
}

async function sitesIn(db: Database, gridZone: string, nowMs: number): Promise<string[]> {
  const rows = await readSiteSettings(db);
  const subjects = new Set(rows.map(({ subject }) => subject));
  return [...subjects]
    .filter((subject) => valueAt(settingHistory(rows, subject, KEY), nowMs) === gridZone)
    .map((subject) => subject.slice('site:'.length))
    .sort();
}

function placed(region: CloudRegion, rows: readonly RecordedSetting[], nowMs: number): CloudRegion {
  const gridZone = valueAt(settingHistory(rows, subjectOf(region), KEY), nowMs);
  if (!gridZone) return region;
  const tables = [region.gridZone, ...region.otherZones];
  return { ...region, gridZone, sources: [OPERATOR], otherZones: tables.filter((zone) => zone !== gridZone) };
}

function whatIsKnown(key: string): string {
  const nearest = nearestCloudRegions(key).map((region) => region.key);
  const hint = nearest.length > 0 ? `Did you mean ${nearest.slice(0, 3).join(', ')}? ` : '';
  return (
    `"${key}" is no cloud region known here. ${hint}They are written as aws:eu-north-1; ` +
    'GET /v1/grid/cloud-regions lists them with their zones. For any other give gridZone.'
  );
}
