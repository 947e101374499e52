/** What of a range rollups answer, and what is joined node by node: common to sums of fleets and of nodes. */

import { type TimeSpan, within } from '../../../shared/emissions/presence.ts';
import { windowCeiling } from '../../../shared/emissions/time-steps.ts';
import type { PartOfHour } from '../../../shared/rollup/part-of-hour.ts';
import { type Place, Places } from '../../../shared/settings/place.ts';
import { HOUR_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import { epochMs } from '../../../shared/units.ts';
import { LATE_AFTER_MS } from '../../storage/rollup-marks.ts';
import type { RollupOutline } from '../../storage/rollup-outline.ts';
import type { MarkedSums, RollupState } from '../../storage/rollup-state.ts';
import type { StoredGroup } from '../../storage/rollup-sums.ts';
import type { RecordedSetting } from '../../storage/settings.ts';
import { sumsMadeWith } from './made-with.ts';

export interface RolledQuery extends TimeSpan {
  readonly nowMs: number;
  readonly knownAtMs: number;
  /** Up to here all is read node by node, whatever is asked. */
  readonly directNodeHours: number;
  /** Whether parts of hours at the ends are joined, however many nodes there are. */
  readonly exactEnds: boolean;
  /** Spans that sums do not tell as they were known then; null: what changed may be counted as it was, and said so. */
  readonly changed: (() => Promise<readonly TimeSpan[]>) | null;
  /** What held at each site over the range: the same functions for all databases, since rates are kept by them. */
  readonly places: () => Promise<SitePlaces>;
  /** Whether zones matter: an hour in which the zone of a site changes is not taken whole then. */
  readonly byZone: boolean;
  readonly acceptsGroup: (group: StoredGroup) => boolean;
  readonly acceptsPlace: (place: Place) => boolean;
}

/** Up to here an answer of a fleet is read node by node, as it is now: ten nodes for a day. */
export const DIRECT_NODE_HOURS = 256;
/** Up to here an answer reads the newest hours, and parts of hours, node by node: with their devices and parts some 2,000 rows. */
export const LIVE_NODES = 64;
/** A sum of hours that are not over is used in place of what is now for so long after it was made. */
const FRESH_MS = 1_800_000;

export interface HourCounts {
  /** Hours that changed and are still counted as they were. */
  readonly hoursWaiting: number;
  /** Hours that are to be summed again, whether they are counted as they were or joined. */
  readonly hoursMarked: number;
  /** Hours that sums do not tell as they were known. */
  readonly hoursChanged: number;
  /** Of these, hours that have left: nothing tells any more what they were. */
  readonly hoursGone: number;
}

export interface RolledPlan extends HourCounts {
  /** Hours since 1970 of which some are taken. */
  readonly firstHour: number;
  readonly endHour: number;
  readonly isTaken: (hour: number) => boolean;
  /** Of an hour that is taken; null: all of it. */
  readonly partOf: (hour: number) => PartOfHour | null;
  readonly groups: readonly StoredGroup[];
  /** What held at a site. One function for each. */
  readonly placeAtSite: (siteId: string | null) => (instantMs: number) => Place;
  readonly gridZones: ReadonlySet<string>;
  /** To be joined node by node. */
  readonly spans: readonly TimeSpan[];
  /** Until when the answer counts, where that is not all that was asked for. */
  readonly rolledUpToMs: number | null;
}

/**
 * Null: nothing is taken from rollups.
 * @param sums that are taken: those by label are marked by themselves, besides; those of nodes list them, and parts of hours are joined
 * @param nodes that are asked for
 * @param directNodeHours up to here all is read node by node
 */
export async function planRolled(
  query: RolledQuery,
  { state, groups, marked: stored }: RollupOutline,
  nodes: number,
  directNodeHours: number,
  sums: 'ofPlaces' | MarkedSums,
): Promise<RolledPlan | null> {
  const { fromMs, toMs } = query;
  const { keptFromHour } = state;
  const isKept = fromMs >= keptFromHour * HOUR_MS;
  // Of each node there is a row for an hour, and its devices and parts, however little of the hour is asked for.
  const nodeHours = nodes * Math.max(1, (toMs - fromMs) / HOUR_MS);
  if (isKept && nodeHours <= Math.max(directNodeHours, query.directNodeHours)) return null;
  const isAsKnown = query.changed !== null;
  // Hours that are not over have no sums for good.
  const takesParts = !isAsKnown && !query.exactEnds && sums !== 'ofNodes' && nodes > LIVE_NODES;
  const plan = planOf(query, isAsKnown ? { ...state, openToMs: null } : state, takesParts);
  const cutAndGone = isAsKnown ? cutHours(query).filter((hour) => hour < keptFromHour) : [];
  if (plan.endHour <= plan.firstHour && (cutAndGone.length === 0 || nodes === 0)) return null;
  const isWithin = (hour: number) => hour >= plan.firstHour && hour < plan.endHour;
  const isOther = isAsKnown && state.madeWith !== (await sumsMadeWith());
  const marked = new Set(
    isOther
      ? hoursIn([{ fromMs: plan.firstHour * HOUR_MS, toMs: plan.endHour * HOUR_MS }])
      : stored.ofNodes.filter((hour) => isWithin(hour) && hour >= keptFromHour && hour < state.doneHour),
  );
  if (sums === 'ofLabels') for (const hour of stored.ofLabels.filter(isWithin)) marked.add(hour);
  const hoursMarked = marked.size;
  const changed = (await query.changed?.()) ?? [];
  const hoursChanged = new Set(hoursIn(changed).filter(isWithin));
  for (const hour of hoursChanged) marked.add(hour);
  const areLeft = [...marked].some((hour) => hour < keptFromHour);
  const areRead = !areLeft && (isAsKnown || marked.size * nodes <= DIRECT_NODE_HOURS);
  const { placesOf, placeAt } = await query.places();
  const accepted = groups.filter(query.acceptsGroup);
  const apart = query.byZone ? zoneChanges(accepted, placesOf) : new Set<number>();
  // What has left is whole or not at all.
  const joined = new Set(
    [...apart, ...(areRead ? marked : [])].filter((hour) => hour >= keptFromHour && isWithin(hour)),
  );
  const zones = accepted.flatMap(({ siteId }) => placesOf(siteId).map(({ gridZone }) => gridZone));
  return {
    firstHour: plan.firstHour,
    endHour: plan.endHour,
    isTaken: (hour) => isWithin(hour) && !joined.has(hour),
    partOf: (hour) => partOf(hour, query, hour < state.doneHour ? null : state.openToMs),
    groups: accepted,
    placeAtSite: placeAt,
    gridZones: new Set(zones.filter((zone) => zone !== null)),
    spans: [...plan.spans, ...within(spansOf([...joined]), fromMs, toMs)],
    rolledUpToMs: plan.rolledUpToMs,
    hoursWaiting: areRead ? 0 : marked.size,
    hoursMarked,
    hoursChanged: hoursChanged.size,
    hoursGone: [...hoursChanged].filter((hour) => hour < keptFromHour).length + cutAndGone.length,
  };
}

/** Hours within which the range begins or ends: of those that have left no sum tells a part as it was known. */
const cutHours = ({ fromMs, toMs }: TimeSpan): number[] =>
  [fromMs, toMs].filter((ms) => ms % HOUR_MS !== 0).map((ms) => Math.floor(ms / HOUR_MS));

interface Plan {
  /** Hours since 1970 that are taken from rollups. */
  readonly firstHour: number;
  readonly endHour: number;
  readonly spans: readonly TimeSpan[];
  readonly rolledUpToMs: number | null;
}

/** @param takesParts whether hours within which the range begins or ends are taken as well */
function planOf({ fromMs, toMs, nowMs }: RolledQuery, state: RollupState, takesParts: boolean): Plan {
  const firstHour = takesParts ? Math.floor(fromMs / HOUR_MS) : Math.ceil(fromMs / HOUR_MS);
  const lastHour = takesParts ? Math.ceil(toMs / HOUR_MS) : Math.floor(toMs / HOUR_MS);
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
  // Of the hours that are not over there are sums up to here.
  if (takesParts && fromMs >= openToMs)
    return { firstHour, endHour: firstHour, spans: span(fromMs, toMs), rolledUpToMs: null };
  if (toMs >= openToMs)
    return { firstHour, endHour: Math.ceil(openToMs / HOUR_MS), spans: head, rolledUpToMs: openToMs };
  const tail = span(Math.max(fromMs, lastHour * HOUR_MS), toMs);
  // What was reported after they were summed is not in yet.
  const surelyInMs = Math.floor((openToMs - LATE_AFTER_MS) / WINDOW_MS) * WINDOW_MS;
  const isShort = takesParts && windowCeiling(toMs) > surelyInMs;
  const rolledUpToMs = isShort ? Math.max(fromMs, Math.min(toMs, surelyInMs)) : null;
  return { firstHour, endHour: lastHour, spans: [...head, ...tail], rolledUpToMs };
}

/** @param openToMs until when the hour is summed, where it is not over */
function partOf(hour: number, { fromMs, toMs }: TimeSpan, openToMs: number | null): PartOfHour | null {
  const startMs = hour * HOUR_MS;
  const endMs = Math.min(startMs + HOUR_MS, openToMs ?? Number.POSITIVE_INFINITY);
  if (fromMs <= startMs && endMs <= toMs) return null;
  const partFromMs = Math.max(fromMs, startMs);
  const partToMs = Math.max(partFromMs, Math.min(toMs, endMs));
  return {
    // Windows count where they start.
    firstWindow: Math.ceil((partFromMs - startMs) / WINDOW_MS),
    endWindow: Math.ceil((partToMs - startMs) / WINDOW_MS),
    timeRatio: (partToMs - partFromMs) / (endMs - startMs),
    dueRatio:
      Math.max(0, Math.min(windowCeiling(partToMs), endMs) - Math.min(windowCeiling(partFromMs), endMs)) /
      (endMs - startMs),
  };
}

const span = (fromMs: number, toMs: number): TimeSpan[] => (fromMs < toMs ? [{ fromMs, toMs }] : []);

/** Hours since 1970 that hold some of the spans. */
const hoursIn = (spans: readonly TimeSpan[]): number[] =>
  spans.flatMap(({ fromMs, toMs }) => {
    const first = Math.floor(fromMs / HOUR_MS);
    return Array.from({ length: Math.ceil(toMs / HOUR_MS) - first }, (_, i) => first + i);
  });

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

/** Where sites are over a range, of whole hours. */
export interface SitePlaces {
  readonly placesOf: (siteId: string | null) => readonly Place[];
  /** One function for each site. */
  readonly placeAt: (siteId: string | null) => (instantMs: number) => Place;
}

export function sitePlaces(
  siteSettings: readonly RecordedSetting[],
  { fromMs, toMs, knownAtMs }: TimeSpan & Pick<RolledQuery, 'knownAtMs'>,
): SitePlaces {
  const places = new Places(siteSettings, knownAtMs);
  const range = {
    startMs: epochMs(Math.floor(fromMs / HOUR_MS) * HOUR_MS),
    endMs: epochMs(Math.ceil(toMs / HOUR_MS) * HOUR_MS),
  };
  const bySite = new Map<string | null, RolledSite>();
  const of = (siteId: string | null) => {
    const known = bySite.get(siteId);
    if (known !== undefined) return known;
    const own = places.ofSite(siteId, range);
    const site = {
      places: own,
      placeAt: (instantMs: number) => own.findLast(({ startMs }) => startMs <= instantMs)!,
    };
    bySite.set(siteId, site);
    return site;
  };
  return { placesOf: (siteId) => of(siteId).places, placeAt: (siteId) => of(siteId).placeAt };
}

interface RolledSite {
  readonly places: readonly Place[];
  readonly placeAt: (instantMs: number) => Place;
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
