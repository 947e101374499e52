/**
 * Episodes found by looking at a whole series at once: for each run of windows that are on, is it long enough; from where
 * is it over for long enough. Written without regard to the state machine.
 */
export interface ReferenceEpisode {
  readonly startMs: number;
  readonly firedAtMs: number;
  readonly endMs: number | null;
  readonly resolvedAtMs: number | null;
}

interface Timing {
  readonly forMinutes: number;
  readonly holdMinutes: number;
  readonly cooldownMinutes: number;
}

const WINDOW_MS = 300_000;
const MINUTE_MS = 60_000;

/** `signals[i]` is of the window that starts at `fromMs + i * 5 min`. After an hour without data a condition counts as over. */
export function referenceEpisodes(
  given: readonly ('on' | 'off' | 'band' | 'unknown')[],
  fromMs: number,
  timing: Timing,
): ReferenceEpisode[] {
  const signals = given.map((signal, i) => {
    const lastHour = given.slice(Math.max(0, i - 12), i + 1);
    return lastHour.length === 13 && lastHour.every((one) => one === 'unknown') ? 'off' : signal;
  });
  const need = Math.max(1, Math.ceil((timing.forMinutes * MINUTE_MS) / WINDOW_MS));
  const hold = Math.max(1, Math.ceil((timing.holdMinutes * MINUTE_MS) / WINDOW_MS));
  const at = (index: number) => fromMs + index * WINDOW_MS;
  const episodes: ReferenceEpisode[] = [];
  let from = 0;
  let lastEnd = Number.NEGATIVE_INFINITY;
  for (;;) {
    const fired = firstFiring(
      signals,
      from,
      need,
      (end) => at(end) - lastEnd >= timing.cooldownMinutes * MINUTE_MS,
    );
    if (fired === null) return episodes;
    const over = firstOver(signals, fired.end, hold);
    episodes.push({
      startMs: at(fired.start),
      firedAtMs: at(fired.end),
      endMs: over === null ? null : at(over.end),
      resolvedAtMs: over === null ? null : at(over.certain),
    });
    if (over === null) return episodes;
    lastEnd = at(over.end);
    from = over.certain;
  }
}

/** The first run of `on` (windows without data within it do not break it) that is long enough at a window that is on. */
function firstFiring(
  signals: readonly string[],
  from: number,
  need: number,
  cooled: (end: number) => boolean,
): { start: number; end: number } | null {
  let start: number | null = null;
  for (let i = from; i < signals.length; i++) {
    if (signals[i] === 'unknown') continue;
    if (signals[i] !== 'on') {
      start = null;
      continue;
    }
    start ??= i;
    if (i + 1 - start >= need && cooled(i + 1)) return { start, end: i + 1 };
  }
  return null;
}

/** From the first `off` on, `hold` windows of which none is on. */
function firstOver(
  signals: readonly string[],
  from: number,
  hold: number,
): { end: number; certain: number } | null {
  for (let i = from; i + hold <= signals.length; i++) {
    if (signals[i] !== 'off') continue;
    const back = signals.slice(i, i + hold).indexOf('on');
    if (back === -1) return { end: i, certain: i + hold };
    i += back;
  }
  return null;
}
