/**
 * Brings the store's reports to the server: what is live first, then the backlog at the pace that the server tells, one
 * request in flight, for ever. Nothing is forgotten before the server has said, in numbers that add up, that it holds it.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type EpochMs, epochMs, type MonotonicMs } from '../../shared/units.ts';
import type {
  AgentHealth,
  IngestBody,
  IngestReply,
  Inventory,
  WindowReport,
} from '../../shared/wire/ingest.ts';
import type { Clock } from '../clock.ts';
import type { HttpClient } from '../http/http-client.ts';
import type { DurableStore, PendingReport } from '../store/durable-store.ts';
import { batchesOf, halves, MAX_COMPRESSED_BYTES, splitBacklog } from './batches.ts';
import { type Extras, ExtrasMemory } from './extras.ts';
import { Pacer } from './pacer.ts';
import { judgeReply, type Verdict } from './reply.ts';
import { StuckReports } from './stuck-reports.ts';

/** The server's clock, bracketed by this host's monotonic clock. */
export interface ServerTime {
  readonly serverTimeMs: EpochMs;
  readonly sentAt: MonotonicMs;
  readonly receivedAt: MonotonicMs;
}

export interface ShipperOptions {
  readonly store: DurableStore;
  readonly http: HttpClient;
  /** Base URL of the server, without a trailing slash. */
  readonly url: string;
  readonly token: string;
  /** Whom this host takes itself for: the server refuses a token that was copied from another node. */
  readonly nodeId: string;
  readonly agentVersion: string;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Asked for each request; sent once after each start and when it changed. Null: not known here. */
  readonly inventory: () => Inventory | null;
  /** Asked for each request; sent when it changed by more than the spool usually does. Null: not known here. */
  readonly health: () => AgentHealth | null;
  readonly onServerTime: (time: ServerTime) => void;
  readonly log: (line: string) => void;
}

/** How the last request ended; `waiting` before the first. */
export type ShipState =
  | 'waiting'
  | 'delivered'
  /** No reply, 429, 5xx, or a 200 that was not the server's. */
  | 'retrying'
  /** 401 or 403: asked again every five minutes, nothing discarded. */
  | 'unauthorized'
  /** 409, or devices metered twice over: two agents on one identity. Kept until a person has solved it. */
  | 'conflict';

export interface ShipStatus {
  readonly state: ShipState;
  /** One line for people: what happened and what mends it. */
  readonly detail: string;
  readonly lastDeliveredAtMs: EpochMs | null;
  /** As the server last asked for; 60 before its first reply. */
  readonly reportEverySeconds: number;
  /** Reports that the server set aside in its own quarantine, since the start. */
  readonly quarantinedReports: number;
}

export interface Shipper {
  /**
   * One round: sends what is live and as much of the backlog as is due, until the round's budget is spent or the server does
   * not take it. Sends one (empty) body when nothing is pending, so that the server knows the agent lives and tells its
   * time. Never throws.
   * Resolves to how long to wait until the next round.
   */
  shipOnce(): Promise<number>;
  status(): ShipStatus;
}

/** A backlog of a week drains in a few rounds; a round still ends soon. */
const REQUESTS_PER_ROUND = 24;
/** After 401 and 403, which only a person can help. */
const ASK_AGAIN_MS = 300_000;

export function createShipper(options: ShipperOptions): Shipper {
  return new StoreShipper(options);
}

const OVER_METERED = 'over_metered';
/** Three windows: reports that are taken in between say nothing. */
const SHARED_FOR_MS = 900_000;
const TWO_AGENTS = 'two agents report as this node: stop one of them, or enrol it anew. Nothing is discarded';

