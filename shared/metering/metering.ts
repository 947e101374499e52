/** The meter of a node: readings in, reports of windows out. Pure; its whole memory is `state`. */
import type { WindowReport } from '../wire/ingest.ts';
import type { Allocation } from './allocation.ts';
import { cutByHolding, endLook, forgetAllocations, forgetOldSpans, noteAllocation } from './job-timeline.ts';
import type { MeterState, Slice, StreamState } from './meter-state.ts';
import { notePart, PART_MEMORY_MS, settleRemainders } from './node-remainder.ts';
import type { Meter, Reading } from './reading.ts';
import { type MeterRole, rolesOf } from './roles.ts';
import {
  advanceStream,
  energyPoint,
  forgetReadings,
  latestPoint,
  MAX_BRIDGE_MS,
  newStream,
} from './stream.ts';
import { bookSlice } from './window-book.ts';
import { type SeriesEncoder, takeReports } from './window-report.ts';

/** A counter that is silent for this long no longer keeps windows open. */
const FORGET_MS = 600_000;

/** A pause between two ticks beyond this is time in which no sensor could be asked: the host slept, or was blocked. */
export const PAUSE_MS = 30_000;

/** Slices held for a clock that is not trusted yet; beyond it neighbours are joined, which keeps their energy. */
const MAX_HELD_SLICES = 4_000;

export interface Tick {
  readonly readings: readonly Reading[];
  readonly atMs: number;
  /** UTC milliseconds at `atMs`; null while the wall clock is not trusted. */
  readonly wallMs: number | null;
}

export interface Metering {
  /** What there is to read; call again when it changed. */
  setMeters(meters: readonly Meter[]): void;
  /** Who holds what from its instant on. Tell it before the readings that come after it. */
  allocate(look: Allocation): void;
  observe(tick: Tick): void;
  /** Reports of the windows whose content no revision carries yet. Commit them together with `state` before sending. */
  takeReports(encodeSeries: SeriesEncoder): WindowReport[];
  /** The live state: store it, do not change it. */
  readonly state: MeterState;
}

/**
 * @param state new, or as it was stored; owned by the meter from here on
 * @param bootId identity of the monotonic clock: instants stored under another one mean nothing any more
 * @param atMs monotonic now
 */
export function resumeMetering(state: MeterState, bootId: string, atMs: number): Metering {
  if (state.bootId !== bootId || Object.values(state.streams).some((stream) => isAhead(stream, atMs)))
    beginBoot(state, bootId);
  endLook(state.jobs);
  let meters = new Map<string, Meter>();
  let roles: ReadonlyMap<string, MeterRole> = new Map();
  let nodeMeterId: string | undefined;
  let partIds: readonly string[] = [];
  /** Something was read while nobody knew the time. */
  let awaitsClock = true;
  let now = { atMs, wallMs: null as number | null };
  let lastPause = { endAtMs: Number.NEGATIVE_INFINITY, lengthMs: 0 };

  return {
    state,
    setMeters(list) {
      meters = new Map(list.map((meter) => [meter.id, meter]));
      roles = rolesOf(list);
      nodeMeterId = [...roles].find(([, role]) => role === 'node')?.[0];
      partIds = [...roles].filter(([, role]) => role === 'part').map(([id]) => id);
      handOver(state, list);
    },
    allocate: (look) => noteAllocation(state.jobs, look),
    observe(tick) {
      const sinceTickMs = tick.atMs - now.atMs;
      if (sinceTickMs > PAUSE_MS) lastPause = { endAtMs: tick.atMs, lengthMs: sinceTickMs };
      now = tick;
      const offsetMs = tick.wallMs === null ? null : tick.wallMs - tick.atMs;
      if (offsetMs !== null && awaitsClock) release(state, offsetMs);
      awaitsClock = offsetMs === null;
      const clock = { offsetMs, notBeforeWallMs: state.finalUntilWallMs };
      for (const reading of tick.readings) {
        const meter = meters.get(reading.meterId);
        const role = roles.get(reading.meterId);
        if (meter === undefined || role === undefined || role === 'covered') continue;
        state.streams[meter.id] ??= newStream(meter);
        const stream = state.streams[meter.id]!;
        for (const slice of advanceStream(stream, meter, reading, clock, state.counts)) route(slice, role);
      }
      settle();
      forgetLongSilent();
      forgetOldSpans(state, tick.atMs);
    },
    takeReports: (encodeSeries) => takeReports(state, settledUntilWallMs(), encodeSeries),
  };

  function route(slice: Slice, role: MeterRole): void {
    if (role === 'node' && partIds.length > 0) {
      if (slice.type === 'power') return;
      if (slice.type === 'energy') {
        if (slice.endAtMs - slice.startAtMs > PART_MEMORY_MS)
          place({ ...slice, type: 'gap', reason: 'counterUnknowable' });
        else state.pendingNodeSlices.push(slice);
        return;
      }
    }
    if (role === 'part' && slice.type === 'energy' && nodeMeterId !== undefined) notePart(state, slice);
    place(slice);
  }

  function place(slice: Slice): void {
    if (slice.type === 'energy') for (const part of cutByHolding(state, slice)) bookOrHold(part);
    else bookOrHold(slice);
  }

  function bookOrHold(slice: Slice): void {
    if (slice.startWallMs !== null && slice.endWallMs !== null) bookSlice(state, slice);
    else hold(state, slice);
  }

  function settle(): void {
    if (nodeMeterId === undefined && state.pendingNodeSlices.length + state.partSlices.length === 0) return;
    const stream = nodeMeterId === undefined ? undefined : state.streams[nodeMeterId];
    for (const slice of settleRemainders(state, stream, partIds, now.atMs, askedFor)) place(slice);
  }

  function forgetLongSilent(): void {
    for (const stream of Object.values(state.streams)) {
      const known = stream.counter;
      if (known !== null && askedFor(known.atMs) > FORGET_MS) forgetReadings(stream);
    }
  }

  /** How long sensors could be asked since an instant: after downtime and after a pause they get the same time to answer. */
  function askedFor(sinceAtMs: number): number {
    const pausedMs = sinceAtMs < lastPause.endAtMs ? lastPause.lengthMs : 0;
    return now.atMs - Math.max(sinceAtMs, atMs) - pausedMs;
  }

  /** Nothing more can come before this. */
  function settledUntilWallMs(): number {
    if (now.wallMs === null || state.held.length > 0) return Number.NEGATIVE_INFINITY;
    let until = now.wallMs;
    for (const slice of state.pendingNodeSlices) until = Math.min(until, slice.startWallMs ?? until);
    for (const stream of Object.values(state.streams)) {
      const point = energyPoint(stream);
      if (point === null || point.wallMs === null) continue;
      const open = stream.counter !== null || now.atMs - point.atMs <= MAX_BRIDGE_MS;
      if (open) until = Math.min(until, point.wallMs);
    }
    return until;
  }
}

