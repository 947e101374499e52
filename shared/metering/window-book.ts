/** Books slices into 5-minute windows. What is booked sums to what was measured, for any place of the borders. */
import { splitInteger } from '../split.ts';
import { WINDOW_MS, windowStart } from '../time/window.ts';
import { ENERGY_KINDS, type EnergyKind } from '../wire/ingest.ts';
import type { Accumulator, EnergySlice, GapSlice, MeterState, PowerSlice, Slice } from './meter-state.ts';

const SECOND_MS = 1000;
export const SECONDS_PER_WINDOW = WINDOW_MS / SECOND_MS;

/** Between the half speed of a clock that was set back, and what slewing and whole milliseconds take. */
const SQUEEZED_RATIO = 0.75;

/** Gaps kept one by one; older ones are only counted. */
const MAX_GAPS = 1000;

/** Of one meter in one window; a change of allocation a second would be 300. */
const MAX_HOLDINGS = 300;

/** Books one slice whose wall instants are known. */
export function bookSlice(state: MeterState, slice: Slice): void {
  if (slice.startWallMs === null || slice.endWallMs === null)
    throw new RangeError(`a slice of ${slice.meterId} has no wall clock instants yet`);
  // A window that left the state would come back under revision 1 and be taken for an old one.
  const startMs = Math.max(slice.startWallMs, state.finalUntilWallMs);
  const endMs = Math.max(slice.endWallMs, startMs);
  const stream = state.streams[slice.meterId];
  if (stream !== undefined) stream.bookedUntilWallMs = Math.max(stream.bookedUntilWallMs, endMs);
  if (slice.type === 'gap') bookGap(state, slice, slice.startWallMs, endMs);
  else if (slice.type === 'power') bookShape(state, slice, startMs, endMs);
  else bookEnergy(state, slice, startMs, endMs);
}

/**
 * Whether its bookings run slow, behind a clock that was set back (booking-clock.ts). Two seconds are booked in one then: their
 * energy is, their power has no place in a series that is read as power over time.
 */
function isSqueezed(slice: EnergySlice | PowerSlice, startMs: number, endMs: number): boolean {
  return endMs - startMs < (slice.endAtMs - slice.startAtMs) * SQUEEZED_RATIO;
}

function bookEnergy(state: MeterState, slice: EnergySlice, startMs: number, endMs: number): void {
  const pieces = piecesOf(startMs, endMs, slice.byArea ? slice.watts : null, state.finalUntilWallMs);
  const shape = isSqueezed(slice, startMs, endMs) ? null : slice.watts;
  if (pieces.length === 1) {
    bookPiece(state, slice, pieces[0]!, slice.energyMillijoules, slice.integratedMillijoules, shape);
    return;
  }
  const energies = splitInteger(
    slice.energyMillijoules,
    pieces.map((piece) => piece.weight),
  );
  const integrals = splitInteger(
    slice.integratedMillijoules ?? 0,
    pieces.map((piece) => piece.endMs - piece.startMs),
  );
  pieces.forEach((piece, index) => {
    const integral = slice.integratedMillijoules === null ? null : integrals[index]!;
    bookPiece(state, slice, piece, energies[index]!, integral, shape);
  });
}

/**
 * @param slice as it was before it was cut at the windows' borders
 * @param shape its power at both ends, where that goes into the series
 */
function bookPiece(
  state: MeterState,
  slice: EnergySlice,
  piece: Piece,
  energyMillijoules: number,
  integratedMillijoules: number | null,
  shape: readonly [number, number] | null,
): void {
  const total = accumulator(state, piece.windowStartMs, slice.meterId, slice.kind);
  const spanMs = piece.endMs - piece.startMs;
  total.meteredMilliseconds += spanMs;
  total.energyMillijoules += energyMillijoules;
  total.kind = weakerKind(total.kind, slice.kind);
  if (slice.recovered) total.recoveredMillijoules += energyMillijoules;
  else if (integratedMillijoules === null) total.integratedIncomplete = true;
  else total.integratedMillijoules = (total.integratedMillijoules ?? 0) + integratedMillijoules;
  noteHolder(state, total, slice, energyMillijoules, spanMs);
  if (slice.utilizationRatio !== null) {
    total.utilizationMilliseconds += slice.utilizationRatio * spanMs;
    total.utilizationSpanMilliseconds += spanMs;
  }
  if (shape !== null) fillSeries(total, piece, shape);
}

