/**
 * What an answer takes from rollups, and what is left to be joined node by node: parts of hours at the ends, the newest
 * hours of a small fleet, and hours that changed. Rows read grow with time, sites and GPU models, not with nodes.
 */
import type { RolledHour } from '../../../shared/emissions/join.ts';
import type { TimeSpan } from '../../../shared/emissions/presence.ts';
import { type Place, Places } from '../../../shared/settings/place.ts';
import { HOUR_MS } from '../../../shared/time/window.ts';
import { epochMs } from '../../../shared/units.ts';
import { DEVICE_TYPES, type DeviceType } from '../../../shared/wire/ingest.ts';
import { openDatabase } from '../../storage/database.ts';
import { readLastNodeNumber } from '../../storage/retention-hours.ts';
import { dayOf, HOURS_PER_DAY } from '../../storage/rollup-keys.ts';
import { type RollupState, readMarkedHours, readRollupState } from '../../storage/rollup-state.ts';
import { type DaySums, readDays, readGroups, type StoredGroup } from '../../storage/rollup-sums.ts';
import { readSiteSettings } from '../../storage/settings.ts';
import { localNode } from '../../storage/shards.ts';

export interface RolledQuery extends TimeSpan {
  readonly nowMs: number;
  /** Whether zones matter: an hour in which the zone of a site changes is not taken whole then. */
  readonly byZone: boolean;
  readonly acceptsGroup: (group: StoredGroup) => boolean;
  readonly acceptsPlace: (place: Place) => boolean;
}

export interface RolledUp {
  /** To be joined node by node. */
  readonly spans: readonly TimeSpan[];
  readonly hours: readonly RolledHour[];
  readonly gridZones: ReadonlySet<string>;
  /** Until when the answer counts, where that is not all that was asked for. */
  readonly rolledUpToMs: number | null;
  /** Hours that changed and are still counted as they were. */
  readonly hoursWaiting: number;
}

/** Up to here all is read node by node, as it is now: ten nodes for a day. */
const DIRECT_NODE_HOURS = 256;
/** A sum of hours that are not over is used in place of what is now for so long after it was made. */
const FRESH_MS = 1_800_000;

/** Null: nothing is taken from rollups. */
export async function readRolledUp(db: D1Database, query: RolledQuery): Promise<RolledUp | null> {
  const { fromMs, toMs } = query;
  const [state, lastNode] = await Promise.all([readRollupState(db), readLastNodeNumber(db)]);
  const nodes = localNode(lastNode);
  if (state === null) return null;
  const { keptFromHour } = state;
  const isKept = fromMs >= keptFromHour * HOUR_MS;
  if (isKept && nodes * ((toMs - fromMs) / HOUR_MS) <= DIRECT_NODE_HOURS) return null;
  const plan = planOf(query, state);
  if (plan.endHour <= plan.firstHour) return null;
  const marked = await readMarkedHours(
    db,
    Math.max(plan.firstHour, keptFromHour),
    Math.min(plan.endHour, state.doneHour),
  );
  const areRead = marked.size * nodes <= DIRECT_NODE_HOURS;
  const places = await siteOf(db, query);
  const groups = (await readGroups(db)).filter(query.acceptsGroup);
  const apart = query.byZone ? zoneChanges(groups, places) : new Set<number>();
  // What has left is whole or not at all.
  const joined = [...apart, ...(areRead ? marked : [])].filter((hour) => hour >= keptFromHour);
  const days = await readDays(
    db,
    groups.map(({ number }) => number),
    dayOf(plan.firstHour),
    dayOf(plan.endHour - 1) + 1,
  );
  const isTaken = (hour: number) => hour >= plan.firstHour && hour < plan.endHour && !joined.includes(hour);
  const hours: RolledHour[] = [];
  const gridZones = new Set<string>();
  for (const group of groups) {
    const ofGroup = hoursOfGroup(days, group, isTaken);
    const atGroup = places(group.siteId);
    const placeAt = (instantMs: number) => atGroup.findLast(({ startMs }) => startMs <= instantMs)!;
    for (const { gridZone } of atGroup) if (gridZone !== null) gridZones.add(gridZone);
    for (const [startMs, sums] of ofGroup)
      if (query.acceptsPlace(placeAt(startMs)))
        hours.push({ startMs, gpuModel: group.gpuModel, placeAt, sums });
  }
  return {
    spans: [
      ...plan.spans,
      ...spansOf(joined.filter((hour) => hour >= plan.firstHour && hour < plan.endHour)),
    ],
    hours,
    gridZones,
    rolledUpToMs: plan.rolledUpToMs,
    hoursWaiting: areRead ? 0 : marked.size,
  };
}

