/** One node's part of the facts: its windows of one hour, each in the place where it stood. */
import { coveredMilliseconds, expectedMilliseconds, meteredTime } from '../emissions/device-time.ts';
import { EmbodiedLine } from '../emissions/embodied-lines.ts';
import { expectedDevices } from '../emissions/expected-devices.ts';
import type { JoinNode } from '../emissions/join-node.ts';
import { spansInFleet, within } from '../emissions/presence.ts';
import type { HourLedger, LedgerDevice, LedgerEpoch } from '../ledger/hour.ts';
import { lifetimesOf, type Place } from '../settings/place.ts';
import { WINDOW_MS } from '../time/window.ts';
import { MILLIJOULES_PER_KWH } from '../units.ts';
import type { DeviceType } from '../wire/ingest.ts';
import type { Facts } from './facts.ts';

export interface NodeWindow {
  readonly index: number;
  readonly place: Place;
  readonly facts: Facts;
  readonly epochs: readonly LedgerEpoch[];
}

export interface HourRange {
  readonly hourStartMs: number;
  /** Windows of the hour before this instant. */
  readonly toMs: number;
  /** False: nobody asks for embodied emissions or coverage, and neither parts nor devices were read. */
  readonly withHardware: boolean;
}

/** Windows while the node was in the fleet, or that hold energy; `ledger` is null where nothing is booked in the hour. */
export function nodeWindows(node: JoinNode, ledger: HourLedger | null, range: HourRange): NodeWindow[] {
  const hardware = range.withHardware ? new Hardware(node) : null;
  const inFleet = spansInFleet(node, Number.POSITIVE_INFINITY);
  const windows: NodeWindow[] = [];
  for (let index = 0; ; index++) {
    const startMs = range.hourStartMs + index * WINDOW_MS;
    if (startMs >= range.toMs || index === 12) return windows;
    const epochs = ledger?.windows[index] ?? [];
    if (epochs.length === 0 && within(inFleet, startMs, startMs + WINDOW_MS).length === 0) continue;
    const place = node.places.find((each) => startMs >= each.startMs && startMs < each.endMs);
    if (place === undefined) continue;
    const [embodied, expectedMs, coveredMs] = hardware?.over(startMs, epochs) ?? [0, 0, 0];
    windows.push({ index, place, epochs, facts: factsOf(epochs, place, embodied, expectedMs, coveredMs) });
  }
}

function factsOf(
  epochs: readonly LedgerEpoch[],
  { pueRatio }: Place,
  embodiedGrams: number,
  expectedMs: number,
  coveredMs: number,
): Facts {
  let energy = 0;
  let idle = 0;
  let disagreement = 0;
  for (const { devices } of epochs) {
    for (const device of devices) {
      energy += device.energyMillijoules;
      idle += device.idleMillijoules;
      disagreement = Math.max(disagreement, disagreementOf(device));
    }
  }
  return [
    energy,
    idle,
    (energy * pueRatio) / MILLIJOULES_PER_KWH,
    embodiedGrams,
    expectedMs,
    coveredMs,
    epochs.length === 0 ? 0 : 1,
    disagreement,
  ];
}

/** Below a watt-hour a power sample more or less makes a large ratio. */
const LEAST_COMPARED_MILLIJOULES = 3_600_000;

/** 0..1 of the counter; what was recovered has no power beside it, so such a window is not compared. */
function disagreementOf({
  energyMillijoules,
  integratedMillijoules,
  recoveredMillijoules,
}: LedgerDevice): number {
  if (integratedMillijoules === null || recoveredMillijoules > 0) return 0;
  if (energyMillijoules < LEAST_COMPARED_MILLIJOULES) return 0;
  return Math.abs(integratedMillijoules - energyMillijoules) / energyMillijoules;
}

/** What a job had of a window: energy and facility energy; idle time, gaps and hardware are not its own. */
export function jobFacts(energyMillijoules: number, { pueRatio }: Place): Facts {
  return [energyMillijoules, 0, (energyMillijoules * pueRatio) / MILLIJOULES_PER_KWH, 0, 0, 0, 1, 0];
}

class Hardware {
  readonly #inFleet;
  readonly #expected;
  readonly #embodied;
  readonly #typeOf: ReadonlyMap<number, DeviceType>;

  constructor(node: JoinNode) {
    this.#inFleet = spansInFleet(node, Number.POSITIVE_INFINITY);
    this.#expected = expectedDevices(node);
    this.#embodied = new EmbodiedLine(node.parts, lifetimesOf(node.places));
    this.#typeOf = new Map(node.devices.map((device) => [device.deviceIndex, device.type]));
  }

  /** Embodied grams, and milliseconds that should have been metered and were. */
  over(startMs: number, epochs: readonly LedgerEpoch[]): [number, number, number] {
    const spans = within(this.#inFleet, startMs, startMs + WINDOW_MS);
    let grams = 0;
    for (const { fromMs, toMs } of spans) grams += this.#embodied.over(fromMs, toMs).grams;
    const metered = meteredTime(epochs, this.#typeOf);
    let expectedMs = 0;
    let coveredMs = 0;
    for (const device of this.#expected) {
      const own = expectedMilliseconds(device, spans);
      expectedMs += own;
      // One that reports beyond its own service covers no gap of another.
      coveredMs += Math.min(own, coveredMilliseconds(device, metered));
    }
    return [grams, expectedMs, coveredMs];
  }
}
