/**
 * One meter's readings turned into slices: counter deltas where there is a counter, else trapezoids under the power.
 * 1 W for 1 ms is 1 mJ.
 */
import { spanStartWallMs, wallOf } from './booking-clock.ts';
import { counterDelta } from './counter-delta.ts';
import type {
  CounterPoint,
  EnergySlice,
  GapReason,
  GapSlice,
  MeterCounts,
  Point,
  PowerSlice,
  Slice,
  StreamState,
} from './meter-state.ts';
import type { CounterReading, Meter, Reading } from './reading.ts';

/** Longest time between two power samples that a straight line may bridge; a counter read later than this is `recovered`. */
export const MAX_BRIDGE_MS = 10_000;

/** A meter that had a counter and shows none for this long is metered by its power from then on. */
const COUNTER_SILENCE_MS = 60_000;

export function newStream(meter: Meter): StreamState {
  return {
    sensor: meter.sensor,
    deviceId: meter.deviceId,
    deviceType: meter.deviceType,
    deviceName: meter.deviceName,
    counter: null,
    power: null,
    activity: null,
    remainderUnits: 0,
    remainderMillijoules: 0,
    integratedMillijoules: null,
    bookedUntilWallMs: 0,
    silentSinceWallMs: null,
  };
}

export interface StreamClock {
  /** Wall minus monotonic; null while the wall clock is not trusted. */
  readonly offsetMs: number | null;
  readonly notBeforeWallMs: number;
}

/**
 * Takes one reading into `stream` (changed in place).
 * @returns the slices since the reading before, in no order; none for a first reading or one that is not newer
 */
export function advanceStream(
  stream: StreamState,
  meter: Meter,
  reading: Reading,
  clock: StreamClock,
  counts: MeterCounts,
): Slice[] {
  const previous = latestPoint(stream);
  if (previous !== null && reading.atMs <= previous.atMs) return [];
  const notBefore = Math.max(clock.notBeforeWallMs, stream.bookedUntilWallMs);
  const now: Point = {
    atMs: reading.atMs,
    wallMs: wallOf(previous, reading.atMs, clock.offsetMs, notBefore),
  };
  const slices: Slice[] = [];
  if (stream.silentSinceWallMs !== null) {
    const since = { startAtMs: now.atMs, startWallMs: stream.silentSinceWallMs };
    slices.push({ ...gap(meter, now, now, 'silent'), ...since });
    stream.silentSinceWallMs = null;
  }

  const activity: Activity = {
    utilizationRatio: meanOf(stream.activity?.utilizationRatio ?? null, reading.utilizationRatio ?? null),
    idle: stream.activity?.provenIdle === true && reading.provenIdle === true,
  };
  stream.activity = {
    utilizationRatio: reading.utilizationRatio ?? null,
    provenIdle: reading.provenIdle === true,
  };

  const before = { counter: stream.counter, power: stream.power };
  const trapezoid = takePower(stream, meter, reading, now, counts);
  if (trapezoid !== null) slices.push(trapezoid.slice);
  const hasPowerNow = stream.power?.atMs === now.atMs;
  const integrated = hasPowerNow ? stream.integratedMillijoules : null;
  const counter = reading.counter === undefined ? null : counterPoint(now, reading.counter);
  if (counter !== null) {
    stream.counter = counter;
    stream.integratedMillijoules = hasPowerNow ? 0 : null;
  }
  if (before.counter !== null) {
    if (counter !== null)
      slices.push(byCounter(stream, meter, before.counter, counter, activity, integrated, counts));
    else if (now.atMs - before.counter.atMs > COUNTER_SILENCE_MS) {
      stream.counter = null;
      slices.push(gap(meter, before.counter, now, 'silent'));
    }
  } else if (trapezoid !== null) {
    slices.push(byPower(meter, trapezoid, activity));
  } else if (before.power !== null && hasPowerNow) {
    slices.push(gap(meter, before.power, now, 'silent'));
  }
  return slices;
}

/** Written out, as below: a spread costs the interpreter, which is all that runs in the service, several times as much. */
function counterPoint({ atMs, wallMs }: Point, reading: CounterReading): CounterPoint {
  const { value, unitsPerMillijoule, wrapsAt, identity } = reading;
  return { atMs, wallMs, value, unitsPerMillijoule, wrapsAt, identity };
}

