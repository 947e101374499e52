/**
 * One node's part of the join: its windows and parts, cut by the places where it stood, the steps of the series and, where
 * asked for, by whose they were.
 *
 *   facility kWh = energy / 3.6e9 x PUE       grams = facility kWh x intensity of that window
 *
 * A window belongs to the range, the step and the place that hold its start, so any split of time adds up.
 */
import type { LedgerEpoch } from '../ledger/hour.ts';
import type { Place } from '../settings/place.ts';
import { WINDOW_MS } from '../time/window.ts';
import type { DeviceType } from '../wire/ingest.ts';
import { type CellWork, cellOf, emptyWorks, type OwnerCell } from './cell-work.ts';
import type { ChargeWindow } from './charge-window.ts';
import { DeviceMeans } from './device-means.ts';
import { type DeviceShare, type OwnerOf, windowShares } from './device-shares.ts';
import { coveredMilliseconds, expectedMilliseconds, meteredTime } from './device-time.ts';
import { EmbodiedBooks } from './embodied-books.ts';
import { expectedDevices } from './expected-devices.ts';
import type { Cell } from './figures.ts';
import type { JoinNode, NodeHourLedger } from './join-node.ts';
import { OTHER_JOBS, type Owner, UNATTRIBUTED, WHOLE } from './owners.ts';
import { spansInFleet, type TimeSpan, within } from './presence.ts';
import { stepAt } from './time-steps.ts';

export interface JoinRange {
  readonly edges: readonly number[];
  readonly nowMs: number;
  /** Places that are not accepted are left out (a filter by site or zone). */
  readonly accepts: (place: Place) => boolean;
  /** Null: nobody asks whose it is. */
  readonly ownerOf: OwnerOf;
  readonly charge: ChargeWindow;
  /** Owners that are not accepted are left out (a filter by job). */
  readonly acceptsOwner: (owner: Owner) => boolean;
  /** GPUs below it count as low, 0..1. */
  readonly lowUtilizationRatio: number;
  /** Whether embodied emissions are wanted part by part too. */
  readonly withParts?: boolean | undefined;
}

export interface NodeCell {
  readonly place: Place;
  /** Index of the step. */
  readonly step: number;
  readonly owner: Owner;
  readonly cell: Cell;
  /** Device indexes of the GPUs that it was metered on or had. */
  readonly gpus: readonly number[];
}

export interface ExcludedEnergy {
  readonly gridZone: string | null;
  readonly millijoules: number;
}

/** @param hours of this node, any order, each at most once */
export function nodeCells(
  node: JoinNode,
  hours: Iterable<NodeHourLedger>,
  range: JoinRange,
): {
  readonly cells: readonly NodeCell[];
  readonly excluded: readonly ExcludedEnergy[];
  /** What the cells are of, before owners were left out. */
  readonly works: readonly CellWork[];
} {
  const { edges, nowMs, ownerOf } = range;
  const fromMs = edges[0]!;
  const toMs = Math.min(edges.at(-1)!, nowMs);
  const expected = expectedDevices(node);
  const works = emptyWorks(node, expected, range);
  const byStep = new Map<number, CellWork[]>();
  for (const work of works) byStep.set(work.step, [...(byStep.get(work.step) ?? []), work]);
  const typeOf = new Map(node.devices.map((device) => [device.deviceIndex, device.type]));
  const meter = new DeviceMeans(expected, typeOf);
  const inFleet = spansInFleet(node, nowMs);
  const embodied = new EmbodiedBooks(node, expected, nowMs, range.withParts ?? false);
  const excluded = new Map<string | null, number>();

  for (const { hourStartMs, ledger } of hours) {
    ledger.windows.forEach((epochs, index) => {
      const startMs = hourStartMs + index * WINDOW_MS;
      if (epochs.length === 0 || startMs + WINDOW_MS <= fromMs || startMs >= toMs) return;
      const shares = windowShares(epochs, typeOf, ownerOf);
      const firstStep = stepAt(edges, Math.max(startMs, fromMs));
      if (ownerOf !== null) {
        const lastStep = stepAt(edges, Math.min(startMs + WINDOW_MS, toMs) - 1);
        for (let step = firstStep; step <= lastStep; step++)
          embodied.share(byStep.get(step) ?? [], startMs, shares);
      }
      if (startMs < fromMs) return;
      const work = byStep
        .get(firstStep)
        ?.find(({ place }) => startMs >= place.startMs && startMs < place.endMs);
      if (!work) return;
      const expectedIn = within(inFleet, startMs, startMs + WINDOW_MS);
      const { wholeNodeMs, dueMs } = cover(work, epochs, expectedIn, typeOf, meter);
      attribute(work, epochs, ownerOf);
      for (const { owner, cell, window } of bookWindow(work, shares, dueMs, range)) {
        const componentsOnly = wholeNodeMs === 0 ? window.all : 0;
        const uncharged = range.charge(cell, work.place, startMs, window, componentsOnly);
        window.begun = false;
        if (uncharged > 0 && isWanted(owner, range)) addTo(excluded, work.place.gridZone, uncharged);
      }
    });
  }
  const cells: NodeCell[] = [];
  for (const work of works) {
    embodied.accrue(work);
    finishCoverage(work, meter);
    if (ownerOf !== null) leaveRest(work);
    for (const [owner, { cell, heldMs }] of work.owners) {
      if (!isWanted(owner, range)) continue;
      const gpus = [...heldMs.keys()].filter((index) => heldMs[index]! > 0 && typeOf.get(index) === 'gpu');
      cells.push({ place: work.place, step: work.step, owner, cell, gpus });
    }
  }
  return {
    cells,
    excluded: [...excluded].map(([gridZone, millijoules]) => ({ gridZone, millijoules })),
    works,
  };
}

