/**
 * Who held the devices, over time, and the slices of energy cut by it. What an agent saw holds until it looks again;
 * while nobody looked, only what was the same before and after is known.
 */
import { splitInteger } from '../split.ts';
import type { Allocation, Holding } from './allocation.ts';
import type { AllocationSpan, EnergySlice, JobsState, MeterState } from './meter-state.ts';
import { energyPoint } from './stream.ts';
import { wattsAt } from './window-book.ts';

/** Beyond this the last look says nothing any more: looks come every ten seconds. */
const LOOK_HOLDS_MS = 60_000;

/** Spans are kept only for energy that is not told yet, so that there are rarely more than two. */
const MAX_SPANS = 500;

/** A new look. One that is not newer than the last says nothing. */
export function noteAllocation(jobs: JobsState, look: Allocation): void {
  const before = jobs.latest;
  if (before !== null && look.atMs <= before.startAtMs) return;
  const now = interned(jobs, look);
  if (before !== null) {
    const seamless = before.live && look.atMs - before.startAtMs <= LOOK_HOLDS_MS;
    const { live: _, ...span } = seamless ? before : proven(jobs, before, now);
    append(jobs.spans, { ...span, endAtMs: look.atMs });
  }
  Object.assign(jobs.labels, look.labels);
  jobs.latest = { ...now, live: true };
}

/** A process begins: what the one before it saw last holds for its own time only. */
export function endLook(jobs: JobsState): void {
  if (jobs.latest !== null) jobs.latest.live = false;
}

/** Another boot: no job of before goes on. */
export function forgetAllocations(jobs: JobsState): void {
  jobs.spans = [];
  jobs.latest = null;
}

/** Forgets what no energy that is still to come can need. */
export function forgetOldSpans(state: MeterState, nowAtMs: number): void {
  if (state.jobs.spans.length === 0) return;
  let neededFrom = state.pendingNodeSlices[0]?.startAtMs ?? nowAtMs;
  for (const stream of Object.values(state.streams))
    neededFrom = Math.min(neededFrom, energyPoint(stream)?.atMs ?? neededFrom);
  const { jobs } = state;
  jobs.spans = jobs.spans.filter((span) => span.endAtMs > neededFrom).slice(-MAX_SPANS);
}

/** Forgets holdings and jobs that nothing refers to any more. */
export function forgetUnused(state: MeterState): void {
  const { jobs } = state;
  const used = new Set<string>();
  const note = (span: Pick<AllocationSpan, 'gpus' | 'host'>) => {
    for (const id of [...Object.values(span.gpus), span.host]) used.add(id);
  };
  for (const span of jobs.spans) note(span);
  if (jobs.latest !== null) note(jobs.latest);
  for (const slice of state.held) if (slice.type === 'energy') used.add(slice.holding);
  for (const window of Object.values(state.windows))
    for (const total of Object.values(window.meters))
      for (const id of Object.keys(total.holdings)) used.add(id);
  for (const id of Object.keys(jobs.holdings)) if (!used.has(id)) delete jobs.holdings[id];
  const named = new Set(Object.values(jobs.holdings).flatMap(({ shares }) => shares.map((one) => one.jobId)));
  for (const id of Object.keys(jobs.labels)) if (!named.has(id)) delete jobs.labels[id];
}

/**
 * The slice, which it takes over, as the spans of one holding each that it lies in; energy and its integral stay exact.
 */
export function cutByHolding(state: MeterState, slice: EnergySlice): EnergySlice[] {
  const { latest } = state.jobs;
  const isSince =
    latest?.live && latest.startAtMs <= slice.startAtMs && slice.endAtMs <= latest.startAtMs + LOOK_HOLDS_MS;
  // Mostly it lies whole in the time of the last look.
  if (isSince && slice.startAtMs < slice.endAtMs) {
    slice.holding = holderOf(state, slice, latest);
    return [slice];
  }
  const parts = holdingsDuring(state, slice);
  if (parts.length === 1) return [{ ...slice, holding: parts[0]!.holding }];
  const spanMs = slice.endAtMs - slice.startAtMs;
  const wattsWhen = (atMs: number) =>
    slice.watts && wattsAt(atMs, slice.startAtMs, slice.endAtMs, slice.watts);
  const wallWhen = (atMs: number) => {
    if (slice.startWallMs === null || slice.endWallMs === null) return null;
    const share = (atMs - slice.startAtMs) / spanMs;
    return Math.round(slice.startWallMs + (slice.endWallMs - slice.startWallMs) * share);
  };
  const lengths = parts.map(({ startAtMs, endAtMs }) => endAtMs - startAtMs);
  const energies = splitInteger(
    slice.energyMillijoules,
    parts.map(({ startAtMs, endAtMs }, index) =>
      slice.byArea ? lengths[index]! * (wattsWhen((startAtMs + endAtMs) / 2) ?? 1) : lengths[index]!,
    ),
  );
  const integrals = splitInteger(slice.integratedMillijoules ?? 0, lengths);
  return parts.map((part, index) => {
    const isLast = index === parts.length - 1;
    return {
      ...slice,
      ...part,
      startWallMs: index === 0 ? slice.startWallMs : wallWhen(part.startAtMs),
      endWallMs: isLast ? slice.endWallMs : wallWhen(part.endAtMs),
      energyMillijoules: energies[index]!,
      integratedMillijoules: slice.integratedMillijoules === null ? null : integrals[index]!,
      watts: slice.watts && [wattsWhen(part.startAtMs)!, wattsWhen(part.endAtMs)!],
    };
  });
}

