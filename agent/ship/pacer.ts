/**
 * When this node sends, and how much of its backlog: as the server last told it, gently where it has told nothing. Keeps no
 * clock and no chance of its own, so that ten thousand of them run in one test.
 */
import { phaseOfId, untilTurnMs } from '../../shared/pace/phase.ts';
import type { BacklogPace, IngestReply } from '../../shared/wire/ingest.ts';
import { backOffMs } from './back-off.ts';

/** What a server may ask for; anything else is taken as the nearer bound. */
const REPORT_EVERY_SECONDS = { least: 5, most: 3_600 };
const DEFAULT_REPORT_EVERY_SECONDS = 60;
/** Of a server that tells no pace, or nonsense: as much as a body holds, one after the other. */
const DEFAULT_BACKLOG: BacklogPace = { reportsPerRequest: 100, everySeconds: 0 };
const MOST_BACKLOG_EVERY_SECONDS = 3_600;

/** What a reply tells of the pace; the rest of it is not looked at. */
export type ToldPace = Pick<IngestReply, 'reportEverySeconds' | 'reportPhaseRatio' | 'backlog'>;

export class Pacer {
  #reportEverySeconds = DEFAULT_REPORT_EVERY_SECONDS;
  #phaseRatio: number;
  #backlog = DEFAULT_BACKLOG;
  /** Fewer than the server allows, after it did not get through a request with so many; null: as it allows. */
  #ownBound: number | null = null;
  /** When backlog may go next; null: not before the server has taken what is live. */
  #backlogAtMs: number | null = null;
  #failures = 0;

  constructor(nodeId: string) {
    this.#phaseRatio = phaseOfId(nodeId);
  }

  get reportEverySeconds(): number {
    return this.#reportEverySeconds;
  }

  /** Reports of the backlog that the next request may carry. `nowMs` is monotonic here and below. */
  backlogAllowance(nowMs: number): number {
    if (this.#backlogAtMs === null || nowMs < this.#backlogAtMs) return 0;
    return Math.min(this.#backlog.reportsPerRequest, this.#ownBound ?? Number.POSITIVE_INFINITY);
  }

  /** The server took a request with so many reports of the backlog. */
  delivered(told: ToldPace, backlogReports: number, nowMs: number, random: number): void {
    this.#failures = 0;
    this.#note(told);
    const everyMs = this.#backlog.everySeconds * 1_000;
    if (this.#backlogAtMs === null) this.#backlogAtMs = nowMs + random * everyMs;
    else if (backlogReports > 0) {
      this.#backlogAtMs = nowMs + everyMs;
      const wider = (this.#ownBound ?? 0) * 2;
      this.#ownBound = wider === 0 || wider >= this.#backlog.reportsPerRequest ? null : wider;
    }
  }

  /**
   * It did not take the request, or did not answer. What is live goes alone next: a heavy body may be why, as where a plan
   * ends a request that takes too long. @returns milliseconds to wait
   */
  failed(backlogReports: number, retryAfterMs: number | null, random: number): number {
    this.#failures += 1;
    this.#backlogAtMs = null;
    if (backlogReports > 0) this.#ownBound = Math.max(1, Math.floor(backlogReports / 2));
    // On top of what was asked for: many were asked for the same.
    return (retryAfterMs ?? 0) + backOffMs(this.#failures, random);
  }

  /**
   * Milliseconds until this node's turn, or until its backlog may go on; where that needs no pauses, a round sends many
   * requests and the rest waits for the next turn. `wallMs` is UTC.
   */
  untilNextMs(wallMs: number, nowMs: number, hasBacklog: boolean): number {
    const turnMs = untilTurnMs(wallMs, this.#reportEverySeconds, this.#phaseRatio);
    const isPaced = this.#backlogAtMs !== null && this.#backlog.everySeconds > 0;
    if (!hasBacklog || !isPaced) return turnMs;
    return Math.min(turnMs, Math.max(1_000, Math.ceil(this.#backlogAtMs! - nowMs)));
  }

  #note({ reportEverySeconds, reportPhaseRatio, backlog }: ToldPace): void {
    const { least, most } = REPORT_EVERY_SECONDS;
    this.#reportEverySeconds = Math.min(most, Math.max(least, reportEverySeconds));
    if (isNumberFrom(reportPhaseRatio, 0) && reportPhaseRatio < 1) this.#phaseRatio = reportPhaseRatio;
    const isPace = isNumberFrom(backlog?.reportsPerRequest, 1) && isNumberFrom(backlog?.everySeconds, 0);
    this.#backlog = isPace
      ? {
          reportsPerRequest: Math.floor(backlog!.reportsPerRequest),
          everySeconds: Math.min(MOST_BACKLOG_EVERY_SECONDS, backlog!.everySeconds),
        }
      : DEFAULT_BACKLOG;
  }
}

function isNumberFrom(value: unknown, least: number): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= least;
}
