/**
 * One node's part of the join: its windows and parts, cut by the places where it stood and the steps of the series.
 *
 *   facility kWh = energy / 3.6e9 x PUE       grams = facility kWh x intensity of that window
 *
 * A window belongs to the range, the step and the place that hold its start, so any split of time adds up.
 */
import { accrualsOf, accruedShare } from '../embodied/amortization.ts';
import type { IntensityResolver } from '../grid/resolve.ts';
import type { LedgerEpoch } from '../ledger/hour.ts';
import type { Place } from '../settings/place.ts';
import { WINDOW_MS } from '../time/window.ts';
import { MILLIJOULES_PER_KWH } from '../units.ts';
import type { DeviceType } from '../wire/ingest.ts';
import { type ExpectedDevice, expectedDevices } from './expected-devices.ts';
import { Cell } from './figures.ts';
import type { JoinNode, NodeHourLedger } from './join-node.ts';
import { stepAt, windowCeiling } from './time-steps.ts';

export interface JoinRange {
  readonly edges: readonly number[];
  readonly nowMs: number;
  /** Places that are not accepted are left out (a filter by site or zone). */
  readonly accepts: (place: Place) => boolean;
  readonly intensityOf: (gridZone: string) => IntensityResolver;
}

export interface NodeCell {
  readonly place: Place;
  /** Index of the step. */
  readonly step: number;
  readonly cell: Cell;
}

export interface ExcludedEnergy {
  readonly gridZone: string | null;
  readonly millijoules: number;
}

interface CellWork extends NodeCell {
  /** By expected device. */
  readonly expectedMs: number[];
  readonly coveredMs: number[];
}

/** @param hours of this node, any order, each at most once */
export function nodeCells(
  node: JoinNode,
  hours: Iterable<NodeHourLedger>,
  range: JoinRange,
): { readonly cells: readonly NodeCell[]; readonly excluded: readonly ExcludedEnergy[] } {
  const { edges, nowMs } = range;
  const fromMs = edges[0]!;
  const toMs = Math.min(edges.at(-1)!, nowMs);
  const expected = expectedDevices(node);
  const works = emptyCells(node, expected, range);
  const byStep = new Map<number, CellWork[]>();
  for (const work of works) byStep.set(work.step, [...(byStep.get(work.step) ?? []), work]);
  const typeOf = new Map(node.devices.map((device) => [device.deviceIndex, device.type]));
  const meter = new DeviceMeans(expected, typeOf);
  const excluded = new Map<string | null, number>();

  for (const { hourStartMs, ledger } of hours) {
    ledger.windows.forEach((epochs, index) => {
      const startMs = hourStartMs + index * WINDOW_MS;
      if (epochs.length === 0 || startMs < fromMs || startMs >= toMs) return;
      const work = byStep
        .get(stepAt(edges, startMs))
        ?.find(({ place }) => startMs >= place.startMs && startMs < place.endMs);
      if (!work) return;
      const millijoules = bookWindow(work, epochs, typeOf, meter);
      const uncharged = chargeWindow(work, epochs, startMs, millijoules, range);
      if (uncharged > 0)
        excluded.set(work.place.gridZone, (excluded.get(work.place.gridZone) ?? 0) + uncharged);
    });
  }
  for (const work of works) finishCoverage(work, meter);
  accrueEmbodied(node, works, range);
  return {
    cells: works,
    excluded: [...excluded].map(([gridZone, millijoules]) => ({ gridZone, millijoules })),
  };
}

/** A cell for each place and step, with the time that each device should have been metered in it. */
function emptyCells(node: JoinNode, expected: readonly ExpectedDevice[], range: JoinRange): CellWork[] {
  const { edges, nowMs } = range;
  const untilMs = Math.min(nowMs, node.retiredAtMs ?? Number.POSITIVE_INFINITY);
  const works: CellWork[] = [];
  for (const place of node.places) {
    if (!range.accepts(place)) continue;
    for (let step = 0; step + 1 < edges.length && edges[step]! < nowMs; step++) {
      const startMs = Math.max(edges[step]!, place.startMs);
      const endMs = Math.min(edges[step + 1]!, place.endMs);
      if (startMs >= endMs) continue;
      const cell = new Cell();
      cell.inFleet = startMs < untilMs && endMs > node.enrolledAtMs;
      const fromMs = Math.max(windowCeiling(startMs), node.enrolledAtMs);
      const toMs = Math.min(windowCeiling(endMs), untilMs);
      const expectedMs = expected.map((device) =>
        Math.max(0, Math.min(toMs, device.untilMs) - Math.max(fromMs, device.sinceMs)),
      );
      works.push({ place, step, cell, expectedMs, coveredMs: expected.map(() => 0) });
    }
  }
  return works;
}

