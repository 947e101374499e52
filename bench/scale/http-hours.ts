/** Part of the fleet over HTTP: an hour as it goes, then an hour without the server and what comes after it. */
import { createHttpClient, type HttpClient, HttpError } from '../../agent/http/http-client.ts';
import { cpuNanoseconds } from '../cpu-nanoseconds.ts';
import { generator } from '../row-layout/workload.ts';
import { SimulatedAgent } from './agents.ts';
import type { Fleet, Node } from './fleet.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const CONNECTIONS = 16;

export interface HttpHour {
  readonly requests: number;
  /** Of the server, one request after the other, milliseconds; sorted. */
  readonly cpuMs: readonly number[];
  /** The most requests in one simulated second. */
  readonly mostPerSecond: number;
  /** Wall time that the server took for it, seconds. */
  readonly seconds: number;
}

export class HttpFleet {
  readonly #fleet: Fleet;
  readonly #agents: readonly SimulatedAgent[];
  #nowMs: number;
  #isReachable = true;
  #requests = 0;

  constructor(fleet: Fleet, nodes: readonly Node[], fromMs: number) {
    this.#fleet = fleet;
    this.#nowMs = fromMs;
    const real = createHttpClient({ agentVersion: '0.1.0', environment: {}, maxConnections: CONNECTIONS });
    const http: HttpClient = {
      request: (request) => {
        if (!this.#isReachable) return Promise.reject(new HttpError('the server cannot be reached'));
        this.#requests++;
        return real.request(request);
      },
    };
    const random = generator(3);
    this.#agents = nodes.map(({ node, id, token }) => {
      const nowMs = () => this.#nowMs;
      const options = { node, nodeId: id, token: token!, url: fleet.site.url, http, nowMs, random };
      return new SimulatedAgent({ ...options, series: fleet.series }, fromMs + random() * MINUTE_MS);
    });
  }

  cut(): void {
    this.#isReachable = false;
  }

  mend(): void {
    this.#isReachable = true;
  }

  /** Nodes with a window that ended before this instant and was not acknowledged. */
  waitingBefore(endMs: number): number {
    return this.#agents.filter((agent) => agent.waitingBefore(endMs) > 0).length;
  }

  /**
   * Up to this instant; with `onMinute` at the start of each minute, which may end it by `false`.
   * @param singly in these minutes one request is sent after the other, and the server's CPU is read between them
   */
  async runUntil(
    toMs: number,
    onMinute: (nowMs: number) => Promise<boolean>,
    singly: (minute: number) => boolean = () => false,
  ): Promise<HttpHour> {
    const cpuMs: number[] = [];
    const fromMs = this.#nowMs;
    const requestsBefore = this.#requests;
    let mostPerSecond = 0;
    let seconds = 0;
    for (; this.#nowMs < toMs; this.#nowMs += SECOND_MS) {
      const elapsedMs = this.#nowMs - fromMs;
      if (elapsedMs % MINUTE_MS === 0 && !(await onMinute(this.#nowMs))) break;
      const due = this.#agents.filter(({ dueMs }) => dueMs <= this.#nowMs);
      if (due.length === 0) continue;
      await this.#fleet.setClock(this.#nowMs);
      const before = this.#requests;
      const startMs = performance.now();
      if (singly(Math.floor(elapsedMs / MINUTE_MS))) {
        for (const agent of due) cpuMs.push(await this.#measured(agent));
      } else await inParallel(due, (agent) => agent.come());
      seconds += (performance.now() - startMs) / 1_000;
      mostPerSecond = Math.max(mostPerSecond, this.#requests - before);
    }
    cpuMs.sort((a, b) => a - b);
    return { requests: this.#requests - requestsBefore, cpuMs, mostPerSecond, seconds };
  }

  async #measured(agent: SimulatedAgent): Promise<number> {
    const before = cpuNanoseconds(this.#fleet.site.processId);
    await agent.come();
    return (cpuNanoseconds(this.#fleet.site.processId) - before) / 1e6;
  }
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
}