export const isWanted = (owner: Owner, range: Pick<JoinRange, 'acceptsOwner'>): boolean =>
  owner !== OTHER_JOBS && range.acceptsOwner(owner);

/**
 * Adds the time that the node's devices were metered in this window; returns that of a meter of the whole node, and by
 * device index for how long each should have been metered.
 */
function cover(
  { coveredMs }: CellWork,
  epochs: readonly LedgerEpoch[],
  /** Of the window, what the node was in its fleet. */
  inFleet: readonly TimeSpan[],
  typeOf: ReadonlyMap<number, DeviceType>,
  meter: DeviceMeans,
): { readonly wholeNodeMs: number; readonly dueMs: readonly number[] } {
  for (const { devices } of epochs)
    for (const { deviceIndex, meteredMilliseconds, energyMillijoules } of devices)
      meter.add(deviceIndex, energyMillijoules, meteredMilliseconds);
  const metered = meteredTime(epochs, typeOf);
  const dueMs: number[] = [];
  meter.expected.forEach((device, i) => {
    // One that reports beyond its own service covers no gap of another. By window: so it is the same for every step.
    const { deviceIndex } = device;
    const seenMs = coveredMilliseconds(device, metered);
    const isNamed = deviceIndex !== null && metered.byDevice[deviceIndex] !== undefined;
    if (seenMs === 0 && !isNamed) return;
    const expectedMs = expectedMilliseconds(device, inFleet);
    coveredMs[i]! += Math.min(expectedMs, seenMs);
    if (isNamed) dueMs[deviceIndex] = expectedMs;
  });
  return { wholeNodeMs: metered.ownMeterMs, dueMs };
}

/** Adds how jobs came to their energy. */
function attribute(work: CellWork, epochs: readonly LedgerEpoch[], ownerOf: OwnerOf): void {
  for (const { jobShares } of epochs) {
    for (const { jobNumber, energyMillijoules, attribution = 'allocation' } of jobShares) {
      const { cell } = cellOf(work, ownerOf === null ? WHOLE : ownerOf(jobNumber));
      cell.byAttribution[attribution] += energyMillijoules;
    }
  }
}

