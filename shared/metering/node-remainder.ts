/**
 * What a node meter sees beyond the metered parts: per slice of time `other = max(0, meter - parts)`. The parts keep
 * their own energy. A slice waits until every part has told its energy up to the slice's end.
 */
import type { EnergySlice, MeterState, StreamState } from './meter-state.ts';
import { energyPoint, forgetReadings } from './stream.ts';

/** A part that is silent for longer than this no longer holds the remainder back: a dcgm-exporter looks each 30 s. */
const PART_WAIT_MS = 60_000;

/** How long the parts' energy is remembered for a node meter: its longer slices cannot be told apart from the parts. */
export const PART_MEMORY_MS = 120_000;

/** Notes the energy of a part, to be taken off the node meter. */
export function notePart(state: MeterState, slice: EnergySlice): void {
  const { meterId, startAtMs, endAtMs, energyMillijoules } = slice;
  state.partSlices.push({ meterId, startAtMs, endAtMs, energyMillijoules });
}

/**
 * @param partIds meters that are parts of the node
 * @param askedFor milliseconds in which sensors could be asked since an instant
 * @returns the slices of `other` that are settled, in order of time
 */
export function settleRemainders(
  state: MeterState,
  nodeStream: StreamState | undefined,
  partIds: readonly string[],
  nowAtMs: number,
  askedFor: (sinceAtMs: number) => number,
): EnergySlice[] {
  const settled: EnergySlice[] = [];
  for (let slice = state.pendingNodeSlices[0]; slice !== undefined; slice = state.pendingNodeSlices[0]) {
    const late = partIds
      .map((id) => state.streams[id])
      .filter((stream) => stream !== undefined)
      .filter((stream) => (energyPoint(stream)?.atMs ?? Number.POSITIVE_INFINITY) < slice.endAtMs);
    if (late.length > 0 && askedFor(slice.endAtMs) <= PART_WAIT_MS) break;
    // The node meter books this time now; a counter that came back later would count its share of it again.
    for (const stream of late) forgetReadings(stream);
    state.pendingNodeSlices.shift();
    settled.push(remainderOf(state, slice));
  }
  const neededFrom = state.pendingNodeSlices[0]?.startAtMs ?? (nodeStream && energyPoint(nodeStream)?.atMs);
  const keepFrom = Math.max(neededFrom ?? nowAtMs, nowAtMs - PART_MEMORY_MS);
  state.partSlices = state.partSlices.filter((part) => part.endAtMs > keepFrom);
  return settled;
}

function remainderOf(state: MeterState, slice: EnergySlice): EnergySlice {
  let parts = 0;
  for (const part of state.partSlices) {
    const overlapMs = Math.min(part.endAtMs, slice.endAtMs) - Math.max(part.startAtMs, slice.startAtMs);
    if (overlapMs > 0) parts += (part.energyMillijoules * overlapMs) / (part.endAtMs - part.startAtMs);
  }
  const exact = slice.energyMillijoules - parts + state.otherRemainderMillijoules;
  if (exact < 0) state.counts.nodeMeterBelowParts++;
  const energyMillijoules = Math.floor(Math.max(0, exact));
  state.otherRemainderMillijoules = Math.max(0, exact) - energyMillijoules;
  const rate = energyMillijoules / (slice.endAtMs - slice.startAtMs);
  return {
    ...slice,
    energyMillijoules,
    watts: slice.recovered ? null : [rate, rate],
    byArea: false,
  };
}
