/** The relay's own HTTP: four ways in, each bounded; everything else is not found. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { parseToken } from '../../shared/auth/token-format.ts';
import type { IngestBody } from '../../shared/wire/ingest.ts';
import type { HttpReply } from '../http/http-client.ts';
import type { IngestRelay } from './ingest-relay.ts';
import { readIngestBody } from './ingest-request.ts';
import type { PassThrough } from './pass-through.ts';
import { problem } from './reply.ts';

export interface RelayServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** PEM; null: plain HTTP. */
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | null;
  readonly ingest: Pick<IngestRelay, 'ingest'>;
  readonly passThrough: PassThrough;
  readonly log: (line: string) => void;
}

export interface RelayServer {
  readonly url: string;
  /** Takes no more; answers what it has. */
  close(): Promise<void>;
}

/** The server's bounds. */
const MAX_INGEST_BYTES = 256 * 1024;
const MAX_ENROLL_BYTES = 16 * 1024;
/** Bodies that are on their way hold 128 MiB at most. */
const MAX_CONNECTIONS = 512;
const AGENT_FILE = /^\/agent\/[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** Of a request: what the server looks at. */
const PASSED_ON = ['authorization', 'wattshed-node', 'content-type', 'content-encoding', 'user-agent'];
/** Of a reply: what agents and curl look at. */
const PASSED_BACK = ['content-type', 'retry-after', 'www-authenticate', 'location'];

/** Resolves once it listens. @throws what the system says where it cannot */
export async function serveRelay(options: RelayServerOptions): Promise<RelayServer> {
  const { listen, tls, log } = options;
  const scheme = tls === null ? 'http' : 'https';
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    answer(options, request, scheme)
      .catch((error: unknown) => {
        log(`${request.method} ${request.url}: ${String(error)}`);
        return problem(500, 'internal_error', 'The relay failed; its log says why.');
      })
      .then((reply) => send(request, response, reply))
      .catch((error: unknown) => log(`${request.method} ${request.url}: ${String(error)}`));
  };
  const server = tls === null ? createServer(handle) : createTlsServer({ ...tls }, handle);
  server.maxConnections = MAX_CONNECTIONS;
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  server.keepAliveTimeout = 5_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(listen.port, listen.host, () => resolve());
  });
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return {
    url: `${scheme}://${host}:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

async function answer(
  { ingest, passThrough }: RelayServerOptions,
  request: IncomingMessage,
  scheme: string,
): Promise<HttpReply> {
  const { method, url: path = '' } = request;
  if (method === 'POST' && path === '/v1/ingest') {
    const token = bearerOf(request);
    if (token === null) return unauthenticated();
    const bytes = await bodyOf(request, MAX_INGEST_BYTES);
    if (bytes === null) return tooLarge(MAX_INGEST_BYTES);
    const headers = pick(request.headers, PASSED_ON);
    let body: Promise<IngestBody | null> | null = null;
    const readBody = () => {
      body ??= readIngestBody(bytes, headers['content-encoding'] ?? 'identity');
      return body;
    };
    return ingest.ingest({ token, nodeId: headers['wattshed-node'] ?? null, headers, bytes, readBody });
  }
  if (method === 'POST' && path === '/v1/enroll') {
    if (bearerOf(request) === null) return unauthenticated();
    const bytes = await bodyOf(request, MAX_ENROLL_BYTES);
    if (bytes === null) return tooLarge(MAX_ENROLL_BYTES);
    return passThrough.enroll(pick(request.headers, PASSED_ON), bytes);
  }
  if (method === 'GET' && path === '/install.sh')
    return passThrough.installScript(`${scheme}://${request.headers.host ?? ''}`);
  if (method === 'GET' && AGENT_FILE.test(path)) return passThrough.file(path);
  return problem(
    404,
    'not_found',
    'This is a relay: it passes on POST /v1/ingest, POST /v1/enroll, GET /install.sh and GET /agent/*. Ask the server itself for all else.',
  );
}

function bearerOf({ headers }: IncomingMessage): string | null {
  const token = /^Bearer +([^ ]+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
  return parseToken(token) === null ? null : token;
}

/** Null where it is over the bound; what comes beyond is not held. */
async function bodyOf(request: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // The connection stays for the answer that says so.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(request: IncomingMessage, response: ServerResponse, reply: HttpReply): void {
  // What was not read of a body that was refused must not be taken for the next request.
  const end = request.complete ? {} : { connection: 'close' };
  response.writeHead(reply.status, {
    ...pick(reply.headers, PASSED_BACK),
    'content-length': reply.body.length,
    ...end,
  });
  response.end(reply.body);
}

function pick(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  names: readonly string[],
): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (typeof value === 'string') picked[name] = value;
  }
  return picked;
}

const tooLarge = (maxBytes: number) =>
  problem(413, 'body_too_large', `The body is over ${maxBytes} bytes as sent; split it.`);

const unauthenticated = () =>
  problem(
    401,
    'unauthenticated',
    'The token is missing, not complete or mistyped. Expected "Authorization: Bearer wsk_<id>_<secret>".',
    { 'www-authenticate': 'Bearer realm="wattshed"' },
  );
