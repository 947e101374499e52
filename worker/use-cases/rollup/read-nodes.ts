/**
 * What an answer about nodes, labels or jobs takes from rollups: days of 64 nodes in one row. Whole days by their sums;
 * days that are cut by the range, a step or a change of a site's settings hour by hour.
 */
import type { EmissionsJoin } from '../../../shared/emissions/join.ts';
import { OwnerJoin, type OwnerPiece } from '../../../shared/rollup/owner-join.ts';
import { jobOfOwner, type OwnerKey, type OwnerSums, QUARTER_MS } from '../../../shared/rollup/owner-sums.ts';
import { DAY_MS, HOUR_MS, HOURS_PER_DAY, WINDOW_MS } from '../../../shared/time/window.ts';
import type { FleetNode } from '../../storage/fleet.ts';
import type { BlockDays } from '../../storage/rollup-day-rows.ts';
import { blockOfNode } from '../../storage/rollup-keys.ts';
import { readOwnerDays, readOwnerHours } from '../../storage/rollup-node-days.ts';
import type { RollupOutline } from '../../storage/rollup-outline.ts';
import { groupsOf, type RolledDays, type RolledGroup, runsOfDays, storedDays } from './days.ts';
import { planRolled, type RolledQuery } from './plan.ts';

/** Up to here hours are read as they are: rows of a day hold 64 nodes, hour by hour they are long. */
const DIRECT_NODE_HOURS = { days: 256, hours: 1_000 };

export interface RolledNodes extends RolledDays {
  readonly nodes: readonly FleetNode[];
}

/**
 * Null: nothing is taken from rollups.
 * @param areDaysCut by the steps of the answer
 */
export async function planRolledNodes(
  query: RolledQuery,
  outline: RollupOutline,
  nodes: readonly FleetNode[],
  areDaysCut: boolean,
): Promise<RolledNodes | null> {
  const direct = DIRECT_NODE_HOURS[areDaysCut ? 'hours' : 'days'];
  const plan = await planRolled(query, outline, nodes.length, direct, 'ofNodes');
  return plan && { ...plan, ...storedDays(outline), nodes, acceptsPlace: query.acceptsPlace };
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
  const groups = groupsOf(plan, join);
  const nodes = new Map(plan.nodes.map((node) => [node.number, node]));
  const isWanted = ({ nodeNumber, group }: OwnerKey) => nodes.has(nodeNumber) && groups.has(group);
  const owners = new OwnerJoin(join);
  const addNode = (records: readonly DayRecord[], slotMs: number) => {
    const node = nodes.get(records[0]!.nodeNumber)!;
    for (const [startMs, pieces] of piecesByTime(records, groups, plan))
      owners.addNode(node, { startMs, slotMs }, pieces);
  };
  const blocks = [...new Set(plan.nodes.map(({ number }) => blockOfNode(number)))].sort((a, b) => a - b);
  for (const { isWhole, days: ofRun } of runsOfDays(plan, groups, join)) {
    const days = ofRun.map((day) => ({ day, blocks }));
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
  groups: ReadonlyMap<number, RolledGroup>,
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
