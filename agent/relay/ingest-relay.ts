/**
 * `POST /v1/ingest` on its way to the server: passed on at once where the server answers, its very reply passed back.
 * Where it does not, the reports are kept durably and acknowledged, but only under a token that the server has taken before.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { epochMs } from '../../shared/units.ts';
import type { IngestBody } from '../../shared/wire/ingest.ts';
import type { Clock } from '../clock.ts';
import type { HttpClient, HttpReply } from '../http/http-client.ts';
import { HttpError } from '../http/http-client.ts';
import { judgeReply, type Verdict } from '../ship/reply.ts';
import { hasCode } from '../store/file-system.ts';
import { Backlog } from './backlog.ts';
import type { RelayMemory } from './memory.ts';
import { acknowledged, unavailable } from './reply.ts';
import type { UpstreamClock } from './upstream-clock.ts';

export interface IngestRequest {
  readonly token: string;
  /** As the header `Wattshed-Node` says; null without. */
  readonly nodeId: string | null;
  /** To be passed on. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
  /**
   * Unpacks and parses, once; null where the relay cannot read it. Asked for only under a token that the server has taken:
   * a stranger's body costs no more than its bytes.
   */
  readonly readBody: () => Promise<IngestBody | null>;
}

export interface IngestRelayOptions {
  /** The folder of all backlogs. */
  readonly directory: string;
  readonly url: string;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly upstreamClock: UpstreamClock;
  readonly memory: RelayMemory;
  readonly maxNodes: number;
  /** Of all backlogs together; what comes beyond is left with the nodes. */
  readonly maxBytes: number;
  readonly random: () => number;
  readonly log: (line: string) => void;
}

/** Since the start: requests by what became of them. */
export interface IngestCounts {
  passedOn: number;
  kept: number;
  /** Answered 503: the node keeps its reports. */
  leftWithNode: number;
}

export interface UpstreamState {
  /** Null before the first request. */
  readonly answers: boolean | null;
  readonly detail: string;
  readonly lastAnswerAtMs: number | null;
}

/** What names a folder here is no path. */
const NODE_ID = /^[a-z0-9][a-z0-9-]{0,63}$/;

export class IngestRelay {
  readonly #options: IngestRelayOptions;
  readonly #backlogs = new Map<string, Backlog>();
  readonly counts: IngestCounts = { passedOn: 0, kept: 0, leftWithNode: 0 };
  upstream: UpstreamState = { answers: null, detail: 'not asked yet', lastAnswerAtMs: null };

  constructor(options: IngestRelayOptions) {
    this.#options = options;
  }

