/**
 * What the meter remembers: plain JSON, so that it can be stored with the reports it led to and resumed exactly. Numbers
 * are unbranded here (they come back from disk); units stand in the names. `...AtMs` is monotonic, `...WallMs` is UTC.
 */
import type { DeviceType, EnergyKind } from '../wire/ingest.ts';
import type { Holding, JobLabels } from './allocation.ts';

export const METER_STATE_VERSION = 2;

/** An instant on both clocks; the wall side is null until the wall clock is trusted. */
export interface Point {
  atMs: number;
  wallMs: number | null;
}

export interface CounterPoint extends Point {
  value: number;
  unitsPerMillijoule: number;
  wrapsAt: number | null;
  identity: string;
}

export interface PowerPoint extends Point {
  powerWatts: number;
}

export interface ActivityPoint {
  utilizationRatio: number | null;
  provenIdle: boolean;
}

/** One meter's last readings, and what of them is not yet a whole millijoule. */
export interface StreamState {
  sensor: string;
  deviceId: string;
  deviceType: DeviceType;
  deviceName: string;
  counter: CounterPoint | null;
  power: PowerPoint | null;
  activity: ActivityPoint | null;
  /** Native counter units below one millijoule, carried to the next slice. */
  remainderUnits: number;
  /** Fraction of a millijoule of the power integral, carried to the next slice. */
  remainderMillijoules: number;
  /** Power integral since the last counter reading; null where the samples do not cover that span. */
  integratedMillijoules: number | null;
  /** End of what was booked: nothing is booked before it again, whatever the wall clock does. */
  bookedUntilWallMs: number;
  /** Set when the last readings were given up: a gap that ends with the next reading. */
  silentSinceWallMs: number | null;
}

export const GAP_REASONS = [
  /** No readings, and no counter that could tell. */
  'silent',
  /** The counter's identity changed: reboot, driver load, GPU reset. */
  'counterRestarted',
  'counterDecreased',
  /** More energy than the device can draw. */
  'counterImplausible',
  /** Silent for so long that the counter may have wrapped unseen. */
  'counterUnknowable',
] as const;
export type GapReason = (typeof GAP_REASONS)[number];

/** Something that happened between two instants; the wall side is null while it is held for the clock. */
interface Span {
  meterId: string;
  startAtMs: number;
  endAtMs: number;
  startWallMs: number | null;
  endWallMs: number | null;
}

export interface EnergySlice extends Span {
  type: 'energy';
  energyMillijoules: number;
  kind: EnergyKind;
  recovered: boolean;
  idle: boolean;
  utilizationRatio: number | null;
  /** The same span integrated from power samples; null where there is no counter or no full cover. */
  integratedMillijoules: number | null;
  /** Power for the series at start and end; null where it is unknown or a power slice tells it. */
  watts: [number, number] | null;
  /** Splits by the area under the line from start to end watts instead of by time. */
  byArea: boolean;
  /** Who held the device meanwhile: a key of `JobsState.holdings`; empty where nobody knows, and until it was cut by that. */
  holding: string;
}

/** The shape of the power, for the series. */
export interface PowerSlice extends Span {
  type: 'power';
  watts: [number, number];
}

export interface GapSlice extends Span {
  type: 'gap';
  reason: GapReason;
}

export type Slice = EnergySlice | PowerSlice | GapSlice;

/** A span nobody metered, `[startMs, endMs)` UTC. */
export interface Gap {
  deviceId: string;
  meterId: string;
  startMs: number;
  endMs: number;
  reason: GapReason;
}