/** The newer of the last counter and power readings: the end of what this meter has told. */
export function latestPoint(stream: StreamState): Point | null {
  if (stream.counter === null) return stream.power;
  if (stream.power === null) return stream.counter;
  return stream.power.atMs > stream.counter.atMs ? stream.power : stream.counter;
}

/** Until where energy is known; what comes after may still be told by the next reading. */
export function energyPoint(stream: StreamState): Point | null {
  return stream.counter ?? stream.power;
}

/** Gives the last readings up: the next one starts anew and leaves a gap. */
export function forgetReadings(stream: StreamState): void {
  const known = energyPoint(stream);
  if (known !== null) stream.silentSinceWallMs = known.wallMs;
  stream.counter = null;
  stream.power = null;
  stream.activity = null;
}

interface Activity {
  readonly utilizationRatio: number | null;
  readonly idle: boolean;
}

interface Trapezoid {
  readonly slice: PowerSlice;
  readonly millijoules: number;
}

function takePower(
  stream: StreamState,
  meter: Meter,
  reading: Reading,
  now: Point,
  counts: MeterCounts,
): Trapezoid | null {
  if (reading.powerWatts === undefined) return null;
  if (reading.powerWatts > meter.maxPlausibleWatts) {
    counts.implausibleReadings++;
    return null;
  }
  const before = stream.power;
  stream.power = { atMs: now.atMs, wallMs: now.wallMs, powerWatts: reading.powerWatts };
  if (before === null || now.atMs - before.atMs > MAX_BRIDGE_MS) {
    stream.integratedMillijoules = null;
    return null;
  }
  const exact =
    ((before.powerWatts + reading.powerWatts) / 2) * (now.atMs - before.atMs) + stream.remainderMillijoules;
  const whole = Math.floor(exact);
  stream.remainderMillijoules = exact - whole;
  if (stream.integratedMillijoules !== null) stream.integratedMillijoules += whole;
  return {
    slice: {
      type: 'power',
      meterId: meter.id,
      startAtMs: before.atMs,
      endAtMs: now.atMs,
      startWallMs: spanStartWallMs(before, now),
      endWallMs: now.wallMs,
      watts: [before.powerWatts, reading.powerWatts],
    },
    millijoules: whole,
  };
}

function byPower(meter: Meter, { slice, millijoules }: Trapezoid, activity: Activity): EnergySlice {
  return {
    ...slice,
    type: 'energy',
    energyMillijoules: millijoules,
    integratedMillijoules: null,
    kind: meter.powerKind,
    recovered: false,
    ...activity,
    byArea: true,
    holding: '',
  };
}

function byCounter(
  stream: StreamState,
  meter: Meter,
  before: CounterPoint,
  now: CounterPoint,
  activity: Activity,
  integratedMillijoules: number | null,
  counts: MeterCounts,
): EnergySlice | GapSlice {
  const spanMs = now.atMs - before.atMs;
  const delta = counterDelta(before, now, spanMs, meter.maxPlausibleWatts);
  if (!delta.known) {
    counts.countersRestarted++;
    if (before.unitsPerMillijoule !== now.unitsPerMillijoule) stream.remainderUnits = 0;
    return gap(meter, before, now, delta.reason);
  }
  const units = delta.units + stream.remainderUnits;
  stream.remainderUnits = units % now.unitsPerMillijoule;
  const energyMillijoules = (units - stream.remainderUnits) / now.unitsPerMillijoule;
  const recovered = spanMs > MAX_BRIDGE_MS;
  const rate = energyMillijoules / spanMs;
  return {
    type: 'energy',
    meterId: meter.id,
    startAtMs: before.atMs,
    endAtMs: now.atMs,
    startWallMs: spanStartWallMs(before, now),
    endWallMs: now.wallMs,
    energyMillijoules,
    kind: 'counter',
    recovered,
    idle: activity.idle && !recovered,
    utilizationRatio: recovered ? null : activity.utilizationRatio,
    integratedMillijoules: recovered ? null : integratedMillijoules,
    watts: recovered || stream.power !== null ? null : [rate, rate],
    byArea: false,
    holding: '',
  };
}

function gap(meter: Meter, before: Point, now: Point, reason: GapReason): GapSlice {
  return {
    type: 'gap',
    meterId: meter.id,
    startAtMs: before.atMs,
    endAtMs: now.atMs,
    startWallMs: spanStartWallMs(before, now),
    endWallMs: now.wallMs,
    reason,
  };
}

function meanOf(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return (a + b) / 2;
}
