/** Market accounting: sums up all consumption that the contracts of the time could cover, and spreads them over it. */
import { type ContractUse, contractsTouching, SupplyPlan } from '../../shared/emissions/supply.ts';
import { SiteRates } from '../../shared/rollup/site-rates.ts';
import { supplyContracts } from '../../shared/settings/supply-contracts.ts';
import { HOUR_MS, WINDOW_MS, WINDOWS_PER_HOUR } from '../../shared/time/window.ts';
import { ok, type Result } from '../http/problem.ts';
import { openDatabase } from '../storage/database.ts';
import { readSiteSettings } from '../storage/settings.ts';
import type { Shards } from '../storage/shards.ts';
import { checkHourSums } from './emissions-bounds.ts';
import type { EmissionsQuery, Range } from './emissions-query.ts';
import { isAnswerAsKnown, RolledParts } from './emissions-rolled.ts';
import type { AskedHour } from './rollup/read.ts';
import { addConsumptionByNode, facilityKwh } from './supply-by-node.ts';

export interface Supply {
  readonly plan: SupplyPlan;
  /** What each contract of the time came to, over its whole vintage until now. */
  readonly uses: readonly ContractUse[];
  /** Hours of the vintages that changed and are counted as they were. */
  readonly hoursWaiting: number;
  /** Until when what was used is in it, where that is neither the end of the vintages nor now. */
  readonly rolledUpToMs: number | null;
}

/**
 * A contract is spread over all consumption of its vintage and boundary, whatever part of it is asked for, so that every
 * question has the same answer. Problems: `range_too_long`; of what was known then also `overloaded`.
 */
export async function loadSupply(
  shards: Shards,
  query: EmissionsQuery,
  range: Range,
  nowMs: number,
): Promise<Result<Supply>> {
  const { fromMs, toMs, knownAtMs } = range;
  const settings = await readSiteSettings(openDatabase(shards.main));
  const contracts = contractsTouching(supplyContracts(settings, knownAtMs), fromMs, toMs);
  const plan = new SupplyPlan(contracts);
  const startMs = Math.min(...contracts.map((contract) => contract.fromMs));
  const endMs = Math.min(range.nowMs, Math.max(...contracts.map((contract) => contract.toMs)));
  if (startMs >= endMs) return ok({ plan, uses: plan.spread(), hoursWaiting: 0, rolledUpToMs: null });
  // Whole hours, which sums hold for ever: what of them is in no vintage has no contract to be spread.
  const toHourMs = Math.min(range.nowMs, Math.ceil(endMs / HOUR_MS) * HOUR_MS);
  const fromHourMs = Math.floor(startMs / HOUR_MS) * HOUR_MS;
  const vintages = { ...range, fromMs: fromHourMs, toMs: toHourMs, joinToMs: toHourMs };
  const { basis, signal, asOfMs, sumsAsKnown } = query;
  const everything = {
    nodeId: null,
    step: 'none',
    energyAlone: true,
    ...{ basis, signal, asOfMs, sumsAsKnown },
  } as const;
  const sums = await RolledParts.read(shards, everything, [], vintages, nowMs);
  const tooMuch = checkHourSums(sums.hourSums, 'accounting');
  if (tooMuch !== null) return tooMuch;
  const ratesOf = ratesBySite(plan);
  for await (const hours of sums.hours())
    for (const hour of hours) addSums(plan, hour, ratesOf(hour.placeAt));
  const { left } = sums;
  const refused = await addConsumptionByNode(shards, plan, contracts, left, vintages, isAnswerAsKnown(query));
  if (refused !== null) return refused;
  const hoursWaiting = left.reduce((sum, own) => sum + own.hoursWaiting, 0);
  const ends = left.flatMap((own) => own.rolledUpToMs ?? []);
  return ok({
    plan,
    uses: plan.spread(),
    hoursWaiting,
    rolledUpToMs: ends.length === 0 ? null : Math.min(...ends),
  });
}

const NO_INTENSITY = () => () => null;

/** Windows of a site that follow each other at one place, under the same contracts. */
function ratesBySite(plan: SupplyPlan) {
  const known = new Map<AskedHour['placeAt'], SiteRates>();
  return (placeAt: AskedHour['placeAt']): SiteRates => {
    const rates = known.get(placeAt) ?? new SiteRates(placeAt, { intensityOf: NO_INTENSITY, supply: plan });
    known.set(placeAt, rates);
    return rates;
  };
}

function addSums(plan: SupplyPlan, { startMs, sums }: AskedHour, rates: SiteRates): void {
  for (const run of rates.runs(startMs, WINDOW_MS, WINDOWS_PER_HOUR)) {
    const sum = sums.sumOf(run.firstSlot, run.endSlot);
    const { place } = run.rate;
    if (sum !== null && place.siteId !== null)
      plan.add(place.siteId, place.gridZone, run.startMs, facilityKwh(sum.all, place));
  }
}