interface HeldSpan {
  readonly startAtMs: number;
  readonly endAtMs: number;
  readonly holding: string;
}

/** `''` where nobody knows. */
function holderOf(
  state: MeterState,
  { meterId }: EnergySlice,
  span: Pick<AllocationSpan, 'gpus' | 'host'>,
): string {
  const stream = state.streams[meterId];
  if (stream === undefined) return '';
  return stream.deviceType === 'gpu' ? (span.gpus[stream.deviceId] ?? '') : span.host;
}

/** Consecutive, over the whole slice; `''` where nobody knows. */
function holdingsDuring(state: MeterState, slice: EnergySlice): HeldSpan[] {
  const { jobs } = state;
  const spans = [...jobs.spans];
  if (jobs.latest?.live) spans.push({ ...jobs.latest, endAtMs: jobs.latest.startAtMs + LOOK_HOLDS_MS });
  const found: HeldSpan[] = [];
  const add = (startAtMs: number, endAtMs: number, holding: string) => {
    if (endAtMs <= startAtMs) return;
    const before = found.at(-1);
    if (before?.holding === holding) found[found.length - 1] = { ...before, endAtMs };
    else found.push({ startAtMs, endAtMs, holding });
  };
  let atMs = slice.startAtMs;
  for (const span of spans) {
    const untilMs = Math.min(span.endAtMs, slice.endAtMs);
    if (untilMs <= atMs) continue;
    add(atMs, Math.min(Math.max(span.startAtMs, atMs), slice.endAtMs), '');
    add(Math.max(span.startAtMs, atMs), untilMs, holderOf(state, slice, span));
    atMs = Math.max(atMs, untilMs);
  }
  add(atMs, slice.endAtMs, '');
  return found.length > 0 ? found : [{ startAtMs: atMs, endAtMs: slice.endAtMs, holding: '' }];
}

type Look = Omit<AllocationSpan, 'endAtMs'>;

/** Holdings by small names: the same one stands in many windows. */
function interned(jobs: JobsState, look: Allocation): Look {
  const known = new Map(Object.entries(jobs.holdings).map(([id, holding]) => [JSON.stringify(holding), id]));
  const nameOf = (holding: Holding) => {
    if (holding.shares.length === 0 && !holding.restIdle) return '';
    const text = JSON.stringify(holding);
    const id = known.get(text) ?? String(++jobs.lastHolding);
    known.set(text, id);
    jobs.holdings[id] = holding;
    return id;
  };
  return {
    startAtMs: look.atMs,
    gpus: Object.fromEntries(Object.entries(look.gpus).map(([id, holding]) => [id, nameOf(holding)])),
    host: nameOf(look.host),
  };
}

/** What held before and after a time in which nobody looked. That anything was free meanwhile nobody knows. */
function proven(jobs: JobsState, before: Look & { live: boolean }, after: Look): Look & { live: boolean } {
  const both = (a: string | undefined, b: string | undefined): Holding => {
    const later = jobs.holdings[b ?? '']?.shares ?? [];
    const shares = (jobs.holdings[a ?? '']?.shares ?? []).filter((one) =>
      later.some((other) => JSON.stringify(other) === JSON.stringify(one)),
    );
    return { shares, restIdle: false };
  };
  const gpus = Object.fromEntries(
    Object.entries(before.gpus).map(([id, holding]) => [id, both(holding, after.gpus[id])]),
  );
  const allocation = { atMs: before.startAtMs, labels: {}, gpus, host: both(before.host, after.host) };
  return { ...interned(jobs, allocation), live: false };
}

function append(spans: AllocationSpan[], span: AllocationSpan): void {
  const before = spans.at(-1);
  const same =
    before?.endAtMs === span.startAtMs &&
    before.host === span.host &&
    JSON.stringify(before.gpus) === JSON.stringify(span.gpus);
  if (same) before.endAtMs = span.endAtMs;
  else spans.push(span);
}
