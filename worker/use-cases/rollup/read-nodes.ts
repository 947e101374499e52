/**
 * What an answer about nodes, labels or jobs takes from rollups: days of 64 nodes in one row. Whole days by their sums;
 * days that are cut by the range, a step or a change of a site's settings hour by hour.
 */
import type { EmissionsJoin } from '../../../shared/emissions/join.ts';
import { OwnerJoin, type OwnerPiece } from '../../../shared/rollup/owner-join.ts';
import { jobOfOwner, type OwnerKey, type OwnerSums, QUARTER_MS } from '../../../shared/rollup/owner-sums.ts';
import type { SiteRates } from '../../../shared/rollup/site-rates.ts';
import type { Place } from '../../../shared/settings/place.ts';
import { DAY_MS, HOUR_MS, HOURS_PER_DAY, WINDOW_MS } from '../../../shared/time/window.ts';
import type { FleetNode } from '../../storage/fleet.ts';
import { blockOfNode, dayOf } from '../../storage/rollup-keys.ts';
import { type BlockDays, readOwnerDays, readOwnerHours } from '../../storage/rollup-node-days.ts';
import { readFirstOwnerDay, readRollupState } from '../../storage/rollup-state.ts';
import { planRolled, type RolledPlan, type RolledQuery } from './plan.ts';

/** Up to here hours are read as they are: rows of a day hold 64 nodes, hour by hour they are long. */
const DIRECT_NODE_HOURS = { days: 256, hours: 1_000 };

export interface RolledNodes extends RolledPlan {
  readonly nodes: readonly FleetNode[];
  readonly acceptsPlace: (place: Place) => boolean;
  /** Hours since 1970: none from it on is in any row. */
  readonly storedUntilHour: number;
  /** Days since 1970: none before it is in any row. */
  readonly storedFromDay: number;
}

/**
 * Null: nothing is taken from rollups.
 * @param areDaysCut by the steps of the answer
 */
export async function planRolledNodes(
  db: D1Database,
  query: RolledQuery,
  nodes: readonly FleetNode[],
  areDaysCut: boolean,
): Promise<RolledNodes | null> {
  const [state, firstDay] = await Promise.all([readRollupState(db), readFirstOwnerDay(db)]);
  const plan =
    state &&
    (await planRolled(db, query, state, nodes.length, DIRECT_NODE_HOURS[areDaysCut ? 'hours' : 'days']));
  if (plan === null) return null;
  const openToMs = Math.max(state!.openToMs ?? 0, state!.nextOpenToMs ?? 0);
  const storedUntilHour = Math.max(state!.markedHour, Math.ceil(openToMs / HOUR_MS));
  const storedFromDay = firstDay ?? dayOf(storedUntilHour);
  return { ...plan, nodes, acceptsPlace: query.acceptsPlace, storedUntilHour, storedFromDay };
}

interface Group {
  readonly model: string | null;
  readonly placeAt: (instantMs: number) => Place;
  readonly rates: SiteRates;
}

/** One owner of one node on one day, in pieces from their starts. */
interface DayRecord extends OwnerKey {
  readonly day: number;
  readonly pieces: readonly (readonly [startMs: number, sums: OwnerSums])[];
}

/**
 * Adds what was taken to the join, and stops after each page of it.
 * @param know reads jobs before they are joined
 */
export async function* joinRolledNodes(
  db: D1Database,
  plan: RolledNodes,
  join: EmissionsJoin,
  know: (jobNumbers: readonly number[]) => Promise<void>,
): AsyncGenerator<void> {
  const groups = new Map(
    plan.groups.map(({ number, siteId, gpuModel }): [number, Group] => {
      const placeAt = plan.placeAtSite(siteId);
      return [number, { model: gpuModel, placeAt, rates: join.ratesOf(placeAt) }];
    }),
  );
  const nodes = new Map(plan.nodes.map((node) => [node.number, node]));
  const isWanted = ({ nodeNumber, group }: OwnerKey) => nodes.has(nodeNumber) && groups.has(group);
  const owners = new OwnerJoin(join);
  const addNode = (records: readonly DayRecord[], slotMs: number) => {
    const node = nodes.get(records[0]!.nodeNumber)!;
    for (const [startMs, pieces] of piecesByTime(records, groups, plan))
      owners.addNode(node, { startMs, slotMs }, pieces);
  };
  for (const { isWhole, days } of runsOfDays(plan, [...groups.values()], join)) {
    const slotMs = isWhole ? QUARTER_MS : WINDOW_MS;
    let last: DayRecord[] = [];
    const pages = isWhole ? wholeDays(db, days, isWanted) : hoursOfDays(db, plan, days, isWanted);
    for await (const page of pages) {
      const jobs = new Set(page.map(({ owner }) => jobOfOwner(owner)));
      await know([...jobs].filter((number) => number !== null));
      for (const record of page) {
        const isNext = last[0]?.nodeNumber !== record.nodeNumber || last[0].day !== record.day;
        if (isNext && last.length > 0) addNode(last, slotMs);
        last = isNext ? [record] : [...last, record];
      }
      yield;
    }
    if (last.length > 0) addNode(last, slotMs);
  }
  owners.flush();
}

