/** Which days of a range are read whole and which hour by hour: common to sums of nodes and by label. */
import type { EmissionsJoin } from '../../../shared/emissions/join.ts';
import { QUARTER_MS } from '../../../shared/rollup/owner-sums.ts';
import type { SiteRates } from '../../../shared/rollup/site-rates.ts';
import type { Place } from '../../../shared/settings/place.ts';
import { DAY_MS, HOUR_MS, HOURS_PER_DAY } from '../../../shared/time/window.ts';
import { dayOf } from '../../storage/rollup-keys.ts';
import type { RollupOutline } from '../../storage/rollup-outline.ts';
import type { RolledPlan } from './plan.ts';

export interface RolledDays extends RolledPlan {
  readonly acceptsPlace: (place: Place) => boolean;
  /** Hours since 1970: none from it on is in any row. */
  readonly storedUntilHour: number;
  /** Days since 1970: none before it is in any row. */
  readonly storedFromDay: number;
}

/** Of which days there are rows. */
export function storedDays({
  state,
  firstOwnerDay,
}: RollupOutline): Pick<RolledDays, 'storedUntilHour' | 'storedFromDay'> {
  const openToMs = Math.max(state.openToMs ?? 0, state.nextOpenToMs ?? 0);
  const storedUntilHour = Math.max(state.markedHour, Math.ceil(openToMs / HOUR_MS));
  return { storedUntilHour, storedFromDay: firstOwnerDay ?? dayOf(storedUntilHour) };
}

/** A site with a GPU model. */
export interface RolledGroup {
  readonly number: number;
  readonly model: string | null;
  readonly placeAt: (instantMs: number) => Place;
  readonly rates: SiteRates;
}

/** By number. */
export const groupsOf = (plan: RolledDays, join: EmissionsJoin): ReadonlyMap<number, RolledGroup> =>
  new Map(
    plan.groups.map(({ number, siteId, gpuModel }) => {
      const placeAt = plan.placeAtSite(siteId);
      return [number, { number, model: gpuModel, placeAt, rates: join.ratesOf(placeAt) }];
    }),
  );

interface RunOfDays {
  readonly isWhole: boolean;
  readonly days: number[];
}

/** Days that follow each other and are read alike. */
export function runsOfDays(
  plan: RolledDays,
  groups: ReadonlyMap<number, RolledGroup>,
  join: EmissionsJoin,
): RunOfDays[] {
  const runs: RunOfDays[] = [];
  const firstDay = Math.max(dayOf(plan.firstHour), plan.storedFromDay);
  for (let day = firstDay; day <= dayOf(plan.endHour - 1); day++) {
    const isWhole = isWholeDay(day, plan, [...groups.values()], join);
    if (runs.at(-1)?.isWhole !== isWhole) runs.push({ isWhole, days: [] });
    runs.at(-1)!.days.push(day);
  }
  return runs;
}

/** Whether all of a day that is there is taken and asked for, lies in one step and at places that do not change, each quarter at one rate. */
function isWholeDay(
  day: number,
  { isTaken, partOf, storedUntilHour, rolledUpToMs }: RolledDays,
  groups: readonly RolledGroup[],
  join: EmissionsJoin,
): boolean {
  const startMs = day * DAY_MS;
  const firstHour = day * HOURS_PER_DAY;
  const endHour = Math.min(firstHour + HOURS_PER_DAY, storedUntilHour);
  // An hour that is summed before the rows are read would be in them, and read node by node as well.
  if (endHour < firstHour + HOURS_PER_DAY && rolledUpToMs === null) return false;
  for (let hour = firstHour; hour < endHour; hour++)
    if (!isTaken(hour) || partOf(hour) !== null) return false;
  if (join.stepAt(startMs) !== join.stepAt(endHour * HOUR_MS - 1)) return false;
  return groups.every(({ rates }) => {
    const { place } = rates.at(startMs);
    for (let quarterMs = startMs; quarterMs < endHour * HOUR_MS; quarterMs += QUARTER_MS)
      if (rates.at(quarterMs).place !== place || !rates.isOne(quarterMs, quarterMs + QUARTER_MS))
        return false;
    return true;
  });
}
