/** What one window says to a rule that can be told again from stored windows. */
import type { Scope } from '../grid/intensity.ts';
import { WINDOW_MS } from '../time/window.ts';
import { FACT, type Facts } from './facts.ts';
import type { Signal } from './machine.ts';
import type { AlertRule, DirtyHoursRule, WasteRule } from './rule.ts';
import { limitsOf, type Usual } from './usual.ts';

export interface ZoneWindow {
  readonly startMs: number;
  /** Null where nothing was summed for the scope: no node of it stands in the zone, or the window is not known. */
  readonly facts: Facts | null;
  /** Null where no intensity is known. */
  readonly gramsPerKwh: number | null;
  /** Of the zone in that hour; null where it is in no use. */
  readonly scope: Scope | null;
  readonly usual: Usual | null;
}

/** Power that fell to four fifths of what fires is over. */
const POWER_OFF_RATIO = 0.8;
const COVERAGE_OFF_MARGIN = 0.02;
const DISAGREEMENT_OFF_RATIO = 0.9;

/** Mean watts over the window: millijoules per millisecond. */
export const meanWatts = (millijoules: number): number => millijoules / WINDOW_MS;

/** Grams of the window; null where no intensity is known. */
export function gramsOf({ facts, gramsPerKwh }: ZoneWindow): number | null {
  return facts === null || gramsPerKwh === null ? null : facts[FACT.facilityKwh]! * gramsPerKwh;
}

/** A condition that rises: on above `on`, off at or below `off`. */
const rising = (value: number, on: number, off: number): Signal =>
  value > on ? 'on' : value <= off ? 'off' : 'band';

/** Of rules that are replayable and no budget. */
export function zoneSignal(rule: AlertRule, window: ZoneWindow): Signal {
  const { facts } = window;
  if (facts === null) return 'unknown';
  switch (rule.kind) {
    case 'dirtyHours':
      return dirtySignal(rule, window, facts);
    case 'waste':
      return idleSignal(rule, facts);
    case 'health':
      return rule.check === 'coverage'
        ? coverageSignal(rule.limit, facts)
        : disagreementSignal(rule.limit, facts);
    default:
      throw new RangeError(`a rule of kind ${rule.kind} has no signal of a zone`);
  }
}

function dirtySignal(rule: DirtyHoursRule, { gramsPerKwh, usual }: ZoneWindow, facts: Facts): Signal {
  const limits = limitsOf(rule, usual);
  if (limits === null || gramsPerKwh === null || facts[FACT.nodesReporting] === 0) return 'unknown';
  const grid = rising(gramsPerKwh, limits.onGramsPerKwh, limits.offGramsPerKwh);
  const watts = meanWatts(facts[FACT.energyMillijoules]!);
  const load = rising(watts, rule.abovePowerWatts, rule.abovePowerWatts * POWER_OFF_RATIO);
  if (grid === 'off' || load === 'off') return 'off';
  return grid === 'on' && load === 'on' ? 'on' : 'band';
}

function idleSignal({ aboveIdlePowerWatts }: WasteRule, facts: Facts): Signal {
  if (facts[FACT.nodesReporting] === 0) return 'unknown';
  const watts = meanWatts(facts[FACT.idleMillijoules]!);
  return rising(watts, aboveIdlePowerWatts, aboveIdlePowerWatts * POWER_OFF_RATIO);
}

function coverageSignal(least: number, facts: Facts): Signal {
  const expected = facts[FACT.expectedMilliseconds]!;
  if (expected === 0) return 'unknown';
  const missing = 1 - Math.min(1, facts[FACT.coveredMilliseconds]! / expected);
  return rising(missing, 1 - least, Math.max(0, 1 - least - COVERAGE_OFF_MARGIN));
}

function disagreementSignal(limit: number, facts: Facts): Signal {
  if (facts[FACT.nodesReporting] === 0) return 'unknown';
  return rising(facts[FACT.disagreementRatio]!, limit, limit * DISAGREEMENT_OFF_RATIO);
}