function piecesByTime(
  records: readonly DayRecord[],
  groups: ReadonlyMap<number, Group>,
  { acceptsPlace }: RolledNodes,
): ReadonlyMap<number, OwnerPiece[]> {
  const byTime = new Map<number, OwnerPiece[]>();
  for (const { group, owner, pieces } of records) {
    const { model, placeAt, rates } = groups.get(group)!;
    for (const [startMs, sums] of pieces) {
      if (!acceptsPlace(placeAt(startMs))) continue;
      const known = byTime.get(startMs) ?? [];
      byTime.set(startMs, known);
      known.push({ model, rates, owner, sums });
    }
  }
  return byTime;
}

type IsWanted = (key: OwnerKey) => boolean;

async function* wholeDays(
  db: D1Database,
  days: readonly BlockDays[],
  isWanted: IsWanted,
): AsyncGenerator<DayRecord[]> {
  for await (const page of readOwnerDays(db, days, isWanted))
    yield page.map(({ sums, ...of }) => ({ ...of, pieces: [[of.day * DAY_MS, sums] as const] }));
}

async function* hoursOfDays(
  db: D1Database,
  { isTaken }: RolledNodes,
  days: readonly BlockDays[],
  isWanted: IsWanted,
): AsyncGenerator<DayRecord[]> {
  for await (const page of readOwnerHours(db, days, isWanted))
    yield page.map(({ hours, ...of }) => {
      const pieces = [...hours].map(([hour, sums]) => [of.day * HOURS_PER_DAY + hour, sums] as const);
      return {
        ...of,
        pieces: pieces
          .filter(([hour]) => isTaken(hour))
          .map(([hour, sums]) => [hour * HOUR_MS, sums] as const),
      };
    });
}

interface RunOfDays {
  readonly isWhole: boolean;
  readonly days: BlockDays[];
}

/** Days that follow each other and are read alike. */
function runsOfDays(plan: RolledNodes, groups: readonly Group[], join: EmissionsJoin): RunOfDays[] {
  const blocks = [...new Set(plan.nodes.map(({ number }) => blockOfNode(number)))].sort((a, b) => a - b);
  const runs: RunOfDays[] = [];
  const firstDay = Math.max(dayOf(plan.firstHour), plan.storedFromDay);
  for (let day = firstDay; day <= dayOf(plan.endHour - 1); day++) {
    const isWhole = isWholeDay(day, plan, groups, join);
    if (runs.at(-1)?.isWhole !== isWhole) runs.push({ isWhole, days: [] });
    runs.at(-1)!.days.push({ day, blocks });
  }
  return runs;
}

/** Whether all of a day that is there is taken, lies in one step and at places that do not change, each quarter at one rate. */
function isWholeDay(
  day: number,
  { isTaken, storedUntilHour, rolledUpToMs }: RolledNodes,
  groups: readonly Group[],
  join: EmissionsJoin,
): boolean {
  const startMs = day * DAY_MS;
  const firstHour = day * HOURS_PER_DAY;
  const endHour = Math.min(firstHour + HOURS_PER_DAY, storedUntilHour);
  // An hour that is summed before the rows are read would be in them, and read node by node as well.
  if (endHour < firstHour + HOURS_PER_DAY && rolledUpToMs === null) return false;
  for (let hour = firstHour; hour < endHour; hour++) if (!isTaken(hour)) return false;
  if (join.stepAt(startMs) !== join.stepAt(endHour * HOUR_MS - 1)) return false;
  return groups.every(({ rates }) => {
    const { place } = rates.at(startMs);
    for (let quarterMs = startMs; quarterMs < endHour * HOUR_MS; quarterMs += QUARTER_MS)
      if (rates.at(quarterMs).place !== place || !rates.isOne(quarterMs, quarterMs + QUARTER_MS))
        return false;
    return true;
  });
}
