/** One reading of every sensor, for `wattshed once` and `wattshed doctor`. */
import type { Meter, Reading } from '../../shared/metering/reading.ts';
import { monotonicMs } from '../../shared/units.ts';
import type { SensorHealth } from '../../shared/wire/ingest.ts';
import { systemClock } from '../clock.ts';
import type { SensorOptions } from './list.ts';
import { openSensors } from './sensor-set.ts';

export interface OnceReport {
  /** Every sensor: found, standing by, absent, forbidden or broken, with the fix where there is one. */
  readonly sensors: readonly SensorHealth[];
  /** Every meter with its newest reading; null where it gave none. */
  readonly meters: readonly { readonly meter: Meter; readonly reading: Reading | null }[];
}

/** A load is a share of some time: shorter ones say little. */
const OBSERVE_MS = 1000;

/** A person who asks wants all of them: a driver that has to be loaded first takes many seconds. */
const PATIENCE_MS = 30_000;

/** Takes about a second. */
export async function readOnce(options: SensorOptions): Promise<OnceReport> {
  const clock = options.clock ?? systemClock;
  const set = await openSensors(options, PATIENCE_MS);
  try {
    // Two reads: a load is a share of the time between them, and some counters have to agree with the power first.
    const first = await set.read();
    await clock.sleepUntil(monotonicMs(clock.monotonicNow() + OBSERVE_MS));
    const newest = new Map([...first, ...(await set.read())].map((reading) => [reading.meterId, reading]));
    return {
      sensors: set.health(),
      meters: set.meters.map((meter) => ({ meter, reading: newest.get(meter.id) ?? null })),
    };
  } finally {
    await set.close();
  }
}
