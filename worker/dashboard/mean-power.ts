/** Power as the page shows it: energy over metered time. */
import { HOUR_MS, WINDOW_MS } from '../../shared/time/window.ts';
import type { Emissions, Step } from './contract.ts';

/** Mean power over a span that was metered. */
export interface MeanPower {
  readonly watts: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Of the newest window that is over and was metered, else of the one under way (a host that has just started). Null where
 * neither was metered.
 */
export function powerOfWindows(windows: readonly Step[], nowMs: number): MeanPower | null {
  const metered = windows.filter(isMetered);
  const chosen =
    metered.findLast((window) => Date.parse(window.start) + WINDOW_MS <= nowMs) ?? metered.at(-1);
  return chosen === undefined ? null : powerOf(chosen, nowMs);
}

/** Of the newest hour that has something summed: of a large fleet windows are not added up for each reader. */
export function powerOfHours(answer: Pick<Emissions, 'series' | 'rolledUpTo'>, nowMs: number) {
  const chosen = answer.series.findLast(isMetered);
  return chosen === undefined ? null : powerOf(chosen, countedUntilMs(answer, nowMs));
}

/** Until when an answer counts. */
export const countedUntilMs = ({ rolledUpTo }: Pick<Emissions, 'rolledUpTo'>, nowMs: number) =>
  rolledUpTo === null ? nowMs : Date.parse(rolledUpTo);

const isMetered = ({ coverage }: Step) => (coverage ?? 0) > 0;

function powerOf(step: Step, untilMs: number): MeanPower {
  const fromMs = Date.parse(step.start);
  const toMs = Math.min(Date.parse(step.end), untilMs);
  const hours = ((toMs - fromMs) / HOUR_MS) * (step.coverage ?? 0);
  return { watts: (step.energyKwh * 1_000) / hours, fromMs, toMs };
}