/** Adds the window's energies; returns their sum. */
function bookWindow(
  { cell, coveredMs }: CellWork,
  epochs: readonly LedgerEpoch[],
  typeOf: ReadonlyMap<number, DeviceType>,
  meter: DeviceMeans,
): number {
  let total = 0;
  let ownMeterMs = 0;
  const meteredMs = new Map<number, number>();
  for (const { devices, jobShares } of epochs) {
    for (const device of devices) {
      const { deviceIndex, energyMillijoules, meteredMilliseconds } = device;
      const type = typeOf.get(deviceIndex);
      if (type === undefined)
        throw new RangeError(`device ${deviceIndex} of an hour is not in its node's registry`);
      total += energyMillijoules;
      cell.energyMillijoules += energyMillijoules;
      cell.idleMillijoules += device.idleMillijoules;
      cell.recoveredMillijoules += device.recoveredMillijoules;
      cell.byKind[device.kind] += energyMillijoules;
      cell.byDeviceType[type] += energyMillijoules;
      if (type === 'gpu') cell.gpuMilliseconds += meteredMilliseconds;
      if (type === 'other') ownMeterMs += meteredMilliseconds;
      cell.reporting = true;
      meteredMs.set(deviceIndex, (meteredMs.get(deviceIndex) ?? 0) + meteredMilliseconds);
      meter.add(deviceIndex, energyMillijoules, meteredMilliseconds);
    }
    for (const share of jobShares) cell.jobMillijoules += share.energyMillijoules;
  }
  meter.expected.forEach(({ deviceIndex }, i) => {
    const own = deviceIndex === null ? 0 : (meteredMs.get(deviceIndex) ?? 0);
    coveredMs[i]! += Math.max(own, ownMeterMs);
  });
  return total;
}

/** Adds facility energy and grams; returns the millijoules that no intensity is known for. */
function chargeWindow(
  { cell, place }: CellWork,
  epochs: readonly LedgerEpoch[],
  startMs: number,
  millijoules: number,
  range: JoinRange,
): number {
  const facilityKwhPerMillijoule = place.pueRatio / MILLIJOULES_PER_KWH;
  cell.facilityKwh.add(millijoules * facilityKwhPerMillijoule);
  const intensity = place.gridZone === null ? null : range.intensityOf(place.gridZone)(startMs);
  if (intensity === null) return millijoules;
  let idle = 0;
  let jobs = 0;
  for (const { devices, jobShares } of epochs) {
    for (const device of devices) idle += device.idleMillijoules;
    for (const share of jobShares) jobs += share.energyMillijoules;
  }
  const gramsPerMillijoule = facilityKwhPerMillijoule * intensity.gramsPerKwh;
  cell.byGridKind[intensity.kind] += millijoules;
  cell.grams.add(millijoules * gramsPerMillijoule);
  cell.idleGrams.add(idle * gramsPerMillijoule);
  cell.unattributedGrams.add((millijoules - idle - jobs) * gramsPerMillijoule);
  return 0;
}

/** Coverage, and what the gaps would have used at the mean power of the device (or of its like on this node). */
function finishCoverage({ cell, expectedMs, coveredMs }: CellWork, meter: DeviceMeans): void {
  meter.expected.forEach((device, i) => {
    cell.expectedMilliseconds += expectedMs[i]!;
    cell.coveredMilliseconds += coveredMs[i]!;
    const gapMs = expectedMs[i]! - coveredMs[i]!;
    if (gapMs > 0) cell.missingMillijoulesEstimate += gapMs * meter.meanWatts(device);
  });
}

function accrueEmbodied(node: JoinNode, works: readonly CellWork[], { edges, nowMs }: JoinRange): void {
  const lifetimes = node.places.flatMap(({ startMs, lifetimeYears }) =>
    lifetimeYears === null ? [] : [{ fromMs: startMs, years: lifetimeYears }],
  );
  const untilMs = Math.min(nowMs, node.retiredAtMs ?? Number.POSITIVE_INFINITY);
  for (const part of node.parts) {
    const accruals = accrualsOf(part, lifetimes);
    for (const { place, step, cell } of works) {
      const share = accruedShare(
        accruals,
        Math.max(edges[step]!, place.startMs, node.enrolledAtMs),
        Math.min(edges[step + 1]!, place.endMs, untilMs),
      );
      cell.embodiedGrams += part.grams * share;
      cell.embodiedGramsLow += part.gramsLow * share;
      cell.embodiedGramsHigh += part.gramsHigh * share;
    }
  }
}

/** Mean power of each device and of each type over the range. */
class DeviceMeans {
  readonly expected: readonly ExpectedDevice[];
  readonly #typeOf: ReadonlyMap<number, DeviceType>;
  readonly #sums = new Map<number | DeviceType, { millijoules: number; milliseconds: number }>();

  constructor(expected: readonly ExpectedDevice[], typeOf: ReadonlyMap<number, DeviceType>) {
    this.expected = expected;
    this.#typeOf = typeOf;
  }

  add(deviceIndex: number, millijoules: number, milliseconds: number): void {
    for (const key of [deviceIndex, this.#typeOf.get(deviceIndex)!]) {
      const sum = this.#sums.get(key) ?? { millijoules: 0, milliseconds: 0 };
      sum.millijoules += millijoules;
      sum.milliseconds += milliseconds;
      this.#sums.set(key, sum);
    }
  }

  /** Millijoules per millisecond; 0 where no device of this type was metered. */
  meanWatts({ deviceIndex, type }: ExpectedDevice): number {
    const own = deviceIndex === null ? undefined : this.#sums.get(deviceIndex);
    const sum = own && own.milliseconds > 0 ? own : this.#sums.get(type);
    return sum && sum.milliseconds > 0 ? sum.millijoules / sum.milliseconds : 0;
  }
}
