/** A fleet of agents, each with the real pacing code, against the model of a server, on a clock that only counts. */
import { splitBacklog } from '../../agent/ship/batches.ts';
import { Pacer } from '../../agent/ship/pacer.ts';
import { WINDOW_MS, windowStart } from '../../shared/time/window.ts';
import type { ModelServer } from './model-server.ts';
import { TurnQueue } from './turn-queue.ts';

/** A request and its answer. */
const ROUND_TRIP_MS = 300;
/** As a real round has it. */
const REQUESTS_PER_ROUND = 24;

export interface FleetRun {
  readonly nodes: number;
  readonly endMs: number;
  /** The server is down over `[fromMs, toMs)`. */
  readonly outage: { readonly fromMs: number; readonly toMs: number };
  /** When each agent has its first round; the default: somewhere in its first minute. */
  readonly firstRoundMs?: (random: number) => number;
  readonly random: () => number;
}

export interface NodeOutcome {
  /** When the server first took what was live after it came back; null: never. */
  liveAgainMs: number | null;
  /** When nothing of the backlog was left. */
  clearedMs: number | null;
  /** The longest wait between two deliveries of what is live, after the first one again. */
  longestWaitMs: number;
}

interface Agent {
  readonly number: number;
  readonly pacer: Pacer;
  readonly outcome: NodeOutcome;
  /** Starts of windows that the server does not have; the running one is always among them. */
  pending: number[];
  knownToMs: number;
  lastLiveMs: number;
}

/** Runs until `endMs`. @returns what became of each node */
export function runFleet(server: ModelServer, run: FleetRun): NodeOutcome[] {
  const { random, outage } = run;
  const firstRoundMs = run.firstRoundMs ?? ((share: number) => share * 60_000);
  const queue = new TurnQueue<Agent>();
  const agents = Array.from({ length: run.nodes }, (_, index): Agent => {
    const number = index + 1;
    return {
      number,
      pacer: new Pacer(`node-${number}`),
      outcome: { liveAgainMs: null, clearedMs: null, longestWaitMs: 0 },
      pending: [],
      knownToMs: 0,
      lastLiveMs: 0,
    };
  });
  for (const agent of agents) queue.add(firstRoundMs(random()), agent);
  for (let turn = queue.next(); turn !== null && turn.atMs < run.endMs; turn = queue.next()) {
    server.isDown = turn.atMs >= outage.fromMs && turn.atMs < outage.toMs;
    queue.add(turn.atMs + round(turn.item, server, turn.atMs, run), turn.item);
  }
  return agents.map(({ outcome }) => outcome);
}

/** As the shipper's: @returns milliseconds until the next one */
function round(agent: Agent, server: ModelServer, startMs: number, { random, outage }: FleetRun): number {
  const { pacer, outcome, number } = agent;
  let nowMs = startMs;
  meter(agent, nowMs);
  const asPending = agent.pending.map((windowStartMs) => ({
    windowStartMs,
    epoch: '',
    revision: 1,
    bytes: 0,
  }));
  const { live, backlog: waiting } = splitBacklog(asPending, windowStart(nowMs), pacer.reportEverySeconds);
  const backlog = [...waiting];
  let isLive = true;
  for (let requests = 0; requests < REQUESTS_PER_ROUND; requests++) {
    const part = backlog.splice(0, pacer.backlogAllowance(nowMs));
    if (!isLive && part.length === 0) break;
    const answer = server.ask(number, part.length, nowMs);
    if (!('told' in answer)) {
      return nowMs - startMs + answer.tookMs + pacer.failed(part.length, answer.retryAfterMs, random());
    }
    nowMs += ROUND_TRIP_MS;
    pacer.delivered(answer.told, part.length, nowMs, random());
    const taken = new Set([...(isLive ? live : []), ...part].map(({ windowStartMs }) => windowStartMs));
    agent.pending = agent.pending.filter((each) => !taken.has(each));
    if (startMs >= outage.toMs) {
      if (isLive && outcome.liveAgainMs !== null)
        outcome.longestWaitMs = Math.max(outcome.longestWaitMs, nowMs - agent.lastLiveMs);
      outcome.liveAgainMs ??= nowMs;
      if (backlog.length === 0) outcome.clearedMs ??= nowMs;
    }
    agent.lastLiveMs = nowMs;
    isLive = false;
  }
  return nowMs - startMs + pacer.untilNextMs(nowMs, nowMs, backlog.length > 0);
}

/** Windows that began since; the running one has more to say in each round. */
function meter(agent: Agent, nowMs: number): void {
  const running = windowStart(nowMs);
  for (let startMs = Math.max(0, windowStart(agent.knownToMs)); startMs <= running; startMs += WINDOW_MS) {
    if (!agent.pending.includes(startMs)) agent.pending.push(startMs);
  }
  agent.knownToMs = nowMs;
  agent.pending.sort((a, b) => a - b);
}
