/** Market accounting: reads all consumption that the contracts of the time could cover, and spreads them over it. */
import { type ContractUse, contractsTouching, SupplyPlan } from '../../shared/emissions/supply.ts';
import type { HourLedger } from '../../shared/ledger/hour.ts';
import { MAX_AGE_MS } from '../../shared/ledger/plausibility.ts';
import type { SettingRow } from '../../shared/settings/effective.ts';
import { type Place, Places } from '../../shared/settings/place.ts';
import { supplyContracts } from '../../shared/settings/supply-contracts.ts';
import { HOUR_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { epochMs, MILLIJOULES_PER_KWH } from '../../shared/units.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import type { FleetNode } from '../storage/fleet.ts';
import { readFleetHoursAsKnown } from '../storage/fleet-hours.ts';
import type { Shards } from '../storage/shards.ts';

export interface Supply {
  readonly plan: SupplyPlan;
  /** What each contract of the time came to, over its whole vintage until now. */
  readonly uses: readonly ContractUse[];
}

export interface SupplyRange {
  readonly fromMs: number;
  readonly toMs: number;
  readonly nowMs: number;
  readonly knownAtMs: number;
}

/** Some ten seconds of work: 64 nodes for two months, eleven for a year. */
const MAX_NODE_HOURS = 100_000;
/** Decoded hours held at once. */
const HOURS_AT_ONCE = 2_000;

/**
 * A contract is spread over all consumption of its vintage and boundary, whatever part of it is asked for, so that every
 * question has the same answer. Problem: `range_too_long`.
 */
export async function loadSupply(
  shards: Shards,
  fleet: readonly FleetNode[],
  settings: readonly SettingRow[],
  { fromMs, toMs, nowMs, knownAtMs }: SupplyRange,
): Promise<Result<Supply>> {
  const contracts = contractsTouching(supplyContracts(settings, knownAtMs), fromMs, toMs);
  const plan = new SupplyPlan(contracts);
  if (contracts.length === 0) return ok({ plan, uses: [] });
  const startMs = Math.min(...contracts.map((contract) => contract.fromMs));
  const endMs = Math.min(nowMs, Math.max(...contracts.map((contract) => contract.toMs)));
  if (startMs >= endMs) return ok({ plan, uses: plan.spread() });
  const placesOf = new Places(settings, knownAtMs);
  const consumers = fleet
    .map(({ number, enrolledAtMs }) => ({
      number,
      // No earlier hours: a spool that old could not be booked.
      fromMs: Math.max(startMs, enrolledAtMs - MAX_AGE_MS),
      places: placesOf.of(number, { startMs: epochMs(startMs), endMs: epochMs(endMs) }),
    }))
    .filter(({ fromMs }) => fromMs < endMs)
    .sort((a, b) => a.fromMs - b.fromMs)
    .filter(({ places }) =>
      places.some(({ siteId, gridZone }) =>
        contracts.some((contract) =>
          contract.gridZone === null ? contract.siteId === siteId : contract.gridZone === gridZone,
        ),
      ),
    );
  const hoursFrom = (fromMs: number) => Math.ceil((endMs - fromMs) / HOUR_MS);
  const hours = consumers.reduce((sum, { fromMs }) => sum + hoursFrom(fromMs), 0);
  if (hours > MAX_NODE_HOURS)
    return fail(
      'range_too_long',
      `The supply contracts of this time are spread over ${consumers.length} nodes and ${hours} node-hours; market accounting reads at most ${MAX_NODE_HOURS}. Enter contracts of shorter vintages (a month, a quarter), or ask for accounting=location.`,
      'accounting',
    );
  for (let i = 0; i < consumers.length; ) {
    const { fromMs } = consumers[i]!;
    const size = Math.max(1, Math.floor(HOURS_AT_ONCE / hoursFrom(fromMs)));
    const chunk = new Map(consumers.slice(i, i + size).map(({ number, places }) => [number, places]));
    const query = { nodeNumbers: [...chunk.keys()], fromMs, toMs: endMs };
    for (const { nodeNumber, hourStartMs, ledger } of await readFleetHoursAsKnown(shards, query, knownAtMs))
      addHour(plan, hourStartMs, ledger, chunk.get(nodeNumber)!);
    i += size;
  }
  return ok({ plan, uses: plan.spread() });
}

function addHour(plan: SupplyPlan, hourStartMs: number, ledger: HourLedger, places: readonly Place[]): void {
  ledger.windows.forEach((epochs, index) => {
    const startMs = hourStartMs + index * WINDOW_MS;
    const place = places.find((each) => each.startMs <= startMs && startMs < each.endMs);
    if (place === undefined || place.siteId === null || epochs.length === 0) return;
    const devices = epochs.flatMap((epoch) => epoch.devices);
    const millijoules = devices.reduce((sum, { energyMillijoules }) => sum + energyMillijoules, 0);
    plan.add(place.siteId, place.gridZone, startMs, (millijoules / MILLIJOULES_PER_KWH) * place.pueRatio);
  });
}
