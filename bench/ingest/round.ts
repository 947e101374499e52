/** What the benchmark and its two processes say to each other: a list of requests is made ready first, and sent when told to. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Bodies, Said } from './bodies.ts';

/** A body of reports, or a plain GET. */
export type Request = { readonly token: string; readonly said: Said } | { readonly path: string };

export interface Round {
  readonly requests: readonly Request[];
  /** At once. */
  readonly connections: number;
}

export interface Sent {
  readonly wallMilliseconds: number;
  /** Of this process. */
  readonly cpuMilliseconds: number;
  /** Of each request. */
  readonly latenciesMilliseconds: readonly number[];
}

/** The side that asks. */
export class Sender {
  readonly #process: ChildProcess;

  /** @param file beside this one */
  constructor(file: string, argument: string) {
    this.#process = fork(new URL(file, import.meta.url), [argument]);
  }

  /** Makes the bodies. */
  async prepare(round: Round): Promise<void> {
    await this.#ask(round);
  }

  async send(): Promise<Sent> {
    return (await this.#ask('send')) as Sent;
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
  }

  async #ask(question: Round | 'send'): Promise<unknown> {
    this.#process.send(question);
    const ended = new AbortController();
    try {
      const [answer] = await Promise.race([
        once(this.#process, 'message', ended),
        once(this.#process, 'exit', ended).then(() => {
          throw new Error('the process of the load ended');
        }),
      ]);
      return answer;
    } finally {
      ended.abort();
    }
  }
}

/** The side that sends: answers each question of its parent. */
export function answerParent(
  bodies: Bodies,
  send: (
    requests: readonly Request[],
    prepared: readonly Uint8Array[],
    connections: number,
  ) => Promise<number[]>,
): void {
  let round: Round = { requests: [], connections: 1 };
  let prepared: Uint8Array[] = [];
  process.on('message', async (question: Round | 'send') => {
    if (question !== 'send') {
      round = question;
      prepared = round.requests.map((request) =>
        'said' in request ? bodies.compressed(request.said) : new Uint8Array(),
      );
      process.send!('ready');
      return;
    }
    const startedAt = performance.now();
    const before = process.cpuUsage();
    const latenciesMilliseconds = await send(round.requests, prepared, round.connections);
    const { user, system } = process.cpuUsage(before);
    const sent: Sent = {
      wallMilliseconds: performance.now() - startedAt,
      cpuMilliseconds: (user + system) / 1_000,
      latenciesMilliseconds,
    };
    process.send!(sent);
  });
}
