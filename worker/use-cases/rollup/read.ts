/**
 * What an answer about a fleet takes from rollups: the newest hours of a small fleet, parts of hours at the ends and hours
 * that changed are left. Rows read grow with time, sites and GPU models, not with nodes; what is held at once does not grow.
 */
import type { RolledHour } from '../../../shared/emissions/join.ts';
import { partOfSums } from '../../../shared/rollup/part-of-hour.ts';
import type { Place } from '../../../shared/settings/place.ts';
import { HOUR_MS, HOURS_PER_DAY } from '../../../shared/time/window.ts';
import { dayOf } from '../../storage/rollup-keys.ts';
import type { RollupOutline } from '../../storage/rollup-outline.ts';
import { readDays, type StoredDay } from '../../storage/rollup-sums.ts';
import { localNode, type Shards } from '../../storage/shards.ts';
import { DIRECT_NODE_HOURS, planRolled, type RolledPlan, type RolledQuery } from './plan.ts';

export interface RolledUp extends RolledPlan {
  readonly acceptsPlace: (place: Place) => boolean;
  /** Of the shard, those included that are not asked for. */
  readonly nodes: number;
}

/** What one shard has of the answer; null: nothing is taken from its rollups. */
export async function planRolledUp(query: RolledQuery, outline: RollupOutline): Promise<RolledUp | null> {
  const nodes = localNode(outline.lastNode);
  const plan = await planRolled(query, outline, nodes, DIRECT_NODE_HOURS, 'ofPlaces');
  return plan && { ...plan, acceptsPlace: query.acceptsPlace, nodes };
}

/** Read at once from all shards, as it is stored: a Worker has 128 MB, and a year of a large fleet is more. */
const BYTES_AT_ONCE = 32_000_000;
/** Of a group's day, as text: its windows, and its nodes and GPUs where some come and go each hour. */
const BYTES_PER_DAY = 20_000;
const BYTES_PER_DAY_AND_NODE = 60;

export interface AskedHour extends RolledHour {
  /** False: of the group, but at a place that is not asked for. */
  readonly isAsked: boolean;
}

/** All hours that are taken of all shards, in the same order each time; a day of a group at once. */
export async function* readRolledHours(
  shards: Shards,
  plans: readonly (RolledUp | null)[],
  bytesAtOnce = BYTES_AT_ONCE,
): AsyncGenerator<readonly AskedHour[]> {
  const spans = plans.map((plan) => plan && { plan, ...pagesOf(plan, bytesAtOnce / plans.length) });
  for (let page = 0; page < Math.max(0, ...spans.map((own) => own?.pages ?? 0)); page++) {
    const days = await shards.each(async (db, shard) => {
      const own = spans[shard];
      if (!own || page >= own.pages) return [];
      const firstDay = own.firstDay + page * own.daysPerPage;
      return readDays(db, own.groups, firstDay, Math.min(firstDay + own.daysPerPage, own.endDay));
    });
    for (const [shard, ofShard] of days.entries())
      for (const day of ofShard) yield hoursOf(day, spans[shard]!.plan);
  }
}

/** Hours of groups that there are to read of it, at most. */
export function hourSumsOf({ groups, firstHour, endHour }: RolledUp): number {
  const hours = groups.map(({ days }) =>
    days === null
      ? 0
      : Math.min(endHour, (days.last + 1) * HOURS_PER_DAY) - Math.max(firstHour, days.first * HOURS_PER_DAY),
  );
  return hours.reduce((sum, own) => sum + Math.max(0, own), 0);
}

function pagesOf({ groups: all, firstHour, endHour, nodes }: RolledUp, bytesPerPage: number) {
  const [askedFirst, askedEnd] = [dayOf(firstHour), dayOf(endHour - 1) + 1];
  const groups = all.filter(({ days }) => days !== null && days.first < askedEnd && days.last >= askedFirst);
  const firstDay = Math.max(askedFirst, Math.min(askedEnd, ...groups.map(({ days }) => days!.first)));
  const endDay = Math.min(askedEnd, Math.max(firstDay, ...groups.map(({ days }) => days!.last + 1)));
  const bytesPerDay = BYTES_PER_DAY * groups.length + BYTES_PER_DAY_AND_NODE * nodes;
  const daysPerPage = Math.max(1, Math.floor(bytesPerPage / bytesPerDay));
  const pages = Math.ceil((endDay - firstDay) / daysPerPage);
  return { groups: groups.map(({ number }) => number), firstDay, endDay, daysPerPage, pages };
}

function hoursOf(
  stored: StoredDay,
  { groups, isTaken, partOf, placeAtSite, acceptsPlace }: RolledUp,
): AskedHour[] {
  const { siteId, gpuModel } = groups.find(({ number }) => number === stored.group)!;
  const placeAt = placeAtSite(siteId);
  return [...stored.hours()]
    .map(([ofDay, sums]) => ({ hour: stored.day * HOURS_PER_DAY + ofDay, sums }))
    .filter(({ hour }) => isTaken(hour))
    .map(({ hour, sums: whole }) => {
      const startMs = hour * HOUR_MS;
      const part = partOf(hour);
      const sums = part === null ? whole : partOfSums(whole, part);
      return { startMs, gpuModel, placeAt, sums, isAsked: acceptsPlace(placeAt(startMs)) };
    });
}