  /** Takes up what an earlier start left. */
  async resume(): Promise<void> {
    for (const nodeId of await foldersIn(this.#options.directory)) {
      if (NODE_ID.test(nodeId)) await this.#backlogOf(nodeId).resume();
    }
  }

  async ingest(request: IngestRequest): Promise<HttpReply> {
    const { nodeId, token } = request;
    // A stranger who names a node does not hold its backlog up.
    const isKnown = nodeId !== null && this.#options.memory.isAccepted(nodeId, token);
    const backlog = isKnown ? this.#backlogs.get(nodeId) : undefined;
    const isFirst = backlog === undefined || backlog.beginDirect();
    // While the backlog is being sent, it joins it; what cannot be kept is the server's to judge all the same.
    if (!isFirst && (await this.#tryToKeep(request)) === null) return this.#acknowledge(request);
    let failed: string;
    try {
      const reply = await this.#passOn(request);
      if (reply.status < 500 && reply.status !== 429) {
        this.counts.passedOn++;
        return reply;
      }
      failed = `the server answers ${reply.status}`;
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      failed = error.message;
      this.upstream = { ...this.upstream, answers: false, detail: failed };
    } finally {
      if (isFirst) backlog?.endDirect();
    }
    const refusal = await this.#tryToKeep(request);
    if (refusal === null) return this.#acknowledge(request);
    this.counts.leftWithNode++;
    return unavailable(`The relay cannot pass this on (${failed}) and does not keep it: ${refusal}.`);
  }

  backlogs(): readonly Backlog[] {
    return [...this.#backlogs.values()];
  }

  /** What waits stays on disk. */
  async stop(): Promise<void> {
    await Promise.all(this.backlogs().map((backlog) => backlog.stop()));
  }

  async #passOn(request: IngestRequest): Promise<HttpReply> {
    const { clock, http, url, upstreamClock, memory } = this.#options;
    const sentAt = clock.monotonicNow();
    const { headers, bytes } = request;
    const reply = await http.request({ method: 'POST', url: `${url}/v1/ingest`, headers, body: bytes });
    const receivedAt = clock.monotonicNow();
    this.upstream = {
      answers: reply.status < 500 && reply.status !== 429,
      detail: `answered ${reply.status}`,
      lastAnswerAtMs: clock.wallNow(),
    };
    const body = reply.status === 200 ? await request.readBody() : null;
    const verdict = judgeReply(reply, body?.reports.length ?? 0, clock.wallNow());
    if (verdict.kind === 'delivered') {
      const { serverTimeMs, reportEverySeconds } = verdict.reply;
      upstreamClock.note({ serverTimeMs: epochMs(serverTimeMs), sentAt, receivedAt });
      memory.reportEverySeconds = reportEverySeconds;
    }
    await this.#learn(request, body, verdict, reply.status);
    return reply;
  }

  /** Whose token the server takes, and what of the node's backlog it has by now. */
  async #learn(
    { nodeId, token }: IngestRequest,
    body: IngestBody | null,
    verdict: Verdict,
    status: number,
  ): Promise<void> {
    if (nodeId === null || !NODE_ID.test(nodeId)) return;
    const { memory } = this.#options;
    if (status === 401) memory.forget(nodeId, token);
    // A conflict is the server's own word as well, and comes after it has looked at the token.
    if (verdict.kind !== 'delivered' && verdict.kind !== 'conflict') return;
    memory.accept(nodeId, token);
    if (verdict.kind === 'delivered' && body !== null)
      await this.#backlogs.get(nodeId)?.overtakenBy(body, token);
  }

  async #acknowledge({ readBody }: IngestRequest): Promise<HttpReply> {
    this.counts.kept++;
    return acknowledged({
      accepted: (await readBody())!.reports.length,
      unchanged: 0,
      quarantined: [],
      serverTimeMs: this.#options.upstreamClock.now()!,
      reportEverySeconds: this.#options.memory.reportEverySeconds,
    });
  }

  /** Null once it is durable; else why not. */
  async #tryToKeep({ nodeId, token, readBody }: IngestRequest): Promise<string | null> {
    const { memory, upstreamClock, maxNodes, maxBytes, log } = this.#options;
    if (nodeId === null || !NODE_ID.test(nodeId)) return 'the request names no node in Wattshed-Node';
    if (!memory.isAccepted(nodeId, token)) return 'the server has not accepted this token before';
    if (upstreamClock.now() === null) return "it has not learnt the server's time yet";
    const full = this.backlogs().filter((each) => each.bytes > 0);
    const bytes = full.reduce((sum, each) => sum + each.bytes, 0);
    if (bytes >= maxBytes) return `its backlogs have ${bytes} bytes, ${maxBytes} are allowed`;
    if (!this.#backlogs.has(nodeId) && full.length >= maxNodes)
      return `it has backlogs of ${full.length} nodes, ${maxNodes} are allowed`;
    const body = await readBody();
    if (body === null) return 'it cannot read the body';
    try {
      return (await this.#backlogOf(nodeId).keep(body, token)) ? null : 'its disk takes no writes';
    } catch (error) {
      log(`${nodeId}: cannot keep its reports: ${(error as Error).message}`);
      return 'its disk fails';
    }
  }

  #backlogOf(nodeId: string): Backlog {
    const known = this.#backlogs.get(nodeId);
    if (known !== undefined) return known;
    const { directory, url, http, clock, random, log, upstreamClock } = this.#options;
    const backlog = new Backlog({
      nodeId,
      directory: join(directory, nodeId),
      url,
      http,
      clock,
      random,
      onServerTime: (time) => upstreamClock.note(time),
      log,
    });
    this.#backlogs.set(nodeId, backlog);
    return backlog;
  }
}

async function foldersIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
