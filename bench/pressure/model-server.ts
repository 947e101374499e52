/** A server that takes so much a second and refuses the rest, by the rules of the real one. */
import { backlogPace, costOfRequest } from '../../shared/pace/backlog.ts';
import { type FleetLoad, neededInterval } from '../../shared/pace/interval.ts';
import { refusedRatio, retryAfterSeconds } from '../../shared/pace/overload.ts';
import { phaseOfNumber } from '../../shared/pace/phase.ts';
import type { BacklogPace } from '../../shared/wire/ingest.ts';

export interface Told {
  readonly reportEverySeconds: number;
  readonly reportPhaseRatio: number;
  readonly backlog: BacklogPace;
}

export type Answer =
  | { readonly told: Told }
  | { readonly retryAfterMs: number | null; readonly tookMs: number };

/** What came in one second. A request with backlog counts as several (`costOfRequest`). */
export interface Second {
  requests: number;
  refused: number;
  /** Of the requests that were taken; the capacity bounds it. */
  cost: number;
}

/** As long as an agent waits for an answer that does not come. */
const TIMEOUT_MS = 30_000;
/** Over which the server remembers what it refused. */
const MEMORY_SECONDS = 60;

export class ModelServer {
  readonly seconds: Second[] = [];
  readonly #fleet: FleetLoad;
  readonly #capacity: number;
  readonly #random: () => number;
  readonly #reportEverySeconds: number;
  /** Until then it does not answer at all. */
  isDown = false;

  /** @param capacity requests a second, of those that carry what is live */
  constructor(fleet: FleetLoad, capacity: number, askedSeconds: number, random: () => number) {
    this.#fleet = fleet;
    this.#capacity = capacity;
    this.#random = random;
    this.#reportEverySeconds = Math.max(askedSeconds, neededInterval(fleet).seconds);
  }

  ask(nodeNumber: number, backlogReports: number, nowMs: number): Answer {
    if (this.isDown) return { retryAfterMs: null, tookMs: TIMEOUT_MS };
    const second = this.#second(nowMs);
    second.requests += 1;
    const cost = costOfRequest(backlogReports);
    if (second.cost + cost > this.#capacity) {
      second.refused += 1;
      return {
        retryAfterMs: retryAfterSeconds(this.#refused(nowMs), this.#random()) * 1_000,
        tookMs: 0,
      };
    }
    second.cost += cost;
    return {
      told: {
        reportEverySeconds: this.#reportEverySeconds,
        reportPhaseRatio: phaseOfNumber(nodeNumber),
        backlog: backlogPace(this.#fleet, this.#refused(nowMs)),
      },
    };
  }

  #second(nowMs: number): Second {
    const second = Math.floor(nowMs / 1_000);
    this.seconds[second] ??= { requests: 0, refused: 0, cost: 0 };
    return this.seconds[second];
  }

  #refused(nowMs: number): number {
    const now = Math.floor(nowMs / 1_000);
    let requests = 0;
    let refused = 0;
    for (let second = Math.max(0, now - MEMORY_SECONDS); second <= now; second++) {
      requests += this.seconds[second]?.requests ?? 0;
      refused += this.seconds[second]?.refused ?? 0;
    }
    return refusedRatio(refused, requests);
  }
}
