/**
 * What an answer about a fleet takes from rollups: the newest hours of a small fleet, parts of hours at the ends and hours
 * that changed are left. Rows read grow with time, sites and GPU models, not with nodes.
 */
import type { RolledHour } from '../../../shared/emissions/join.ts';
import type { HourSums } from '../../../shared/rollup/hour-sums.ts';
import { HOUR_MS, HOURS_PER_DAY } from '../../../shared/time/window.ts';
import { DEVICE_TYPES, type DeviceType } from '../../../shared/wire/ingest.ts';
import { byKey } from '../../storage/by-node.ts';
import { readLastNodeNumber } from '../../storage/retention-hours.ts';
import { dayOf } from '../../storage/rollup-keys.ts';
import { readRollupState } from '../../storage/rollup-state.ts';
import { type DaySums, readDays, type StoredGroup } from '../../storage/rollup-sums.ts';
import { localNode } from '../../storage/shards.ts';
import { DIRECT_NODE_HOURS, type HourCounts, planRolled, type RolledPlan, type RolledQuery } from './plan.ts';

export interface RolledUp
  extends Pick<RolledPlan, 'spans' | 'gridZones' | 'rolledUpToMs' | keyof HourCounts> {
  readonly hours: readonly RolledHour[];
  /** By group, all hours that are taken of it, whether they are asked for or not. */
  readonly taken: ReadonlyMap<string, readonly HourSums[]>;
}

/** What one shard has of the answer; null: nothing is taken from its rollups. */
export async function readRolledUp(db: D1Database, query: RolledQuery): Promise<RolledUp | null> {
  const [state, lastNode] = await Promise.all([readRollupState(db), readLastNodeNumber(db)]);
  const plan = state && (await planRolled(db, query, state, localNode(lastNode), DIRECT_NODE_HOURS));
  if (plan === null) return null;
  const days = await readDays(
    db,
    plan.groups.map(({ number }) => number),
    dayOf(plan.firstHour),
    dayOf(plan.endHour - 1) + 1,
  );
  const taken = new Map<string, HourSums[]>();
  const hours = plan.groups.flatMap((group): RolledHour[] => {
    const placeAt = plan.placeAtSite(group.siteId);
    const ofGroup = hoursOfGroup(days, group, plan.isTaken);
    taken.set(
      JSON.stringify([group.siteId, group.gpuModel]),
      ofGroup.map(([, sums]) => sums),
    );
    return ofGroup
      .filter(([startMs]) => query.acceptsPlace(placeAt(startMs)))
      .map(([startMs, sums]) => ({ startMs, gpuModel: group.gpuModel, placeAt, sums }));
  });
  return { ...plan, hours, taken };
}

/** By start of the hour. */
function hoursOfGroup(days: readonly DaySums[], { number }: StoredGroup, isTaken: (hour: number) => boolean) {
  return days
    .filter(({ group }) => group === number)
    .flatMap(({ day, hours: ofDay }) =>
      [...ofDay].map(([hour, sums]) => [day * HOURS_PER_DAY + hour, sums] as const),
    )
    .filter(([hour]) => isTaken(hour))
    .map(([hour, sums]) => [hour * HOUR_MS, sums] as const);
}

/**
 * What gaps would have used is told by the mean power of the same type of device in the group over the range, in all shards:
 * which device was silent is not known any more.
 */
export function estimateGaps(shards: readonly RolledUp[]): void {
  const taken = byKey(
    shards.flatMap((own) => [...own.taken]),
    ([group]) => group,
  );
  for (const group of taken.values()) {
    const hours = group.flatMap(([, ofShard]) => ofShard);
    for (const type of DEVICE_TYPES) {
      const mean = meanPower(hours, type);
      for (const { figures } of hours)
        figures.missingMillijoulesEstimate += figures.gapMilliseconds[type] * mean;
    }
  }
}

/** Millijoules over milliseconds. */
function meanPower(hours: readonly HourSums[], type: DeviceType): number {
  const sum = (table: 'byDeviceType' | 'meteredMilliseconds') =>
    hours.reduce((all, { figures }) => all + figures[table][type], 0);
  const milliseconds = sum('meteredMilliseconds');
  return milliseconds === 0 ? 0 : sum('byDeviceType') / milliseconds;
}