/** Adds the window's energies; returns the cells of those who had any of it, with what it was. */
function bookWindow(
  work: CellWork,
  shares: readonly DeviceShare[],
  dueMs: readonly number[],
  range: JoinRange,
): OwnerCell[] {
  const booked: OwnerCell[] = [];
  for (const share of shares) {
    const { owner, device, type, energyMillijoules, idleMillijoules, jobMillijoules } = share;
    const own = cellOf(work, owner);
    const { cell, window } = own;
    if (!window.begun) {
      booked.push(own);
      window.all = 0;
      window.idle = 0;
      window.jobs = 0;
      window.lowUtilization = 0;
      window.begun = true;
    }
    const isHeld = energyMillijoules > 0 || share.heldMilliseconds > 0 || share.meteredMilliseconds > 0;
    if (owner === WHOLE || owner === UNATTRIBUTED || isHeld) cell.reporting = true;
    const { utilizationRatio } = device;
    const isLow = type === 'gpu' && utilizationRatio !== null && utilizationRatio < range.lowUtilizationRatio;
    const lowMillijoules = isLow ? jobMillijoules : 0;
    cell.energyMillijoules += energyMillijoules;
    cell.idleMillijoules += idleMillijoules;
    cell.jobMillijoules += jobMillijoules;
    cell.recoveredMillijoules += share.recoveredMillijoules;
    cell.lowUtilizationMillijoules += lowMillijoules;
    cell.byKind[device.kind] += energyMillijoules;
    cell.byDeviceType[type] += energyMillijoules;
    cell.meteredMilliseconds[type] += share.meteredMilliseconds;
    if (type === 'gpu') {
      cell.gpuMilliseconds += share.meteredMilliseconds;
      if (utilizationRatio !== null) {
        cell.utilizedMilliseconds += utilizationRatio * share.meteredMilliseconds;
        cell.utilizationKnownMilliseconds += share.meteredMilliseconds;
      }
    }
    const { deviceIndex } = device;
    own.heldMs[deviceIndex] = (own.heldMs[deviceIndex] ?? 0) + share.heldMilliseconds;
    own.meteredMs[deviceIndex] = (own.meteredMs[deviceIndex] ?? 0) + share.meteredMilliseconds;
    // Before its node enrolled or the device was in service nothing is due: that is no gap, and covers none.
    const due = Math.min(share.heldMilliseconds, dueMs[deviceIndex] ?? 0);
    own.dueMs[deviceIndex] = (own.dueMs[deviceIndex] ?? 0) + due;
    own.coveredMs[deviceIndex] = (own.coveredMs[deviceIndex] ?? 0) + Math.min(due, share.meteredMilliseconds);
    window.all += energyMillijoules;
    window.idle += idleMillijoules;
    window.jobs += jobMillijoules;
    window.lowUtilization += lowMillijoules;
  }
  return booked;
}

function addTo<K>(sums: Map<K, number>, key: K, term: number): void {
  sums.set(key, (sums.get(key) ?? 0) + term);
}

/** Coverage, and what the gaps would have used at the mean power of the device (or of its like on this node). */
function finishCoverage({ whole, expectedMs, coveredMs, owners }: CellWork, meter: DeviceMeans): void {
  meter.expected.forEach((device, i) => {
    whole.expectedMilliseconds += expectedMs[i]!;
    whole.coveredMilliseconds += coveredMs[i]!;
    const gapMs = expectedMs[i]! - coveredMs[i]!;
    whole.gapMilliseconds[device.type] += gapMs;
    whole.missingMillijoulesEstimate += gapMs * meter.meanWatts(device);
    const { deviceIndex } = device;
    if (deviceIndex === null) return;
    for (const own of owners.values()) {
      const { cell } = own;
      if (cell === whole) continue;
      const due = own.dueMs[deviceIndex] ?? 0;
      const covered = own.coveredMs[deviceIndex] ?? 0;
      cell.expectedMilliseconds += due;
      cell.coveredMilliseconds += covered;
      cell.gapMilliseconds[device.type] += due - covered;
      cell.missingMillijoulesEstimate += (due - covered) * meter.meanWatts(device);
    }
  });
}

const LEFT_TO_NOBODY = [
  'expectedMilliseconds',
  'coveredMilliseconds',
  'missingMillijoulesEstimate',
  'embodiedGrams',
  'embodiedGramsLow',
  'embodiedGramsHigh',
] as const;

/** Of time and of hardware nobody is known to have what neither jobs had nor was proven idle. */
function leaveRest(work: CellWork): void {
  const { whole } = work;
  const rest = cellOf(work, UNATTRIBUTED).cell;
  for (const key of LEFT_TO_NOBODY) {
    let others = 0;
    for (const { cell } of work.owners.values()) if (cell !== rest) others += cell[key];
    // Below zero only by rounding, or where more was allocated than the node has.
    rest[key] = Math.max(0, whole[key] - others);
  }
}