/** One meter's totals in one window. */
export interface Accumulator {
  meteredMilliseconds: number;
  energyMillijoules: number;
  kind: EnergyKind;
  recoveredMillijoules: number;
  /** Beside a counter: the same time by power samples, recovered time apart; null while there is none. */
  integratedMillijoules: number | null;
  /** Some of that time was not covered by power samples: the two do not compare. */
  integratedIncomplete: boolean;
  /** The energy and time by who held the device meanwhile; together they are `energyMillijoules` and `meteredMilliseconds`. */
  holdings: { [holding: string]: HeldTotal };
  /** Sum of ratio x milliseconds, and the milliseconds that it covers. */
  utilizationMilliseconds: number;
  utilizationSpanMilliseconds: number;
  /** Whole watts per second of the window; -1 where unknown; ends at the last known second. */
  series: number[];
}

export interface HeldTotal {
  energyMillijoules: number;
  milliseconds: number;
  /** Of the energy, what the sensor saw while nothing used the device. */
  idleMillijoules: number;
}

export interface WindowState {
  revision: number;
  /** Content that no revision carries yet. */
  changed: boolean;
  meters: { [meterId: string]: Accumulator };
}

/** Counted since the epoch began; shown in the agent's health. */
export interface MeterCounts {
  countersRestarted: number;
  implausibleReadings: number;
  nodeMeterBelowParts: number;
  /** Windows of a device in which counter and integrated power tell different energies. */
  disagreements: number;
  gaps: number;
  /** Gaps beyond what `gaps` keeps. */
  gapsForgotten: number;
  /** Energy held for a clock that was never trusted before the machine went down. */
  lostMillijoules: number;
  /** Energy of jobs beyond what a window or a report holds: it stays nobody's. */
  jobMillijoulesForgotten: number;
}

/** Who held what between two instants of the monotonic clock, by the names of holdings. */
export interface AllocationSpan {
  startAtMs: number;
  endAtMs: number;
  /** By device id. */
  gpus: { [deviceId: string]: string };
  /** CPUs, memory and the rest of the host. */
  host: string;
}

export interface JobsState {
  labels: { [jobId: string]: JobLabels };
  /** By a short name; no name stands for "nobody knows". */
  holdings: { [holding: string]: Holding };
  lastHolding: number;
  /** In order of time, for energy that is still to be told. */
  spans: AllocationSpan[];
  /** The newest look; `live` while it is this process's own. */
  latest: (Omit<AllocationSpan, 'endAtMs'> & { live: boolean }) | null;
}

export interface MeterState {
  version: typeof METER_STATE_VERSION;
  epoch: string;
  /** The monotonic clock's own identity: its instants compare only within one. */
  bootId: string;
  /** True once the wall clock was trusted in this boot. */
  clockTrusted: boolean;
  streams: { [meterId: string]: StreamState };
  /** By window start, UTC milliseconds. */
  windows: { [windowStartMs: string]: WindowState };
  /** Windows before this are reported as final and gone from here. */
  finalUntilWallMs: number;
  held: Slice[];
  pendingNodeSlices: EnergySlice[];
  /** Recent energy of the parts, until the node meter has passed it. */
  partSlices: { meterId: string; startAtMs: number; endAtMs: number; energyMillijoules: number }[];
  otherRemainderMillijoules: number;
  gaps: Gap[];
  jobs: JobsState;
  counts: MeterCounts;
}

/** @param epoch 8..32 of [a-z0-9], new for each unbroken run of durable state */
export function newMeterState(epoch: string, bootId: string): MeterState {
  return {
    version: METER_STATE_VERSION,
    epoch,
    bootId,
    clockTrusted: false,
    streams: {},
    windows: {},
    finalUntilWallMs: 0,
    held: [],
    pendingNodeSlices: [],
    partSlices: [],
    otherRemainderMillijoules: 0,
    gaps: [],
    jobs: { labels: {}, holdings: {}, lastHolding: 0, spans: [], latest: null },
    counts: {
      countersRestarted: 0,
      implausibleReadings: 0,
      nodeMeterBelowParts: 0,
      disagreements: 0,
      gaps: 0,
      gapsForgotten: 0,
      lostMillijoules: 0,
      jobMillijoulesForgotten: 0,
    },
  };
}
