/** One node's windows as the ledger holds them, beside the time that each device should have been metered. */
import type { LedgerDevice, LedgerEpoch, LedgerJobShare } from '../ledger/hour.ts';
import { WINDOW_MS } from '../time/window.ts';
import type { DeviceType } from '../wire/ingest.ts';
import { coveredMilliseconds, expectedMilliseconds, meteredTime } from './device-time.ts';
import { type ExpectedDevice, type ExpectingNode, expectedDevices } from './expected-devices.ts';
import type { NodeHourLedger } from './join-node.ts';
import { type Presence, spansInFleet, within } from './presence.ts';
import { windowCeiling } from './time-steps.ts';

export interface NodeWindow {
  readonly startMs: number;
  readonly devices: readonly WindowDevice[];
}

/** One device in one window; its sums are over all epochs. */
export interface WindowDevice {
  readonly id: string;
  readonly type: DeviceType;
  readonly name: string;
  readonly energyMillijoules: number;
  readonly meteredMilliseconds: number;
  readonly expectedMilliseconds: number;
  /** Metered by the device or by the meter of the whole node; may be more than expected. */
  readonly coveredMilliseconds: number;
  /** Empty where nobody reported it. */
  readonly epochs: readonly DeviceEpoch[];
}

export interface DeviceEpoch extends Omit<LedgerDevice, 'deviceIndex'> {
  readonly epoch: string;
  readonly revision: number;
  readonly final: boolean;
  readonly jobs: readonly Omit<LedgerJobShare, 'deviceIndex'>[];
}

export type WindowsNode = ExpectingNode & Presence;

/**
 * Every window that starts in `[fromMs, toMs)` before `nowMs` and holds a report or expected time, in order.
 * @param hours of this node, each at most once
 */
export function nodeWindows(
  node: WindowsNode,
  hours: Iterable<NodeHourLedger>,
  { fromMs, toMs, nowMs }: { readonly fromMs: number; readonly toMs: number; readonly nowMs: number },
): NodeWindow[] {
  const expected = expectedDevices(node);
  const inFleet = spansInFleet(node, nowMs);
  const typeOf = new Map(node.devices.map(({ deviceIndex, type }) => [deviceIndex, type]));
  const epochsAt = new Map<number, readonly LedgerEpoch[]>();
  for (const { hourStartMs, ledger } of hours)
    for (const [index, epochs] of ledger.windows.entries())
      epochsAt.set(hourStartMs + index * WINDOW_MS, epochs);
  // The node's own meter, where it stands beside others: it covers them and is itself expected of nobody.
  const beside = node.devices.filter(
    ({ deviceIndex }) => !expected.some((device) => device.deviceIndex === deviceIndex),
  );
  const windows: NodeWindow[] = [];
  for (let startMs = windowCeiling(fromMs); startMs < Math.min(toMs, nowMs); startMs += WINDOW_MS) {
    const epochs = epochsAt.get(startMs) ?? [];
    const spans = within(inFleet, startMs, startMs + WINDOW_MS);
    const metered = meteredTime(epochs, typeOf);
    const devices = [
      ...expected.map((device) => ({
        ...windowDevice(device, epochs),
        expectedMilliseconds: expectedMilliseconds(device, spans),
        coveredMilliseconds: coveredMilliseconds(device, metered),
      })),
      ...beside.map((device) => ({
        ...windowDevice(device, epochs),
        expectedMilliseconds: 0,
        coveredMilliseconds: 0,
      })),
    ].filter((device) => device.expectedMilliseconds + device.coveredMilliseconds + device.epochs.length > 0);
    if (devices.length > 0) windows.push({ startMs, devices });
  }
  return windows;
}

function windowDevice(
  { id, type, name, deviceIndex }: Pick<ExpectedDevice, 'id' | 'type' | 'name' | 'deviceIndex'>,
  all: readonly LedgerEpoch[],
) {
  const epochs = all.flatMap((epoch) => deviceEpochs(epoch, deviceIndex));
  return {
    id,
    type,
    name,
    energyMillijoules: epochs.reduce((sum, { energyMillijoules }) => sum + energyMillijoules, 0),
    meteredMilliseconds: epochs.reduce((sum, { meteredMilliseconds }) => sum + meteredMilliseconds, 0),
    epochs,
  };
}

function deviceEpochs(
  { epoch, revision, final, devices, jobShares }: LedgerEpoch,
  deviceIndex: number | null,
): DeviceEpoch[] {
  return devices
    .filter((device) => device.deviceIndex === deviceIndex)
    .map(({ deviceIndex: _, ...device }) => ({
      epoch,
      revision,
      final,
      ...device,
      jobs: jobShares
        .filter((share) => share.deviceIndex === deviceIndex)
        .map(({ deviceIndex: __, ...share }) => share),
    }));
}
