/** The real relay as a process, between a node that this test plays and a server that it can take away. */

import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { freePort } from '../../../deploy/local/server.ts';
import { nodeCrypto } from '../../../deploy/node-crypto.ts';
import { createToken } from '../../../shared/auth/token-format.ts';
import type { IngestBody, IngestReply, WindowReport } from '../../../shared/wire/ingest.ts';
import { run, type Started, start } from '../cli/run-wattshed.ts';

export interface Heard {
  readonly authorization: string | undefined;
  readonly nodeId: string | undefined;
  readonly bytes: Buffer;
  readonly body: IngestBody;
}

export type Answer = (heard: Heard, response: http.ServerResponse) => void;

export const SERVER_TIME_MS = 1_900_000_000_000;

export const takeAll: Answer = ({ body }, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(
    JSON.stringify({
      accepted: body.reports.length,
      unchanged: 0,
      quarantined: [],
      serverTimeMs: SERVER_TIME_MS,
      reportEverySeconds: 30,
    }),
  );
};

export const refuseWith =
  (status: number, code: string, headers: Record<string, string> = {}): Answer =>
  (_, response) => {
    response
      .writeHead(status, { 'Content-Type': 'application/problem+json', ...headers })
      .end(JSON.stringify({ status, code, detail: `Because of ${code}.` }));
  };

/** A server at one address that can be stopped and started again. */
export class Upstream {
  readonly heard: Heard[] = [];
  answer: Answer = takeAll;
  port = 0;
  #server: http.Server | null = null;
  readonly #sockets = new Set<Socket>();

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const server = http.createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const bytes = Buffer.concat(chunks);
        if (request.url !== '/v1/ingest') {
          response.writeHead(200, { 'Content-Type': 'text/plain' }).end(this.page(request, bytes));
          return;
        }
        const isGzip = request.headers['content-encoding'] === 'gzip';
        const heard = {
          authorization: request.headers.authorization,
          nodeId: request.headers['wattshed-node'] as string | undefined,
          bytes,
          body: JSON.parse((isGzip ? gunzipSync(bytes) : bytes).toString('utf8')) as IngestBody,
        };
        this.heard.push(heard);
        this.answer(heard, response);
      });
    });
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => (server === null ? resolve() : server.close(() => resolve())));
  }

  page(request: http.IncomingMessage, bytes: Buffer): string {
    if (request.url === '/install.sh') return `#!/bin/sh\nSERVER='${this.url}'\necho "$SERVER"\n`;
    return `${request.method} ${request.url} ${request.headers.authorization ?? ''} ${bytes.toString('utf8')}`;
  }

  /** Every report that it was sent, newest revision last, as `node window/epoch/revision`. */
  reports(): string[] {
    return this.heard.flatMap(({ nodeId, body }) => body.reports.map((each) => `${nodeId} ${nameOf(each)}`));
  }
}

export const nameOf = ({ windowStartMs, epoch, revision }: WindowReport) =>
  `${windowStartMs / 300_000}/${epoch}/${revision}`;

export interface Relay {
  readonly url: string;
  readonly stateDir: string;
  readonly process: Started;
  /** Node folders on its disk. */
  folders(): string[];
}

export async function startRelay(
  agent: string,
  upstream: string,
  { stateDir = mkdtempSync(join(tmpdir(), 'wattshed-relay-')), args = [] as string[], scheme = 'http' } = {},
): Promise<Relay> {
  const port = await freePort('127.0.0.1', 0);
  const process = start(agent, {
    args: [
      ...['relay', '--url', upstream, '--listen', `127.0.0.1:${port}`],
      ...['--state-dir', stateDir],
      ...(args.includes('--metrics') ? args : ['--metrics', 'off', ...args]),
    ],
  });
  await process.said(`relays from ${scheme}://127.0.0.1:${port}`);
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    stateDir,
    process,
    folders() {
      const nodes = join(stateDir, 'relay/nodes');
      return existsSync(nodes) ? readdirSync(nodes) : [];
    },
  };
}

export interface RelayStatusOutput {
  readonly exitCode: number | null;
  readonly running: boolean;
  readonly upstream: { readonly answers: boolean | null };
  readonly nodesAccepted: number;
  readonly requests: { readonly passedOn: number; readonly kept: number; readonly leftWithNode: number };
  readonly backlogs: readonly {
    readonly nodeId: string;
    readonly reports: number;
    readonly shipping: { readonly state: string } | null;
    readonly quarantinedReports: number;
    readonly setAsideReports: number;
  }[];
}

export async function statusOf(agent: string, { stateDir }: Relay): Promise<RelayStatusOutput> {
  const { code, out, err } = await run(agent, {
    args: ['relay', '--status', '--json', '--state-dir', stateDir],
  });
  if (out === '') throw new Error(err);
  return { exitCode: code, ...JSON.parse(out) };
}

export class Node {
  readonly id: string;
  readonly token: string;
  /** Mutable: who it says that it is. */
  relay: Relay;

  constructor(id: string, token: string, relay: Relay) {
    this.id = id;
    this.token = token;
    this.relay = relay;
  }

  async send(reports: readonly WindowReport[], more: Partial<IngestBody> = {}): Promise<Reply> {
    const body: IngestBody = { version: 1, sentAtMs: 1, agentVersion: '1.2.3', reports, ...more };
    return this.sendBytes(gzipSync(JSON.stringify(body)));
  }

  async sendBytes(bytes: Buffer): Promise<Reply> {
    const response = await fetch(`${this.relay.url}/v1/ingest`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${this.token}`,
        'Wattshed-Node': this.id,
        'Content-Type': 'application/json',
        'Content-Encoding': 'gzip',
      },
      body: new Uint8Array(bytes),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, reply: JSON.parse(text) };
  }
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly reply: IngestReply & { readonly code?: string };
}

/** Of the right form; `idPrefix` as for an enrolment key. */
export async function newToken(idPrefix = ''): Promise<string> {
  return (await createToken(nodeCrypto, { idPrefix })).token;
}

/** Looks until it holds; a bound that no healthy run comes near. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 1_000; looks++) {
    if (await holds()) return;
    await sleep(20);
  }
  throw new Error('it never came to hold');
}
