/** Consumption that contracts are spread over and no sum holds: node by node, from their hours, in bounded pieces. */
import type { TimeSpan } from '../../shared/emissions/presence.ts';
import type { SupplyContract, SupplyPlan } from '../../shared/emissions/supply.ts';
import type { HourLedger } from '../../shared/ledger/hour.ts';
import { MAX_AGE_MS } from '../../shared/ledger/plausibility.ts';
import { nodesAsKnown } from '../../shared/settings/node-as-known.ts';
import { type Place, Places } from '../../shared/settings/place.ts';
import { HOUR_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { epochMs, MILLIJOULES_PER_KWH } from '../../shared/units.ts';
import { fail } from '../http/problem.ts';
import { readFleet } from '../storage/fleet.ts';
import { readSpansAsKnown } from '../storage/ledger-revisions.ts';
import { readAllSettings } from '../storage/settings.ts';
import { type Shards, shardOfNode } from '../storage/shards.ts';
import { checkKnown } from './emissions-bounds.ts';
import type { Range } from './emissions-query.ts';
import type { Left } from './emissions-rolled.ts';

/** Some ten seconds of work: 64 nodes for two months, eleven for a year. */
const MAX_NODE_HOURS = 100_000;
/** Decoded hours held at once. */
const HOURS_AT_ONCE = 2_000;

interface Consumer {
  readonly number: number;
  readonly places: readonly Place[];
  /** Of its shard, as far as it can have hours of them. */
  readonly spans: readonly TimeSpan[];
}

export const facilityKwh = (millijoules: number, { pueRatio }: Place): number =>
  (millijoules / MILLIJOULES_PER_KWH) * pueRatio;

/**
 * Null: all is added. Problems: `range_too_long`; `overloaded`.
 * @param left by shard, what sums leave
 * @param isAsKnown whether it must lack nothing that was known
 */
export async function addConsumptionByNode(
  shards: Shards,
  plan: SupplyPlan,
  contracts: readonly SupplyContract[],
  left: readonly Left[],
  range: Range,
  isAsKnown: boolean,
) {
  const consumers = await findConsumers(shards, contracts, left, range);
  const hours = consumers.reduce((sum, { spans }) => sum + hoursIn(spans), 0);
  const tooMany = hours > MAX_NODE_HOURS;
  const lacking = isAsKnown ? checkKnown(left, consumers.length, tooMany) : null;
  if (lacking !== null) return lacking;
  if (tooMany)
    return fail(
      'range_too_long',
      `The supply contracts of this time are spread over ${consumers.length} nodes and ${hours} node-hours that are not summed yet; market accounting reads at most ${MAX_NODE_HOURS} of them. Enter contracts of shorter vintages (a month, a quarter), or ask for accounting=location.`,
      'accounting',
    );
  for (const [shard, { spans }] of left.entries()) {
    const own = consumers.filter(({ number }) => shardOfNode(number) === shard);
    const size = Math.max(1, Math.floor(HOURS_AT_ONCE / Math.max(1, hoursIn(spans))));
    for (let i = 0; i < own.length; i += size) {
      const chunk = own.slice(i, i + size);
      await shards.ask(shard, (db) => addChunk(db, plan, chunk, spans, range.knownAtMs));
    }
  }
  return null;
}

async function findConsumers(
  shards: Shards,
  contracts: readonly SupplyContract[],
  left: readonly Left[],
  { fromMs, toMs, knownAtMs }: Range,
): Promise<Consumer[]> {
  if (left.every(({ spans }) => spans.length === 0)) return [];
  const fleet = await shards.rows(async (db, shard) => (left[shard]!.spans.length > 0 ? readFleet(db) : []));
  const settings = await readAllSettings(shards);
  const placesOf = new Places(settings, knownAtMs);
  return nodesAsKnown(fleet, settings, knownAtMs)
    .map(({ number, enrolledAtMs }) => ({
      number,
      places: placesOf.of(number, { startMs: epochMs(fromMs), endMs: epochMs(toMs) }),
      // No earlier hours: a spool that old could not be booked.
      spans: left[shardOfNode(number)]!.spans.map((span) => ({
        ...span,
        fromMs: Math.max(span.fromMs, enrolledAtMs - MAX_AGE_MS),
      })).filter((span) => span.fromMs < span.toMs),
    }))
    .filter(({ places, spans }) => spans.length > 0 && places.some((place) => isCovered(place, contracts)));
}

const isCovered = ({ siteId, gridZone }: Place, contracts: readonly SupplyContract[]): boolean =>
  contracts.some((contract) =>
    contract.gridZone === null ? contract.siteId === siteId : contract.gridZone === gridZone,
  );

const hoursIn = (spans: readonly TimeSpan[]): number =>
  spans.reduce((sum, { fromMs, toMs }) => sum + Math.ceil((toMs - fromMs) / HOUR_MS), 0);

async function addChunk(
  db: D1Database,
  plan: SupplyPlan,
  consumers: readonly Consumer[],
  spans: readonly TimeSpan[],
  knownAtMs: number,
): Promise<void> {
  const placesOf = new Map(consumers.map(({ number, places }) => [number, places]));
  const inOrder = [...spans].sort((a, b) => a.fromMs - b.fromMs);
  const hours = await readSpansAsKnown(db, [...placesOf.keys()], inOrder, knownAtMs);
  for (const { nodeNumber, hourStartMs, ledger } of hours)
    addHour(plan, hourStartMs, ledger, placesOf.get(nodeNumber)!, spans);
}

function addHour(
  plan: SupplyPlan,
  hourStartMs: number,
  ledger: HourLedger,
  places: readonly Place[],
  spans: readonly TimeSpan[],
): void {
  ledger.windows.forEach((epochs, index) => {
    const startMs = hourStartMs + index * WINDOW_MS;
    if (epochs.length === 0 || !spans.some((span) => span.fromMs <= startMs && startMs < span.toMs)) return;
    const place = places.find((each) => each.startMs <= startMs && startMs < each.endMs);
    if (place === undefined || place.siteId === null) return;
    const devices = epochs.flatMap((epoch) => epoch.devices);
    const millijoules = devices.reduce((sum, { energyMillijoules }) => sum + energyMillijoules, 0);
    plan.add(place.siteId, place.gridZone, startMs, facilityKwh(millijoules, place));
  });
}
