/**
 * What a sensor returns at an instant, before it is energy. A counter keeps its native integer unit and its own
 * identity, so that a wrap, a reset and a reboot can be told apart by the meter.
 */
import type { MonotonicMs, Ratio, Watts } from '../units.ts';
import type { DeviceType, EnergyKind, MeterFacts } from '../wire/ingest.ts';

/** What a meter's figure covers. Meters that overlap are never added (DESIGN 4.3). */
export type MeterScope =
  /** One device, or one part of it that is summed with its siblings (a RAPL domain, a socket). */
  | 'device'
  /** A CPU+GPU module (GH200, GB200): covers the CPU beside the GPU. */
  | 'module'
  /** The whole node: BMC or wall. */
  | 'node';

/** The unchanging part: one stream of readings. */
export interface Meter {
  /** Unique in the agent and stable across restarts: `nvml:GPU-…`, `rapl:package-0`. */
  readonly id: string;
  readonly sensor: string;
  readonly deviceId: string;
  readonly deviceType: DeviceType;
  readonly deviceName: string;
  readonly scope: MeterScope;
  /** Kind of what this meter's power samples become: `integrated` for a sensor, `modelled` for a load model, `simulated` for demo data. */
  readonly powerKind: Exclude<EnergyKind, 'counter'>;
  /** Above this a rate is implausible and starts a new counter identity (gap). */
  readonly maxPlausibleWatts: Watts;
  /** A partitioned GPU's instances; absent where it is not partitioned. */
  readonly partitions?: readonly GpuPartition[];
  /** What its figures mean here; left out where there is nothing to tell. */
  readonly facts?: MeterFacts;
}

/** A MIG instance. */
export interface GpuPartition {
  readonly id: string;
  /** Its compute slices among those of the GPU, 0..1. */
  readonly ratio: number;
}

export interface GpuProcess {
  /** In the host's pid namespace. */
  readonly pid: number;
  /** Share of the streaming multiprocessors' time since the last read, 0..1; null where it is not known. */
  readonly usedRatio: number | null;
}

export interface CounterReading {
  /** Native units, a non-negative integer within 2^53. */
  readonly value: number;
  /** 1 for millijoules (NVML), 1000 for microjoules (RAPL, hwmon). */
  readonly unitsPerMillijoule: number;
  /** Native units at which it wraps to zero (`max_energy_range_uj`); null where it does not wrap. */
  readonly wrapsAt: number | null;
  /** Boot id, driver load, GPU reset: while it stays equal, differences of `value` are energy. */
  readonly identity: string;
}

export interface Reading {
  readonly meterId: string;
  /** Monotonic instant of the read itself, the same place in each read. */
  readonly atMs: MonotonicMs;
  readonly counter?: CounterReading;
  readonly powerWatts?: Watts;
  readonly utilizationRatio?: Ratio;
  /** True where nothing can be using the device (no job allocated, empty process list); absent where that is not known. */
  readonly provenIdle?: boolean;
  /** What computes on the GPU; absent where that is not known. */
  readonly processes?: readonly GpuProcess[];
}