function noteHolder(
  state: MeterState,
  total: Accumulator,
  slice: EnergySlice,
  energyMillijoules: number,
  spanMs: number,
): void {
  const full =
    total.holdings[slice.holding] === undefined && Object.keys(total.holdings).length >= MAX_HOLDINGS;
  if (full) state.counts.jobMillijoulesForgotten += energyMillijoules;
  const holding = full ? '' : slice.holding;
  total.holdings[holding] ??= { energyMillijoules: 0, milliseconds: 0, idleMillijoules: 0 };
  const held = total.holdings[holding];
  held.energyMillijoules += energyMillijoules;
  held.milliseconds += spanMs;
  if (slice.idle) held.idleMillijoules += energyMillijoules;
}

function bookShape(state: MeterState, slice: PowerSlice, startMs: number, endMs: number): void {
  if (isSqueezed(slice, startMs, endMs)) return;
  for (const piece of piecesOf(startMs, endMs, null, state.finalUntilWallMs)) {
    const total = accumulator(state, piece.windowStartMs, slice.meterId, 'counter');
    fillSeries(total, piece, slice.watts);
  }
}

function bookGap(state: MeterState, slice: GapSlice, startMs: number, endMs: number): void {
  state.counts.gaps++;
  state.gaps.push({
    deviceId: state.streams[slice.meterId]?.deviceId ?? slice.meterId,
    meterId: slice.meterId,
    startMs,
    endMs,
    reason: slice.reason,
  });
  while (state.gaps.length > MAX_GAPS) {
    state.gaps.shift();
    state.counts.gapsForgotten++;
  }
}

interface Piece {
  readonly windowStartMs: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly weight: number;
  /** The whole that it is a piece of. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * The span cut at the windows' borders; weighted by time, or by the area under the line between two powers.
 * @param notBeforeMs windows before it are final
 */
function piecesOf(
  startMs: number,
  endMs: number,
  watts: readonly [number, number] | null,
  notBeforeMs: number,
): Piece[] {
  const pieces: Piece[] = [];
  let fromMs = startMs;
  do {
    // The last part of a slice that ends with a window may be too short for a whole millisecond: it is of that window.
    const isOfWindowBefore = startMs === endMs && startMs > notBeforeMs;
    const windowStartMs = windowStart(isOfWindowBefore ? startMs - 1 : fromMs);
    const toMs = Math.min(endMs, windowStartMs + WINDOW_MS);
    const middleMs = (fromMs + toMs) / 2;
    const height = watts === null ? 1 : wattsAt(middleMs, startMs, endMs, watts);
    pieces.push({
      windowStartMs,
      startMs: fromMs,
      endMs: toMs,
      weight: height * (toMs - fromMs),
      fromMs: startMs,
      untilMs: endMs,
    });
    fromMs = toMs;
  } while (fromMs < endMs);
  return pieces;
}

/** On the line between two powers. */
export function wattsAt(
  instantMs: number,
  startMs: number,
  endMs: number,
  watts: readonly [number, number],
): number {
  if (endMs === startMs) return watts[1];
  return watts[0] + ((watts[1] - watts[0]) * (instantMs - startMs)) / (endMs - startMs);
}

/** Samples the line at the middle of each second that the piece covers. */
function fillSeries(total: Accumulator, piece: Piece, watts: readonly [number, number]): void {
  const first = Math.ceil((piece.startMs - piece.windowStartMs - SECOND_MS / 2) / SECOND_MS);
  for (let second = first; ; second++) {
    const instantMs = piece.windowStartMs + second * SECOND_MS + SECOND_MS / 2;
    if (instantMs >= piece.endMs) return;
    while (total.series.length < second) total.series.push(-1);
    total.series[second] = Math.round(wattsAt(instantMs, piece.fromMs, piece.untilMs, watts));
  }
}

function accumulator(
  state: MeterState,
  windowStartMs: number,
  meterId: string,
  kind: EnergyKind,
): Accumulator {
  // Looked up once: the name of a window is a number that has to be made into text.
  let window = state.windows[windowStartMs];
  if (window === undefined) {
    window = { revision: 0, changed: true, meters: {} };
    state.windows[windowStartMs] = window;
  }
  window.changed = true;
  const known = window.meters[meterId];
  if (known !== undefined) return known;
  const total: Accumulator = {
    meteredMilliseconds: 0,
    energyMillijoules: 0,
    kind,
    recoveredMillijoules: 0,
    integratedMillijoules: null,
    integratedIncomplete: false,
    holdings: {},
    utilizationMilliseconds: 0,
    utilizationSpanMilliseconds: 0,
    series: [],
  };
  window.meters[meterId] = total;
  return total;
}

/** A figure is of the weakest kind that went into it. */
export function weakerKind(a: EnergyKind, b: EnergyKind): EnergyKind {
  if (a === b) return a;
  return ENERGY_KINDS.indexOf(a) > ENERGY_KINDS.indexOf(b) ? a : b;
}
