/** When a node was in its fleet: from its enrolment to its retirement, without the times between a retirement and its return. */

export interface Presence {
  readonly enrolledAtMs: number;
  /** Null while it is in the fleet. */
  readonly retiredAtMs: number | null;
  /** `[retiredAtMs, enrolledAgainAtMs]` of each time that it came back, in order. */
  readonly absences: readonly (readonly [number, number])[];
}

export interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The spans in the fleet before `untilMs`, in order; none is empty. */
export function spansInFleet({ enrolledAtMs, retiredAtMs, absences }: Presence, untilMs: number): TimeSpan[] {
  const endMs = Math.min(untilMs, retiredAtMs ?? Number.POSITIVE_INFINITY);
  const spans: TimeSpan[] = [];
  let fromMs = enrolledAtMs;
  for (const [leftMs, returnedMs] of absences) {
    spans.push({ fromMs, toMs: Math.min(leftMs, endMs) });
    fromMs = returnedMs;
  }
  spans.push({ fromMs, toMs: endMs });
  return spans.filter((span) => span.fromMs < span.toMs);
}

/** What of `[fromMs, toMs)` lies within the spans, piece by piece. */
export function within(spans: readonly TimeSpan[], fromMs: number, toMs: number): TimeSpan[] {
  return spans
    .map((span) => ({ fromMs: Math.max(fromMs, span.fromMs), toMs: Math.min(toMs, span.toMs) }))
    .filter((piece) => piece.fromMs < piece.toMs);
}
