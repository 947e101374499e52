/**
 * How fast a node sends what it could not send before. What it says of now goes at its turn, whatever else waits; the
 * backlog goes in requests of its own time, so that a fleet that comes back shares what its databases have left.
 */
import type { BacklogPace } from '../wire/ingest.ts';
import type { FleetLoad } from './interval.ts';
import { PLAN_LIMITS, REQUESTS_PER_SECOND_OF_DATABASE } from './plans.ts';

/** Of a request's cost, which a report of the backlog adds: 12 windows take 2.5 times as long as one. */
const COST_OF_REPORT = 0.15;
/** What a small fleet sends at once is no storm. */
const LEAST_EVERY_SECONDS = 5;
const MOST_EVERY_SECONDS = 3_600;

/** As many requests as one that carries so many reports of the backlog, beside what is live. */
export const costOfRequest = (backlogReports: number) => 1 + COST_OF_REPORT * backlogReports;

/**
 * For all nodes of the fleet to send their backlogs at once within the half of the databases that live reports leave free.
 * `refused`: 0..1, of the last answers those that were refusals; what is left is shared by longer waits.
 */
export function backlogPace(
  { nodesOfFullest, plan }: Omit<FleetLoad, 'nodes'>,
  refused: number,
): BacklogPace {
  const reportsPerRequest = PLAN_LIMITS[plan].backlogReportsPerRequest;
  const seconds =
    (nodesOfFullest * costOfRequest(reportsPerRequest)) / REQUESTS_PER_SECOND_OF_DATABASE / (1 - refused);
  const everySeconds = seconds < LEAST_EVERY_SECONDS ? 0 : Math.min(MOST_EVERY_SECONDS, Math.ceil(seconds));
  return { reportsPerRequest, everySeconds };
}
