/** A meter on a clock of the test's own: wall = monotonic + offset. */

import { type MeterState, newMeterState } from '../../../shared/metering/meter-state.ts';
import { type Metering, resumeMetering } from '../../../shared/metering/metering.ts';
import type { CounterReading, Meter, Reading } from '../../../shared/metering/reading.ts';
import { monotonicMs, ratio, watts } from '../../../shared/units.ts';
import type { DeviceReport, WindowReport } from '../../../shared/wire/ingest.ts';

/** A window's start: 2024-05-17T15:00:00Z. */
export const START_MS = 1_715_958_000_000;

export function gpu(id = 'GPU-0', changes: Partial<Meter> = {}): Meter {
  return {
    id: `nvml:${id}`,
    sensor: 'nvml',
    deviceId: id,
    deviceType: 'gpu',
    deviceName: 'NVIDIA H100 80GB HBM3',
    scope: 'device',
    powerKind: 'integrated',
    maxPlausibleWatts: watts(1_500),
    ...changes,
  };
}

export function nodeMeter(changes: Partial<Meter> = {}): Meter {
  return gpu('other', {
    id: 'bmc',
    sensor: 'redfish',
    deviceType: 'other',
    deviceName: 'rest of the host',
    scope: 'node',
    maxPlausibleWatts: watts(30_000),
    ...changes,
  });
}

export function counter(value: number, changes: Partial<CounterReading> = {}): CounterReading {
  return { value, unitsPerMillijoule: 1, wrapsAt: null, identity: 'boot-1', ...changes };
}

export interface Given {
  readonly counter?: CounterReading;
  readonly power?: number;
  readonly utilization?: number;
  readonly provenIdle?: boolean;
}

export function reading(meterId: string, atMs: number, given: Given): Reading {
  return {
    meterId,
    atMs: monotonicMs(atMs),
    ...(given.counter ? { counter: given.counter } : {}),
    ...(given.power === undefined ? {} : { powerWatts: watts(given.power) }),
    ...(given.utilization === undefined ? {} : { utilizationRatio: ratio(given.utilization) }),
    ...(given.provenIdle === undefined ? {} : { provenIdle: given.provenIdle }),
  };
}

export interface Rig {
  metering: Metering;
  readonly meters: readonly Meter[];
  /** Newest report of each window. */
  readonly reports: Map<number, WindowReport>;
  /** One tick, `afterMs` after START_MS on both clocks unless `wallMs` says otherwise. */
  tick(afterMs: number, given: { readonly [meterId: string]: Given }, wallMs?: number | null): void;
  /** Takes what is to be reported. */
  report(): WindowReport[];
  /** Serializes and resumes, as a restart in the same boot does. */
  restart(afterMs: number, bootId?: string): void;
  device(id: string): Totals;
}

export interface Totals {
  readonly energy: number;
  readonly metered: number;
  readonly recovered: number;
  readonly integrated: number;
  readonly idle: number;
}

/** The monotonic clock starts at an odd place, so that mixing it up with the wall shows. */
export const MONOTONIC_START = 1_000_000;

export function rig(meters: readonly Meter[], state: MeterState = newMeterState('epoch001', 'boot-1')): Rig {
  const reports = new Map<number, WindowReport>();
  const made: Rig = {
    metering: resumeMetering(state, state.bootId, MONOTONIC_START),
    meters,
    reports,
    tick(afterMs, given, wallMs = START_MS + afterMs) {
      const atMs = MONOTONIC_START + afterMs;
      made.metering.observe({
        readings: Object.entries(given).map(([id, what]) => reading(id, atMs, what)),
        atMs,
        wallMs,
      });
    },
    report() {
      const taken = made.metering.takeReports((samples) => JSON.stringify(samples));
      for (const report of taken) reports.set(report.windowStartMs, report);
      return taken;
    },
    restart(afterMs, bootId = 'boot-1') {
      const stored = JSON.parse(JSON.stringify(made.metering.state)) as MeterState;
      made.metering = resumeMetering(stored, bootId, MONOTONIC_START + afterMs);
      made.metering.setMeters(meters);
    },
    device(id) {
      const all = [...reports.values()].flatMap((report) => report.devices.filter((one) => one.id === id));
      const sum = (value: (one: DeviceReport) => number | undefined) =>
        all.reduce((total, one) => total + (value(one) ?? 0), 0);
      return {
        energy: sum((one) => one.energyMillijoules),
        metered: sum((one) => one.meteredMilliseconds),
        recovered: sum((one) => one.recoveredMillijoules),
        integrated: sum((one) => one.integratedMillijoules),
        idle: sum((one) => one.idleMillijoules),
      };
    },
  };
  made.metering.setMeters(meters);
  return made;
}
