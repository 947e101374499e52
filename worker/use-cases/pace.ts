/** How often the fleet is asked to report, and why: what the operator wants, but no more than the plan bears. */
import {
  type FleetLoad,
  type NeededInterval,
  neededInterval,
  type PaceLimit,
  usedRatios,
} from '../../shared/pace/interval.ts';
import { LIMITS_READ_ON, PLANNED_RATIO } from '../../shared/pace/plans.ts';
import { type Env, planOf, reportEverySeconds } from '../env.ts';
import type { StoredPace } from '../storage/pace.ts';

export interface FleetPace {
  /** As the operator asked. */
  readonly wantedSeconds: number;
  readonly reportEverySeconds: number;
  /** What silence is told by: nodes may still report as they were asked before. */
  readonly silentEverySeconds: number;
  /** `setting`: as in the settings; `default`: as deployed; `plan`: raised by the server. */
  readonly because: 'setting' | 'default' | 'plan';
  /** A sentence. */
  readonly detail: string;
  readonly load: FleetLoad;
  readonly needed: NeededInterval;
  /** Of the plan's limits, at this pace. */
  readonly usedRatios: Partial<Record<PaceLimit, number>>;
}

const LIMIT_NAMES: Readonly<Record<PaceLimit, string>> = {
  rowsWritten: 'rows written a day',
  requests: 'requests a day',
  throughput: 'requests a second that one database takes',
};

/** @throws RangeError where the environment says something that it may not */
export function paceOf({ asked, fleet, endedSeconds, defaultEnded }: StoredPace, env: Env): FleetPace {
  const deployed = reportEverySeconds(env);
  const wanted = asked === 'auto' ? deployed : asked;
  const load: FleetLoad = {
    nodes: fleet?.nodes ?? 0,
    nodesOfFullest: fleet?.nodesOfFullest ?? 0,
    plan: planOf(env),
  };
  const needed = neededInterval(load);
  const isRaised = needed.seconds > wanted;
  const seconds = Math.max(wanted, needed.seconds);
  const asWanted = asked === 'auto' ? 'default' : 'setting';
  return {
    wantedSeconds: wanted,
    reportEverySeconds: seconds,
    silentEverySeconds: Math.max(
      seconds,
      endedSeconds ?? 0,
      // Until cron has seen that it is deployed with another default, nodes may know the one before.
      ...(asked === 'auto' || defaultEnded ? [deployed, fleet?.defaultSeconds ?? 0] : []),
    ),
    because: isRaised ? 'plan' : asWanted,
    detail: isRaised ? raisedDetail(wanted, load, needed) : wantedDetail(seconds, asWanted, needed),
    load,
    needed,
    usedRatios: usedRatios(load, seconds),
  };
}

function wantedDetail(seconds: number, asWanted: 'default' | 'setting', needed: NeededInterval): string {
  const who = asWanted === 'default' ? 'as this server was deployed with' : 'as the settings ask';
  return `Every ${seconds} s ${who}; the plan bears every ${needed.seconds} s.`;
}

function raisedDetail(wanted: number, { nodes, plan }: FleetLoad, needed: NeededInterval): string {
  const limit = needed.limit === null ? '' : LIMIT_NAMES[needed.limit];
  const percent = `${PLANNED_RATIO * 100} %`;
  const raised = `Raised from ${wanted} s to ${needed.seconds} s: ${nodes} nodes on the ${plan} plan would take more than ${percent} of the ${limit} (limits of ${LIMITS_READ_ON}).`;
  if (needed.fits) return raised;
  const cure =
    needed.limit === 'throughput'
      ? 'add a database'
      : 'change to the paid plan, or retire nodes that are gone';
  return `${raised} They do even so: ${cure}.`;
}