type Failure = Extract<Verdict, { kind: 'retry' | 'unauthorized' }>;
class StoreShipper implements Shipper {
  readonly #options: ShipperOptions;
  readonly #extras = new ExtrasMemory();
  readonly #stuck = new StuckReports();
  readonly #pacer: Pacer;
  #status: Omit<ShipStatus, 'reportEverySeconds'> = {
    state: 'waiting',
    detail: 'nothing sent yet',
    lastDeliveredAtMs: null,
    quarantinedReports: 0,
  };
  /** Start of the newest window that ever waited. */
  #newestMs = 0;
  /** Of the request that was sent last. */
  #backlogSent = 0;
  #hasBacklog = false;
  /** When a device had last been metered longer than its window lasts: somebody else meters it too. */
  #sharedAtMs = Number.NEGATIVE_INFINITY;
  #running: Promise<number> | null = null;

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#pacer = new Pacer(options.nodeId);
  }

  status(): ShipStatus {
    return { ...this.#status, reportEverySeconds: this.#pacer.reportEverySeconds };
  }

  shipOnce(): Promise<number> {
    this.#running ??= this.#round()
      .catch((error: unknown): Failure => ({ kind: 'retry', detail: String(error), waitMs: null }))
      .then((failure) => (failure === null ? this.#succeeded() : this.#failed(failure)))
      .finally(() => {
        this.#running = null;
      });
    return this.#running;
  }

  /** Null when the server took what it was given. */
  async #round(): Promise<Failure | null> {
    const { store, clock, log } = this.#options;
    const ready = this.#stuck.without(store.pending(), clock.monotonicNow());
    this.#newestMs = Math.max(this.#newestMs, ready[0]?.windowStartMs ?? 0);
    const { live, backlog } = splitBacklog(ready, this.#newestMs, this.#pacer.reportEverySeconds);
    const rest = [...backlog];
    const due = () => rest.splice(0, this.#pacer.backlogAllowance(clock.monotonicNow()));
    const isBacklog = new Set<PendingReport>(backlog);
    const queue = [...batchesOf([...live, ...due()])];
    let hasProbed = false;
    for (let requests = 0; requests < REQUESTS_PER_ROUND; requests++) {
      const more = queue.length === 0 ? due() : [];
      if (more.length > 0) queue.push(...batchesOf(more));
      this.#hasBacklog = rest.length > 0 || queue.length > 0;
      const batch = queue.shift();
      if (batch === undefined) break;
      const reports = await store.read(batch);
      if (reports.length === 0 && batch.length > 0) continue;
      this.#backlogSent = batch.filter((each) => isBacklog.has(each)).length;
      const verdict = await this.#deliver(reports);
      if (verdict.kind === 'delivered') continue;
      if (verdict.kind === 'retry' || verdict.kind === 'unauthorized') return verdict;
      const [first, second] = reports;
      if (second !== undefined) {
        queue.unshift(...halves(batch));
      } else if (first === undefined) {
        // A body without reports: whatever is wrong, it is not a report's fault.
        return failureOf(verdict);
      } else if (verdict.kind === 'refused') {
        // Refused for something beside the reports (a clock far off, say), all of them would be given up here.
        this.#backlogSent = 0;
        const probe = hasProbed ? null : await this.#deliver([]);
        if (probe !== null && probe.kind !== 'delivered') return failureOf(probe);
        hasProbed = true;
        await store.setAside(first, verdict.code);
        log(`set aside the report of ${windowName(first)}: ${verdict.detail}`);
      } else {
        this.#stuck.add(first, verdict, clock.monotonicNow());
      }
    }
    return null;
  }

  /** Sends; refused with inventory or health beside the reports, sends the reports alone. */
  async #deliver(reports: readonly WindowReport[]): Promise<Verdict> {
    const extras = this.#extras.changed(this.#options.inventory(), this.#options.health());
    const verdict = await this.#send(reports, extras);
    const hasExtras = extras.inventory !== undefined || extras.health !== undefined;
    if (!hasExtras || (verdict.kind !== 'refused' && verdict.kind !== 'tooLarge')) return verdict;
    const alone = await this.#send(reports, {});
    if (alone.kind === 'delivered') {
      this.#extras.remember(extras);
      this.#options.log(`the server does not take this host's inventory or health: ${verdict.detail}`);
    }
    return alone;
  }

  async #send(reports: readonly WindowReport[], extras: Extras): Promise<Verdict> {
    const { clock, http, url, token, nodeId, agentVersion } = this.#options;
    const body: IngestBody = { version: 1, sentAtMs: clock.wallNow(), agentVersion, reports, ...extras };
    const compressed = await promisify(gzip)(JSON.stringify(body));
    if (compressed.length > MAX_COMPRESSED_BYTES) {
      const detail = `a body may have ${MAX_COMPRESSED_BYTES} bytes, this one has ${compressed.length}`;
      return { kind: 'refused', code: 'body_too_large', detail };
    }
    const sentAt = clock.monotonicNow();
    try {
      const reply = await http.request({
        method: 'POST',
        url: `${url}/v1/ingest`,
        headers: {
          Authorization: `Bearer ${token}`,
          'Wattshed-Node': nodeId,
          'Content-Type': 'application/json',
          'Content-Encoding': 'gzip',
        },
        body: compressed,
      });
      const receivedAt = clock.monotonicNow();
      const verdict = judgeReply(reply, reports.length, clock.wallNow());
      if (verdict.kind === 'delivered') {
        this.#extras.remember(extras);
        await this.#delivered(reports, verdict.reply, sentAt, receivedAt);
      }
      return verdict;
    } catch (error) {
      return { kind: 'retry', detail: error instanceof Error ? error.message : String(error), waitMs: null };
    }
  }

  async #delivered(
    reports: readonly WindowReport[],
    reply: IngestReply,
    sentAt: MonotonicMs,
    receivedAt: MonotonicMs,
  ): Promise<void> {
    const { store, clock, log, onServerTime } = this.#options;
    await store.acknowledge(reports);
    for (const report of reports) this.#stuck.delete(report);
    if (reply.quarantined.some(({ code }) => code === OVER_METERED)) this.#sharedAtMs = receivedAt;
    const quarantined = new Set(reply.quarantined.map((report) => report.windowStartMs));
    for (const { windowStartMs, deviceId, code } of reply.quarantined) {
      log(
        `the server put ${deviceId ?? 'the report'} of ${windowName({ windowStartMs })} in quarantine: ${code}`,
      );
    }
    this.#pacer.delivered(reply, this.#backlogSent, receivedAt, this.#options.random());
    this.#status = {
      ...this.#status,
      lastDeliveredAtMs: clock.wallNow(),
      quarantinedReports: this.#status.quarantinedReports + quarantined.size,
    };
    onServerTime({ serverTimeMs: epochMs(reply.serverTimeMs), sentAt, receivedAt });
  }

  /** Until this node's turn comes again, or its backlog's. */
  #succeeded(): number {
    const stuck = this.#stuck.worst();
    if (stuck === null && this.#options.clock.monotonicNow() - this.#sharedAtMs < SHARED_FOR_MS) {
      this.#say(
        'conflict',
        `what it sent is in quarantine, since these devices were metered by another agent too; ${TWO_AGENTS}`,
      );
    } else if (stuck === null) {
      this.#say('delivered', 'the server has what it was sent');
    } else if (stuck.kind === 'conflict') {
      this.#say('conflict', `${stuck.detail}; ${TWO_AGENTS}`);
    } else {
      this.#say('retrying', `${stuck.detail} to a single report; nothing is discarded`);
    }
    const { clock } = this.#options;
    return this.#pacer.untilNextMs(clock.wallNow(), clock.monotonicNow(), this.#hasBacklog);
  }

  #failed(failure: Failure): number {
    if (failure.kind === 'unauthorized') {
      this.#say('unauthorized', `${failure.detail}; enrol this host again. Nothing is discarded`);
      return ASK_AGAIN_MS;
    }
    this.#say('retrying', failure.detail);
    return this.#pacer.failed(this.#backlogSent, failure.waitMs, this.#options.random());
  }

  /** One line in the log for each change, not for each try. */
  #say(state: ShipState, detail: string): void {
    if (state === this.#status.state && detail === this.#status.detail) return;
    this.#status = { ...this.#status, state, detail };
    this.#options.log(`shipping: ${state}: ${detail}`);
  }
}

/** Whatever else a body without reports meets, trying again later is all that is left. */
function failureOf(verdict: Exclude<Verdict, { kind: 'delivered' }>): Failure {
  const isFailure = verdict.kind === 'retry' || verdict.kind === 'unauthorized';
  return isFailure ? verdict : { kind: 'retry', detail: verdict.detail, waitMs: null };
}

function windowName({ windowStartMs }: { readonly windowStartMs: number }): string {
  return `the window from ${new Date(windowStartMs).toISOString()}`;
}
