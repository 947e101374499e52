/** How often a fleet may report before it outgrows its plan or its databases. */
import { DAY_MS, HOUR_MS } from '../time/window.ts';
import {
  CRON_REQUESTS_PER_DAY,
  PLAN_LIMITS,
  PLANNED_RATIO,
  type Plan,
  REQUESTS_PER_SECOND_OF_DATABASE,
  ROWS_PER_NODE_HOUR,
  ROWS_PER_REQUEST,
} from './plans.ts';

export const LEAST_REPORT_EVERY_SECONDS = 10;
/** That an operator may ask for. */
export const MOST_REPORT_EVERY_SECONDS = 3_600;

export interface FleetLoad {
  readonly nodes: number;
  /** How many of them write to the same database, the fullest. */
  readonly nodesOfFullest: number;
  readonly plan: Plan;
}

/** What sets the pace. */
export const PACE_LIMITS = ['rowsWritten', 'requests', 'throughput'] as const;
export type PaceLimit = (typeof PACE_LIMITS)[number];

export interface NeededInterval {
  /** The least seconds between two reports of a node that keep the fleet below 80 % of every limit. */
  readonly seconds: number;
  /** The tightest limit; null where there is no node. */
  readonly limit: PaceLimit | null;
  /** False: even at the longest interval of the plan the fleet is over 80 % of it. */
  readonly fits: boolean;
}

const DAY_SECONDS = DAY_MS / 1_000;
const HOUR_SECONDS = HOUR_MS / 1_000;
const DAY_HOURS = DAY_MS / HOUR_MS;

/** Divisors of an hour, so that a node keeps its place in every minute or hour. */
const STEPS_SECONDS = Array.from({ length: HOUR_SECONDS }, (_, index) => index + 1).filter(
  (seconds) => seconds >= LEAST_REPORT_EVERY_SECONDS && HOUR_SECONDS % seconds === 0,
);

/** Pure: the same fleet on the same plan always gets the same answer. */
export function neededInterval({ nodes, nodesOfFullest, plan }: FleetLoad): NeededInterval {
  if (nodes === 0) return { seconds: LEAST_REPORT_EVERY_SECONDS, limit: null, fits: true };
  const { rowsWrittenPerDay, requestsPerDay, mostReportEverySeconds } = PLAN_LIMITS[plan];
  const seconds: Record<PaceLimit, number> = {
    rowsWritten: everySeconds(
      planned(rowsWrittenPerDay) / nodes - ROWS_PER_NODE_HOUR * DAY_HOURS,
      ROWS_PER_REQUEST,
    ),
    requests: everySeconds((planned(requestsPerDay) - CRON_REQUESTS_PER_DAY) / nodes, 1),
    throughput: nodesOfFullest / REQUESTS_PER_SECOND_OF_DATABASE,
  };
  const limit = PACE_LIMITS.reduce((tightest, each) => (seconds[each] > seconds[tightest] ? each : tightest));
  const step = STEPS_SECONDS.find((each) => each >= seconds[limit] && each <= mostReportEverySeconds);
  return { seconds: step ?? mostReportEverySeconds, limit, fits: step !== undefined };
}

/** Shares of the plan's days that the fleet takes at that pace; a limit that the plan has not is left out. */
export function usedRatios(
  { nodes, nodesOfFullest, plan }: FleetLoad,
  reportEverySeconds: number,
): Partial<Record<PaceLimit, number>> {
  const { rowsWrittenPerDay, requestsPerDay } = PLAN_LIMITS[plan];
  const requests = DAY_SECONDS / reportEverySeconds;
  const rows = requests * ROWS_PER_REQUEST + ROWS_PER_NODE_HOUR * DAY_HOURS;
  return {
    ...(rowsWrittenPerDay === null ? {} : { rowsWritten: (nodes * rows) / rowsWrittenPerDay }),
    ...(requestsPerDay === null
      ? {}
      : { requests: (nodes * requests + CRON_REQUESTS_PER_DAY) / requestsPerDay }),
    throughput: nodesOfFullest / reportEverySeconds / REQUESTS_PER_SECOND_OF_DATABASE,
  };
}

const planned = (limit: number | null) => (limit ?? Number.POSITIVE_INFINITY) * PLANNED_RATIO;

/** Infinite where nothing is left for a request. */
function everySeconds(leftPerNodeDay: number, perRequest: number): number {
  return leftPerNodeDay <= 0 ? Number.POSITIVE_INFINITY : (DAY_SECONDS * perRequest) / leftPerNodeDay;
}