/** Where another sensor meters a device now, the old one's counter may not tell that time a second time. */
function handOver(state: MeterState, meters: readonly Meter[]): void {
  for (const [id, stream] of Object.entries(state.streams)) {
    const successor = meters.find((meter) => meter.deviceId === stream.deviceId);
    if (successor === undefined || meters.some((meter) => meter.id === id)) continue;
    forgetReadings(stream);
    stream.silentSinceWallMs = null;
  }
}

function isAhead(stream: StreamState, atMs: number): boolean {
  const point = latestPoint(stream);
  return point !== null && point.atMs > atMs;
}

/** Another boot: the old instants compare with nothing. What was known in UTC stays, the rest is counted as lost. */
function beginBoot(state: MeterState, bootId: string): void {
  state.bootId = bootId;
  state.clockTrusted = false;
  for (const stream of Object.values(state.streams)) forgetReadings(stream);
  for (const slice of [...state.held, ...state.pendingNodeSlices])
    if (slice.type === 'energy') state.counts.lostMillijoules += slice.energyMillijoules;
  state.held = [];
  state.pendingNodeSlices = [];
  state.partSlices = [];
  forgetAllocations(state.jobs);
}

/** The wall clock is known: gives every held instant its place in UTC. */
function release(state: MeterState, offsetMs: number): void {
  state.clockTrusted = true;
  const wall = (atMs: number) => Math.max(Math.round(atMs + offsetMs), state.finalUntilWallMs);
  for (const stream of Object.values(state.streams)) {
    for (const point of [stream.counter, stream.power])
      if (point !== null && point.wallMs === null)
        point.wallMs = Math.max(wall(point.atMs), stream.bookedUntilWallMs);
  }
  const waiting = [...state.pendingNodeSlices, ...state.held];
  for (const slice of waiting) {
    slice.startWallMs ??= wall(slice.startAtMs);
    slice.endWallMs ??= wall(slice.endAtMs);
  }
  const held = state.held;
  state.held = [];
  for (const slice of held) bookSlice(state, slice);
}

function hold(state: MeterState, slice: Slice): void {
  state.held.push(slice);
  if (state.held.length > MAX_HELD_SLICES) state.held = joinNeighbours(state.held);
}

/** Sheds the shape of the power first, then joins pairs of slices that touch. Energy stays exact. */
function joinNeighbours(held: readonly Slice[]): Slice[] {
  const joined: Slice[] = [];
  const open = new Map<string, number>();
  for (const slice of held) {
    if (slice.type === 'power') continue;
    const index = open.get(slice.meterId);
    const before = index === undefined ? undefined : joined[index];
    if (
      index !== undefined &&
      before?.type === 'energy' &&
      slice.type === 'energy' &&
      before.endAtMs === slice.startAtMs &&
      before.kind === slice.kind &&
      before.recovered === slice.recovered &&
      before.idle === slice.idle &&
      before.holding === slice.holding
    ) {
      joined[index] = {
        ...before,
        endAtMs: slice.endAtMs,
        endWallMs: slice.endWallMs,
        energyMillijoules: before.energyMillijoules + slice.energyMillijoules,
        integratedMillijoules: null,
        utilizationRatio: null,
        watts: null,
        byArea: false,
      };
      // Pairs only: each time the memory is full its resolution is halved.
      open.delete(slice.meterId);
    } else {
      joined.push(slice);
      open.set(slice.meterId, joined.length - 1);
    }
  }
  return joined;
}
