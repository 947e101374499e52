/**
 * Holds what the windows say now against what was told before. An episode keeps its id by overlap: late or restated data
 * may move its edges, join it with another or show that it never was; each such change is recorded as a correction and
 * nothing is sent a second time.
 */
import type { Amounts, Span } from './machine.ts';

export const CORRECTION_KINDS = [
  'edgesMoved',
  'reopened',
  'withdrawn',
  'joined',
  'foundLate',
  'ruleChanged',
] as const;
export type CorrectionKind = (typeof CORRECTION_KINDS)[number];

export interface Correction {
  readonly kind: CorrectionKind;
  readonly recordedAtMs: number;
  /** What it was before. */
  readonly startMs: number;
  readonly endMs: number | null;
}

export interface Episode {
  readonly id: string;
  readonly startMs: number;
  readonly firedAtMs: number;
  readonly endMs: number | null;
  readonly resolvedAtMs: number | null;
  readonly amounts: Amounts;
  readonly firingSent: boolean;
  readonly resolvedSent: boolean;
  /** How many times it was said again. */
  readonly renotified: number;
  /** Restated data show that it never was, or that it is part of another. */
  readonly withdrawn: boolean;
  /** Whether a silence keeps its firing back. */
  readonly silenced: boolean;
}

export interface Reconciled {
  readonly episode: Episode;
  /** To be recorded now. */
  readonly corrections: readonly Correction[];
  readonly isNew: boolean;
}

export interface ReconcileContext {
  /** Windows that ended by then were folded before: what they say now and did not then is a correction. */
  readonly headMs: number;
  readonly nowMs: number;
  readonly idOf: (firedAtMs: number) => string;
}

interface Stretch {
  readonly startMs: number;
  readonly endMs: number;
}

const overlap = (a: Stretch, b: Stretch) => a.startMs < b.endMs && b.startMs < a.endMs;

/**
 * @param known episodes that may lie in the windows folded: not resolved before the first of them. One that was withdrawn
 *   comes back under its id where those windows fire it again, so that it is told once
 * @param spans of one instance, in order, as those windows tell them
 */
export function reconcile(
  known: readonly Episode[],
  spans: readonly Span[],
  context: ReconcileContext,
): Reconciled[] {
  const live = known.filter(({ withdrawn }) => !withdrawn);
  const gone = new Map(known.filter(({ withdrawn }) => withdrawn).map((episode) => [episode.id, episode]));
  const results = groupByOverlap(live, spans, context.headMs)
    .flatMap((group) => reconcileGroup(group, context))
    .map((result) => {
      const before = result.isNew ? gone.get(result.episode.id) : undefined;
      return before === undefined ? result : comeBack(before, result.episode, context);
    });
  const found = new Set(results.map(({ episode }) => episode.id));
  const stay = [...gone.values()].filter(({ id }) => !found.has(id));
  return [...results, ...stay.map((episode) => ({ episode, corrections: [], isNew: false }))];
}

/** What people were told of it stays told. */
function comeBack(
  before: Episode,
  { startMs, endMs, resolvedAtMs, amounts }: Episode,
  { nowMs }: ReconcileContext,
): Reconciled {
  return {
    episode: { ...before, startMs, endMs, resolvedAtMs, amounts, withdrawn: false },
    corrections: [correction('reopened', before, nowMs)],
    isNew: false,
  };
}

interface Group {
  readonly known: readonly Episode[];
  readonly spans: readonly Span[];
}

/** Both lists fall into stretches of time that touch no other. What was told as open was known up to the head only. */
function groupByOverlap(known: readonly Episode[], spans: readonly Span[], headMs: number): Group[] {
  let groups: (Group & Stretch)[] = known.map((episode) => ({
    known: [episode],
    spans: [],
    startMs: episode.startMs,
    endMs: episode.endMs ?? headMs,
  }));
  for (const span of spans) {
    const stretch = { startMs: span.startMs, endMs: span.endMs ?? Number.POSITIVE_INFINITY };
    const touched = groups.filter((group) => overlap(group, stretch));
    groups = [
      ...groups.filter((group) => !touched.includes(group)),
      {
        known: touched.flatMap((group) => group.known),
        spans: [...touched.flatMap((group) => group.spans), span],
        startMs: Math.min(stretch.startMs, ...touched.map((group) => group.startMs)),
        endMs: Math.max(stretch.endMs, ...touched.map((group) => group.endMs)),
      },
    ];
  }
  return groups;
}

function reconcileGroup({ known, spans }: Group, context: ReconcileContext): Reconciled[] {
  if (known.length === 0) return spans.map((span) => begin(span, context));
  if (spans.length === 0) return known.map((episode) => withdraw(episode, 'withdrawn', context));
  const byStart = [...known].sort((a, b) => a.startMs - b.startMs);
  // People wait for the end of the open one, so that is the one that goes on.
  const survivor = byStart.find((episode) => episode.resolvedAtMs === null) ?? byStart[0]!;
  const joined = byStart.filter((episode) => episode !== survivor);
  return [follow(survivor, spans, context), ...joined.map((episode) => withdraw(episode, 'joined', context))];
}

const correction = (kind: CorrectionKind, { startMs, endMs }: Episode, nowMs: number): Correction => ({
  kind,
  recordedAtMs: nowMs,
  startMs,
  endMs,
});

function begin(span: Span, { headMs, nowMs, idOf }: ReconcileContext): Reconciled {
  const episode: Episode = {
    ...span,
    id: idOf(span.firedAtMs),
    firingSent: false,
    resolvedSent: false,
    renotified: 0,
    withdrawn: false,
    silenced: false,
  };
  const late = span.firedAtMs <= headMs;
  return { episode, corrections: late ? [correction('foundLate', episode, nowMs)] : [], isNew: true };
}

function withdraw(
  episode: Episode,
  kind: 'withdrawn' | 'joined',
  { headMs, nowMs }: ReconcileContext,
): Reconciled {
  const endMs = episode.endMs ?? headMs;
  const resolvedAtMs = episode.resolvedAtMs ?? headMs;
  return {
    episode: { ...episode, withdrawn: true, endMs, resolvedAtMs },
    corrections: [correction(kind, episode, nowMs)],
    isNew: false,
  };
}

/** The episode as the spans that it overlaps tell it now: people were told of one, so it stays one. */
function follow(episode: Episode, spans: readonly Span[], { headMs, nowMs }: ReconcileContext): Reconciled {
  const open = spans.some((span) => span.endMs === null);
  const startMs = Math.min(...spans.map((span) => span.startMs));
  const endMs = open ? null : Math.max(...spans.map((span) => span.endMs!));
  const resolvedAtMs = open ? null : Math.max(...spans.map((span) => span.resolvedAtMs!));
  const amounts = spans.reduce(
    (sum, span) => ({
      energyMillijoules: sum.energyMillijoules + span.amounts.energyMillijoules,
      grams: sum.grams + span.amounts.grams,
    }),
    { energyMillijoules: 0, grams: 0 },
  );
  const endedNow = episode.resolvedAtMs === null && resolvedAtMs !== null && resolvedAtMs > headMs;
  const reopened = episode.resolvedAtMs !== null && open;
  const moved = startMs !== episode.startMs || (endMs !== episode.endMs && !endedNow);
  const kind = reopened ? 'reopened' : moved ? 'edgesMoved' : null;
  return {
    episode: { ...episode, startMs, endMs, resolvedAtMs, amounts },
    corrections: kind === null ? [] : [correction(kind, episode, nowMs)],
    isNew: false,
  };
}
