/** An hour without the server, and what comes after it. */
import { generator } from '../row-layout/workload.ts';
import { runFleet } from './fleet.ts';
import { ModelServer, type Second } from './model-server.ts';

const MINUTE_MS = 60_000;
const DOWN_FROM_MS = 10 * MINUTE_MS;

export interface Scenario {
  readonly nodes: number;
  readonly databases: number;
  /** Requests a second that all databases together take, of those that carry what is live. */
  readonly capacity: number;
  readonly outageMinutes: number;
  /** Looked at after the outage. */
  readonly afterMinutes: number;
  /** Over which the agents are started, all at once. */
  readonly startedWithinMs: number;
}

export interface Return {
  /** Seconds before the outage, from when the fleet has found its pace. */
  readonly before: readonly Second[];
  /** Seconds from the end of the outage on. */
  readonly after: readonly Second[];
  /** Seconds after the outage, of each node in ascending order; infinite where it never came. */
  readonly liveAgainSeconds: readonly number[];
  readonly clearedSeconds: readonly number[];
  readonly longestWaitSeconds: readonly number[];
}

export function returnOf(scenario: Scenario): Return {
  const { nodes, databases, capacity, outageMinutes, afterMinutes, startedWithinMs } = scenario;
  const random = generator(42);
  const server = new ModelServer(
    { nodes, nodesOfFullest: nodes / databases, plan: 'paid' },
    capacity,
    60,
    random,
  );
  const upMs = DOWN_FROM_MS + outageMinutes * MINUTE_MS;
  const endMs = upMs + afterMinutes * MINUTE_MS;
  const outcomes = runFleet(server, {
    nodes,
    endMs,
    outage: { fromMs: DOWN_FROM_MS, toMs: upMs },
    firstRoundMs: (share) => share * startedWithinMs,
    random,
  });
  const seconds = Array.from(
    { length: endMs / 1_000 },
    (_, second) => server.seconds[second] ?? { requests: 0, refused: 0, cost: 0 },
  );
  const sinceUp = (atMs: number | null) => (atMs === null ? Number.POSITIVE_INFINITY : (atMs - upMs) / 1_000);
  return {
    before: seconds.slice(DOWN_FROM_MS / 2_000, DOWN_FROM_MS / 1_000),
    after: seconds.slice(upMs / 1_000),
    liveAgainSeconds: ascending(outcomes.map(({ liveAgainMs }) => sinceUp(liveAgainMs))),
    clearedSeconds: ascending(outcomes.map(({ clearedMs }) => sinceUp(clearedMs))),
    longestWaitSeconds: ascending(outcomes.map(({ longestWaitMs }) => longestWaitMs / 1_000)),
  };
}

const ascending = (values: readonly number[]) => [...values].sort((a, b) => a - b);
