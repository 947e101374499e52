/** A window's energy and time of each device among its jobs: exact, by largest remainder, once per holding. */
import { MAX_HOUR_ENTRIES } from '../ledger/merge.ts';
import { splitInteger } from '../split.ts';
import { WINDOW_MS, WINDOWS_PER_HOUR } from '../time/window.ts';
import type { JobAttribution, JobReport } from '../wire/ingest.ts';
import { type Holding, weakerAttribution } from './allocation.ts';
import type { Accumulator, JobsState, MeterCounts } from './meter-state.ts';

/** Below this the rest of a device is a rounding error of the fractions. */
const NO_REST = 1e-9;

/** The server's bound for one report. */
const MAX_JOBS = 200;

/** A window's part of what the server holds of an hour: more would be set aside there, with all of the window's energy. */
const MAX_WINDOW_ENTRIES = MAX_HOUR_ENTRIES / WINDOWS_PER_HOUR;

export interface DeviceShare {
  readonly jobId: string;
  energyMillijoules: number;
  allocatedMilliseconds: number;
  attribution: JobAttribution;
}

export interface DeviceSplit {
  readonly shares: readonly DeviceShare[];
  readonly idleMillijoules: number;
}

/** @param bySensor a device's meters: those of one sensor run side by side, other sensors took over from them */
export function splitDevice(
  bySensor: ReadonlyMap<string, readonly Accumulator[]>,
  holdings: Readonly<Record<string, Holding>>,
): DeviceSplit {
  const totals = [...bySensor.values()].flat();
  const ids = [...new Set(totals.flatMap((total) => Object.keys(total.holdings)))].sort();
  const byJob = new Map<string, DeviceShare>();
  let idleMillijoules = 0;
  let leftMilliseconds = WINDOW_MS;
  for (const id of ids) {
    const { shares, restIdle } = holdings[id] ?? { shares: [], restIdle: false };
    const weights = shares.map((share) => share.fraction);
    const rest = 1 - weights.reduce((sum, weight) => sum + weight, 0);
    if (rest > NO_REST || weights.length === 0) weights.push(Math.max(rest, 0));
    const energy = sum(totals, (total) => total.holdings[id]?.energyMillijoules ?? 0);
    const provenIdle = sum(totals, (total) => total.holdings[id]?.idleMillijoules ?? 0);
    const milliseconds = Math.min(millisecondsOf(bySensor, id), leftMilliseconds);
    leftMilliseconds -= milliseconds;
    const busyParts = splitInteger(energy - provenIdle, weights);
    const idleParts = splitInteger(provenIdle, weights);
    const timeParts = splitInteger(milliseconds, weights);
    shares.forEach(({ jobId, attribution }, index) => {
      const share = byJob.get(jobId) ?? {
        jobId,
        energyMillijoules: 0,
        allocatedMilliseconds: 0,
        attribution,
      };
      share.energyMillijoules += busyParts[index]! + idleParts[index]!;
      share.allocatedMilliseconds += timeParts[index]!;
      share.attribution = weakerAttribution(share.attribution, attribution);
      byJob.set(jobId, share);
    });
    idleMillijoules += (idleParts[shares.length] ?? 0) + (restIdle ? (busyParts[shares.length] ?? 0) : 0);
  }
  return { shares: [...byJob.values()], idleMillijoules };
}

/**
 * The jobs of a window, in order of id. Beyond the server's bounds the jobs of least energy are left out: theirs is
 * nobody's then, and counted.
 */
export function jobReports(
  splits: ReadonlyMap<string, DeviceSplit>,
  { labels }: JobsState,
  counts: MeterCounts | null,
): JobReport[] {
  const byJob = new Map<string, { deviceId: string; share: DeviceShare }[]>();
  for (const [deviceId, { shares }] of splits)
    for (const share of shares) {
      if (share.energyMillijoules === 0 && share.allocatedMilliseconds === 0) continue;
      byJob.set(share.jobId, [...(byJob.get(share.jobId) ?? []), { deviceId, share }]);
    }
  const largestFirst = [...byJob]
    .map(([id, held]) => ({ id, held, energy: sum(held, ({ share }) => share.energyMillijoules) }))
    .sort((a, b) => b.energy - a.energy || (a.id < b.id ? -1 : 1));
  const kept: JobReport[] = [];
  let room = MAX_WINDOW_ENTRIES - 1 - splits.size;
  for (const { id, held, energy } of largestFirst) {
    if (kept.length === MAX_JOBS || held.length > room) {
      if (counts !== null) counts.jobMillijoulesForgotten += energy;
      continue;
    }
    room -= held.length;
    const attribution = held.map(({ share }) => share.attribution).reduce(weakerAttribution);
    kept.push({
      id,
      ...labels[id],
      ...(attribution === 'allocation' ? {} : { attribution }),
      devices: held.map(({ deviceId, share }) => ({
        id: deviceId,
        energyMillijoules: share.energyMillijoules,
        allocatedMilliseconds: share.allocatedMilliseconds,
      })),
    });
  }
  return kept.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Held while all domains are metered, as a device is. */
function millisecondsOf(bySensor: ReadonlyMap<string, readonly Accumulator[]>, id: string): number {
  let milliseconds = 0;
  for (const domains of bySensor.values())
    milliseconds += Math.min(...domains.map((total) => total.holdings[id]?.milliseconds ?? 0));
  return milliseconds;
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
