/** The two sides of coverage: for how long a device should have been metered, and for how long it was. */
import { spansInService } from '../embodied/amortization.ts';
import type { LedgerEpoch } from '../ledger/hour.ts';
import type { DeviceType } from '../wire/ingest.ts';
import type { ExpectedDevice } from './expected-devices.ts';
import { type TimeSpan, within } from './presence.ts';

/** @param inFleet disjoint spans in which its node was in the fleet */
export function expectedMilliseconds(
  { sinceMs, untilMs, absences }: ExpectedDevice,
  inFleet: readonly TimeSpan[],
): number {
  // Nearly every device, in every window: nothing is made for it.
  if (absences === undefined || absences.length === 0) {
    let milliseconds = 0;
    for (const { fromMs, toMs } of inFleet)
      milliseconds += Math.max(0, Math.min(untilMs, toMs) - Math.max(sinceMs, fromMs));
    return milliseconds;
  }
  const spans = spansInService({ inServiceMs: sinceMs, outOfServiceMs: untilMs, absences });
  return inFleet
    .flatMap(({ fromMs, toMs }) => within(spans, fromMs, toMs))
    .reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
}

/** Of one window, all epochs together. */
export interface MeteredTime {
  /** By device index; nothing for one that no report names. */
  readonly byDevice: readonly (number | undefined)[];
  /** Of the meter of the whole node. */
  readonly ownMeterMs: number;
}

export function meteredTime(
  epochs: readonly LedgerEpoch[],
  typeOf: ReadonlyMap<number, DeviceType>,
): MeteredTime {
  const byDevice: number[] = [];
  let ownMeterMs = 0;
  for (const { devices } of epochs) {
    for (const { deviceIndex, meteredMilliseconds } of devices) {
      byDevice[deviceIndex] = (byDevice[deviceIndex] ?? 0) + meteredMilliseconds;
      if (typeOf.get(deviceIndex) === 'other') ownMeterMs += meteredMilliseconds;
    }
  }
  return { byDevice, ownMeterMs };
}

/** What the node's own meter saw counts for all of its devices. */
export function coveredMilliseconds({ deviceIndex }: ExpectedDevice, metered: MeteredTime): number {
  const own = deviceIndex === null ? 0 : (metered.byDevice[deviceIndex] ?? 0);
  return Math.max(own, metered.ownMeterMs);
}
