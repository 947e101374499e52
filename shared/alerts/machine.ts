/**
 * The state machine of one instance of a rule: idle -> pending -> firing -> idle, stepped once per window in order. A
 * condition that trembles gives one episode: it fires only after it held without a break, and ends only after it was
 * over without a break.
 */
import { WINDOW_MS } from '../time/window.ts';

/** `band`: between the two thresholds, which keeps what is. `unknown`: no data to tell. */
export type Signal = 'on' | 'band' | 'off' | 'unknown';

export interface Timing {
  readonly forMinutes: number;
  readonly holdMinutes: number;
  readonly cooldownMinutes: number;
}

export interface Amounts {
  readonly energyMillijoules: number;
  /** Operational, location-based. */
  readonly grams: number;
}

export interface MachineState {
  readonly phase: 'idle' | 'pending' | 'firing';
  /** Start of the first window of the condition; meaningless while idle. */
  readonly startMs: number;
  /** End of the window with which it fired; meaningless before. */
  readonly firedAtMs: number;
  /** Start of the first window of an unbroken run that was not on; null where the last was. */
  readonly overSinceMs: number | null;
  /** Consecutive windows without data. */
  readonly unknownWindows: number;
  /** When the last episode ended; null before the first. */
  readonly lastEndMs: number | null;
  /** From the start to the last window that was on. */
  readonly amounts: Amounts;
  /** Since then, while it is not yet known whether the episode goes on. */
  readonly tail: Amounts;
}

/** An episode as the windows tell it. */
export interface Span {
  readonly startMs: number;
  readonly firedAtMs: number;
  /** Null while it lasts, or until it is certain that it is over. */
  readonly endMs: number | null;
  /** End of the window with which it was certain. */
  readonly resolvedAtMs: number | null;
  readonly amounts: Amounts;
}

const MINUTE_MS = 60_000;
/** After an hour without data nothing can be said any more: that ends an episode like its being over. */
const UNKNOWN_WINDOWS = 12;
const NOTHING: Amounts = { energyMillijoules: 0, grams: 0 };

export const IDLE: MachineState = {
  phase: 'idle',
  startMs: 0,
  firedAtMs: 0,
  overSinceMs: null,
  unknownWindows: 0,
  lastEndMs: null,
  amounts: NOTHING,
  tail: NOTHING,
};

const plus = (a: Amounts, b: Amounts): Amounts => ({
  energyMillijoules: a.energyMillijoules + b.energyMillijoules,
  grams: a.grams + b.grams,
});

/** The episode that the state is in; null while none fires. */
export function openSpan(state: MachineState): Span | null {
  if (state.phase !== 'firing') return null;
  const { startMs, firedAtMs, amounts } = state;
  return { startMs, firedAtMs, endMs: null, resolvedAtMs: null, amounts };
}

export interface Step {
  readonly state: MachineState;
  /** The episode that ended with this window. */
  readonly resolved: Span | null;
}

/** One window; `amounts` are what the scope used in it. */
export function step(
  state: MachineState,
  windowStartMs: number,
  signal: Signal,
  amounts: Amounts,
  timing: Timing,
): Step {
  const unknownWindows = signal === 'unknown' ? state.unknownWindows + 1 : 0;
  const known = signal === 'unknown' && unknownWindows > UNKNOWN_WINDOWS ? 'off' : signal;
  const next = { ...state, unknownWindows };
  return state.phase === 'firing'
    ? whileFiring(next, windowStartMs, known, amounts, timing)
    : { state: whileIdle(next, windowStartMs, known, amounts, timing), resolved: null };
}

function whileIdle(
  state: MachineState,
  windowStartMs: number,
  signal: Signal,
  amounts: Amounts,
  { forMinutes, cooldownMinutes }: Timing,
): MachineState {
  const pending = state.phase === 'pending';
  if (signal === 'unknown') return pending ? { ...state, amounts: plus(state.amounts, amounts) } : state;
  if (signal !== 'on') return pending ? { ...IDLE, lastEndMs: state.lastEndMs } : state;
  const startMs = pending ? state.startMs : windowStartMs;
  const sum = pending ? plus(state.amounts, amounts) : amounts;
  const endMs = windowStartMs + WINDOW_MS;
  const cooled = state.lastEndMs === null || endMs - state.lastEndMs >= cooldownMinutes * MINUTE_MS;
  const fires = cooled && endMs - startMs >= forMinutes * MINUTE_MS;
  return {
    ...state,
    phase: fires ? 'firing' : 'pending',
    startMs,
    firedAtMs: fires ? endMs : 0,
    overSinceMs: null,
    amounts: sum,
  };
}

function whileFiring(
  state: MachineState,
  windowStartMs: number,
  signal: Signal,
  amounts: Amounts,
  { holdMinutes }: Timing,
): Step {
  if (signal === 'on' || (signal !== 'off' && state.overSinceMs === null)) {
    const sum = plus(plus(state.amounts, state.tail), amounts);
    return { state: { ...state, overSinceMs: null, amounts: sum, tail: NOTHING }, resolved: null };
  }
  const overSinceMs = state.overSinceMs ?? windowStartMs;
  const resolvedAtMs = windowStartMs + WINDOW_MS;
  if (resolvedAtMs - overSinceMs < holdMinutes * MINUTE_MS)
    return { state: { ...state, overSinceMs, tail: plus(state.tail, amounts) }, resolved: null };
  const { startMs, firedAtMs } = state;
  return {
    state: { ...IDLE, lastEndMs: overSinceMs },
    resolved: { startMs, firedAtMs, endMs: overSinceMs, resolvedAtMs, amounts: state.amounts },
  };
}
