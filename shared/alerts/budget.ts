/**
 * A budget of grams per UTC day, week (from Monday) or month: what is used, how fast the last hours used it, and when it
 * would be gone at the pace of the last hours.
 *
 *   burn rate = (grams of the last n whole hours and the current one / their length) / (budget / period)
 */
import { DAY_MS, HOUR_MS, hourStart, WINDOW_MS } from '../time/window.ts';
import type { Signal } from './machine.ts';
import type { BudgetPeriod, BudgetRule, BurnRate } from './rule.ts';

export interface BudgetState {
  readonly periodStartMs: number;
  /** Later than the period's start where the rule is younger and the past was too much to sum. */
  readonly countedFromMs: number;
  readonly grams: number;
  /**
   * `[from when it is counted, grams]` by hour, newest last: as many whole hours as the burn rates look back, and the
   * current one. The first hour of a rule is counted from its first window on.
   */
  readonly hours: readonly (readonly [number, number])[];
}

export interface BudgetReading {
  readonly usedGrams: number;
  readonly usedRatio: number;
  /** Null where the rule asks for none, or nothing was counted yet. */
  readonly fastBurnRatio: number | null;
  readonly slowBurnRatio: number | null;
  /** At the pace of the slower of the two; null where that is not within the period. */
  readonly exhaustedAtMs: number | null;
  readonly periodStartMs: number;
  /** Later than that where what came before was too much to sum. */
  readonly countedFromMs: number;
  readonly periodEndMs: number;
}

/** A burn that fell to a tenth below what fires is over. */
const BURN_OFF_RATIO = 0.9;

export function periodOf(period: BudgetPeriod, instantMs: number): { startMs: number; endMs: number } {
  const date = new Date(instantMs);
  const dayMs = Math.floor(instantMs / DAY_MS) * DAY_MS;
  if (period === 'day') return { startMs: dayMs, endMs: dayMs + DAY_MS };
  if (period === 'month') {
    const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
    return { startMs: Date.UTC(year, month, 1), endMs: Date.UTC(year, month + 1, 1) };
  }
  const startMs = dayMs - ((date.getUTCDay() + 6) % 7) * DAY_MS;
  return { startMs, endMs: startMs + 7 * DAY_MS };
}

export function beginBudget(rule: BudgetRule, instantMs: number, usedGrams: number | null): BudgetState {
  const { startMs } = periodOf(rule.period, instantMs);
  return {
    periodStartMs: startMs,
    countedFromMs: usedGrams === null ? instantMs : startMs,
    grams: usedGrams ?? 0,
    hours: [],
  };
}

/** Books one window. */
export function addToBudget(
  rule: BudgetRule,
  state: BudgetState,
  windowStartMs: number,
  grams: number,
): BudgetState {
  const { startMs } = periodOf(rule.period, windowStartMs);
  const same = startMs === state.periodStartMs;
  const hourMs = hourStart(windowStartMs);
  const last = state.hours.at(-1);
  const hours =
    last !== undefined && hourStart(last[0]) === hourMs
      ? [...state.hours.slice(0, -1), [last[0], last[1] + grams] as const]
      : [...state.hours, [windowStartMs, grams] as const];
  const oldestMs = hourMs - Math.max(rule.fastBurn?.hours ?? 0, rule.slowBurn?.hours ?? 0) * HOUR_MS;
  return {
    periodStartMs: startMs,
    countedFromMs: same ? state.countedFromMs : startMs,
    grams: (same ? state.grams : 0) + grams,
    hours: hours.filter(([ms]) => ms >= oldestMs),
  };
}

/** The budget as it stands at the end of a window that was booked. */
export function readBudget(rule: BudgetRule, state: BudgetState, windowStartMs: number): BudgetReading {
  const { startMs, endMs } = periodOf(rule.period, windowStartMs);
  const untilMs = windowStartMs + WINDOW_MS;
  const gramsPerMs = rule.budgetGrams / (endMs - startMs);
  const pace = (burn: BurnRate | null) => (burn === null ? null : recentPace(state, burn.hours, untilMs));
  const fast = pace(rule.fastBurn);
  const slow = pace(rule.slowBurn);
  const overPeriod = untilMs > state.countedFromMs ? state.grams / (untilMs - state.countedFromMs) : 0;
  const projected = slow ?? fast ?? overPeriod;
  const leftGrams = rule.budgetGrams - state.grams;
  const exhaustedAtMs = leftGrams <= 0 ? untilMs : untilMs + leftGrams / projected;
  return {
    usedGrams: state.grams,
    usedRatio: state.grams / rule.budgetGrams,
    fastBurnRatio: fast === null ? null : fast / gramsPerMs,
    slowBurnRatio: slow === null ? null : slow / gramsPerMs,
    exhaustedAtMs: exhaustedAtMs < endMs ? exhaustedAtMs : null,
    periodStartMs: startMs,
    countedFromMs: state.countedFromMs,
    periodEndMs: endMs,
  };
}

/** Grams per millisecond since the beginning of the hour `hours` before the current one, or of what was counted. */
function recentPace({ hours }: BudgetState, lookBackHours: number, untilMs: number): number | null {
  const fromMs = hourStart(untilMs - WINDOW_MS) - lookBackHours * HOUR_MS;
  const counted = hours.filter(([ms]) => ms >= fromMs);
  if (counted.length === 0) return null;
  const grams = counted.reduce((sum, [, gramsOfHour]) => sum + gramsOfHour, 0);
  return grams / (untilMs - counted[0]![0]);
}

export function budgetSignal(rule: BudgetRule, reading: BudgetReading): Signal {
  if (reading.usedRatio >= 1) return 'on';
  const burns: readonly (readonly [number | null, BurnRate | null])[] = [
    [reading.fastBurnRatio, rule.fastBurn],
    [reading.slowBurnRatio, rule.slowBurn],
  ];
  let signal: Signal = 'off';
  for (const [ratio, burn] of burns) {
    if (ratio === null || burn === null) continue;
    if (ratio > burn.aboveRatio) return 'on';
    if (ratio > burn.aboveRatio * BURN_OFF_RATIO) signal = 'band';
  }
  return signal;
}
