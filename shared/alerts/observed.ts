/** What is judged as it stands at the end of a window, and not from the ledger: by the instants that it carries. */
import { HOUR_MS, WINDOW_MS } from '../time/window.ts';
import { meanWatts, type ZoneWindow } from './condition.ts';
import { FACT } from './facts.ts';
import type { Signal } from './machine.ts';
import { dirtyAhead, type ForecastStep } from './outlook.ts';
import type { DirtyHoursAheadRule, HealthRule } from './rule.ts';
import { limitsOf } from './usual.ts';

const MINUTE_MS = 60_000;
/** A conflict that nobody sends any more is over; what waits in quarantine stays there. */
const CONFLICT_LASTS_MS = HOUR_MS;

export interface AheadJudged {
  readonly signal: Signal;
  readonly ahead: ForecastStep | null;
}

/** On while it is not dirty now, the scope draws power and the forecast is dirty within reach. */
export function judgeAhead(
  rule: DirtyHoursAheadRule,
  { startMs, facts, gramsPerKwh, usual }: ZoneWindow,
  steps: readonly ForecastStep[] | undefined,
): AheadJudged {
  const limits = limitsOf(rule, usual);
  if (limits === null || gramsPerKwh === null || steps === undefined || facts === null)
    return { signal: 'unknown', ahead: null };
  if (facts[FACT.nodesReporting] === 0) return { signal: 'unknown', ahead: null };
  const loaded = meanWatts(facts[FACT.energyMillijoules]!) > rule.abovePowerWatts;
  const endMs = startMs + WINDOW_MS;
  const ahead = dirtyAhead(steps, endMs, rule.withinHours * HOUR_MS, limits.onGramsPerKwh);
  const isOn = gramsPerKwh <= limits.onGramsPerKwh && loaded && ahead !== null;
  return { signal: isOn ? 'on' : 'off', ahead };
}

/** Minutes between the end of the newest value and an instant, where that is more than the limit; else null. */
export function staleMinutes({ limit }: HealthRule, newestEndMs: number, atMs: number): number | null {
  const minutes = Math.max(0, atMs - newestEndMs) / MINUTE_MS;
  return minutes > limit ? minutes : null;
}

/** How a node stands, as far as health rules ask. */
export interface NodeStanding {
  /** When it was last heard of; the enrolment where it never was. */
  readonly lastHeardMs: number;
  /** Since when the two below hold; null before the agent told. */
  readonly healthAtMs: number | null;
  /** `nvml failed, rapl noData`; null where none is. */
  readonly lostSensors: string | null;
  readonly spoolReports: number | null;
  /** When the newest report came that only another agent of the same identity explains, and waits for a person. */
  readonly conflictAtMs: number | null;
}

/**
 * What is wrong with one node at an instant, empty where the rule says it all; null where nothing is. `missedAfterMs`: no
 * node is silent before, whatever the rule says.
 */
export function complaint(
  rule: HealthRule,
  node: NodeStanding,
  atMs: number,
  missedAfterMs: number,
): string | null {
  const { lastHeardMs, healthAtMs, lostSensors, spoolReports, conflictAtMs } = node;
  const said = healthAtMs !== null && healthAtMs <= atMs;
  switch (rule.check) {
    case 'nodeSilent':
      return atMs - lastHeardMs > Math.max(rule.limit * MINUTE_MS, missedAfterMs)
        ? `no report since ${new Date(lastHeardMs).toISOString()}`
        : null;
    case 'sensorLost':
      return said ? lostSensors : null;
    case 'spoolGrowing':
      return said && (spoolReports ?? 0) > rule.limit ? `${spoolReports} reports wait` : null;
    case 'twoAgents': {
      const recent = conflictAtMs !== null && conflictAtMs <= atMs && atMs - conflictAtMs < CONFLICT_LASTS_MS;
      return recent ? '' : null;
    }
    default:
      return null;
  }
}
