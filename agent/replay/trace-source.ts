/** A trace as sensors: each read returns the samples up to the replay's now. */
import type { Meter, MeterScope, Reading } from '../../shared/metering/reading.ts';
import { monotonicMs, ratio, watts } from '../../shared/units.ts';
import type { DeviceType } from '../../shared/wire/ingest.ts';
import type { Clock } from '../clock.ts';
import type { ReadingSource } from '../run/agent-loop.ts';
import { TraceError, type TraceRow } from './trace-file.ts';

export interface TraceSourceOptions {
  readonly rows: AsyncIterator<TraceRow> | Iterator<TraceRow>;
  readonly clock: Clock;
  readonly deviceType: DeviceType;
  readonly scope: Extract<MeterScope, 'device' | 'node'>;
}

export interface TraceSource extends ReadingSource {
  /** The first row's instant, to start the clock at; null for an empty trace. */
  firstAtMs(): Promise<number | null>;
  /** All rows were read. */
  readonly exhausted: boolean;
}

/** No part draws more; the sensors of real hardware use the same bounds. */
const MAX_PLAUSIBLE_WATTS: Record<DeviceType, number> = {
  gpu: 2_500,
  cpu: 1_500,
  memory: 500,
  other: 30_000,
};

export function createTraceSource(options: TraceSourceOptions): TraceSource {
  const meters = new Map<number, Meter>();
  let next: TraceRow | null = null;
  let exhausted = false;

  async function peek(): Promise<TraceRow | null> {
    if (next !== null || exhausted) return next;
    const result = await options.rows.next();
    if (result.done) exhausted = true;
    else next = result.value;
    return next;
  }

  function meterOf(row: TraceRow): Meter {
    const known = meters.get(row.deviceIndex);
    if (known !== undefined) return known;
    const { deviceType, scope } = options;
    const [other] = meters.keys();
    if (scope === 'node' && other !== undefined) throw severalHosts(other, row.deviceIndex);
    const meter: Meter = {
      id: `replay:${row.deviceIndex}`,
      sensor: 'replay',
      deviceId: scope === 'node' ? 'other' : `${deviceType}-${row.deviceIndex}`,
      deviceType,
      deviceName: printable(row.deviceName) || `device ${row.deviceIndex}`,
      scope,
      powerKind: 'integrated',
      maxPlausibleWatts: watts(MAX_PLAUSIBLE_WATTS[deviceType]),
    };
    meters.set(row.deviceIndex, meter);
    return meter;
  }

  return {
    firstAtMs: async () => (await peek())?.atMs ?? null,
    get meters() {
      return [...meters.values()];
    },
    get exhausted() {
      return exhausted;
    },
    async read() {
      const readings: Reading[] = [];
      const nowMs = options.clock.monotonicNow();
      for (let row = await peek(); row !== null && row.atMs <= nowMs; row = await peek()) {
        next = null;
        readings.push(readingOf(meterOf(row), row));
      }
      return readings;
    },
  };
}

/** One host has one such meter: of a second one nothing could be booked. */
const severalHosts = (first: number, second: number) =>
  new TraceError(
    `the trace has meters of several hosts (device_index ${first}, ${second}): take one with --only INDEX`,
  );

/** As hardware names itself: printable ASCII, and no more of it than the server takes. */
const printable = (name: string) =>
  name
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .trim()
    .slice(0, 128);

function readingOf(meter: Meter, row: TraceRow): Reading {
  return {
    meterId: meter.id,
    atMs: monotonicMs(row.atMs),
    ...(row.powerWatts === undefined ? {} : { powerWatts: watts(row.powerWatts) }),
    ...(row.utilizationRatio === undefined ? {} : { utilizationRatio: ratio(row.utilizationRatio) }),
    ...(row.counterMillijoules === undefined
      ? {}
      : {
          counter: { value: row.counterMillijoules, unitsPerMillijoule: 1, wrapsAt: null, identity: 'trace' },
        }),
  };
}
