/** Brings power series of any step to the step that was asked for: the mean, by time, of what was known in each step. */

export interface PowerSpan {
  readonly startMs: number;
  readonly stepMs: number;
  /** One value per step, each standing for its whole step. */
  readonly watts: readonly (number | null)[];
}

/** @returns one value per step of `[fromMs, toMs)`; null where no span says anything */
export function resample(
  spans: readonly PowerSpan[],
  { fromMs, toMs, stepMs }: { readonly fromMs: number; readonly toMs: number; readonly stepMs: number },
): (number | null)[] {
  const count = Math.ceil((toMs - fromMs) / stepMs);
  const energy = new Float64Array(count);
  const known = new Float64Array(count);
  for (const span of spans) {
    for (const [index, watts] of span.watts.entries()) {
      if (watts === null) continue;
      const startMs = Math.max(span.startMs + index * span.stepMs, fromMs);
      const endMs = Math.min(span.startMs + (index + 1) * span.stepMs, toMs);
      for (let at = startMs; at < endMs; ) {
        const step = Math.floor((at - fromMs) / stepMs);
        const until = Math.min(endMs, fromMs + (step + 1) * stepMs);
        energy[step]! += watts * (until - at);
        known[step]! += until - at;
        at = until;
      }
    }
  }
  return Array.from(energy, (sum, step) => (known[step]! === 0 ? null : sum / known[step]!));
}