interface Plan {
  /** Hours since 1970 that are taken from rollups. */
  readonly firstHour: number;
  readonly endHour: number;
  readonly spans: readonly TimeSpan[];
  readonly rolledUpToMs: number | null;
}

function planOf({ fromMs, toMs, nowMs }: RolledQuery, state: RollupState): Plan {
  const firstHour = Math.ceil(fromMs / HOUR_MS);
  const lastHour = Math.floor(toMs / HOUR_MS);
  const head = span(fromMs, Math.min(toMs, firstHour * HOUR_MS));
  const doneMs = state.doneHour * HOUR_MS;
  if (toMs <= doneMs) {
    const tail = span(Math.max(fromMs, lastHour * HOUR_MS), toMs);
    return { firstHour, endHour: lastHour, spans: [...head, ...tail], rolledUpToMs: null };
  }
  const { openToMs } = state;
  const isFresh = openToMs !== null && openToMs > doneMs && nowMs - openToMs <= FRESH_MS;
  if (!isFresh) {
    const tail = span(Math.max(fromMs, firstHour * HOUR_MS, doneMs), toMs);
    return { firstHour, endHour: state.doneHour, spans: [...head, ...tail], rolledUpToMs: null };
  }
  if (toMs >= openToMs)
    return { firstHour, endHour: Math.ceil(openToMs / HOUR_MS), spans: head, rolledUpToMs: openToMs };
  const tail = span(Math.max(fromMs, lastHour * HOUR_MS), toMs);
  return { firstHour, endHour: lastHour, spans: [...head, ...tail], rolledUpToMs: null };
}

const span = (fromMs: number, toMs: number): TimeSpan[] => (fromMs < toMs ? [{ fromMs, toMs }] : []);

/** Neighbours are one span. */
function spansOf(hours: readonly number[]): TimeSpan[] {
  const spans: { fromMs: number; toMs: number }[] = [];
  for (const hour of [...new Set(hours)].sort((a, b) => a - b)) {
    const last = spans.at(-1);
    if (last?.toMs === hour * HOUR_MS) last.toMs += HOUR_MS;
    else spans.push({ fromMs: hour * HOUR_MS, toMs: (hour + 1) * HOUR_MS });
  }
  return spans;
}

/** The places of each site over the range, whole hours. */
async function siteOf(db: D1Database, { fromMs, toMs }: TimeSpan) {
  const places = new Places(await readSiteSettings(openDatabase(db)));
  const range = {
    startMs: epochMs(Math.floor(fromMs / HOUR_MS) * HOUR_MS),
    endMs: epochMs(Math.ceil(toMs / HOUR_MS) * HOUR_MS),
  };
  const bySite = new Map<string | null, readonly Place[]>();
  return (siteId: string | null): readonly Place[] => {
    const known = bySite.get(siteId) ?? places.ofSite(siteId, range);
    bySite.set(siteId, known);
    return known;
  };
}

/** Hours within which the zone of a site changes. */
function zoneChanges(
  groups: readonly StoredGroup[],
  placesOf: (siteId: string | null) => readonly Place[],
): Set<number> {
  const hours = new Set<number>();
  for (const { siteId } of groups) {
    placesOf(siteId).forEach(({ startMs, gridZone }, i, places) => {
      const before = places[i - 1];
      if (before !== undefined && before.gridZone !== gridZone && startMs % HOUR_MS !== 0)
        hours.add(Math.floor(startMs / HOUR_MS));
    });
  }
  return hours;
}

/**
 * By start of the hour. What gaps would have used is told by the mean power of the same type of device in the group over
 * the range: which device was silent is not known any more.
 */
function hoursOfGroup(days: readonly DaySums[], { number }: StoredGroup, isTaken: (hour: number) => boolean) {
  const hours = days
    .filter(({ group }) => group === number)
    .flatMap(({ day, hours: ofDay }) =>
      [...ofDay].map(([hour, sums]) => [day * HOURS_PER_DAY + hour, sums] as const),
    )
    .filter(([hour]) => isTaken(hour));
  const watts = (type: DeviceType) => {
    const sum = (table: 'byDeviceType' | 'meteredMilliseconds') =>
      hours.reduce((all, [, { figures }]) => all + figures[table][type], 0);
    const milliseconds = sum('meteredMilliseconds');
    return milliseconds === 0 ? 0 : sum('byDeviceType') / milliseconds;
  };
  const meanWatts = DEVICE_TYPES.map((type) => [type, watts(type)] as const);
  for (const [, { figures }] of hours)
    for (const [type, mean] of meanWatts)
      figures.missingMillijoulesEstimate += figures.gapMilliseconds[type] * mean;
  return hours.map(([hour, sums]) => [hour * HOUR_MS, sums] as const);
}
