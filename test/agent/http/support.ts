/** Real servers on loopback: http, https with a certificate of a private authority, and a proxy. */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';

const fixtures = new URL('../../fixtures/tls/', import.meta.url);
export const CA_FILE = new URL('ca.crt', fixtures).pathname;

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export type Answer = (seen: Seen, response: http.ServerResponse) => void;

export interface TestServer {
  readonly port: number;
  readonly seen: Seen[];
  /** How many were ever made. */
  connections(): number;
  stop(): Promise<void>;
}

export function startServer(answer: Answer, options: { readonly tls?: boolean } = {}): Promise<TestServer> {
  const seen: Seen[] = [];
  const handler: http.RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const each = { method, url, headers, body: Buffer.concat(chunks) };
      seen.push(each);
      answer(each, response);
    });
  };
  const server = options.tls
    ? https.createServer(
        {
          key: readFileSync(new URL('server.key', fixtures)),
          cert: readFileSync(new URL('server.crt', fixtures)),
        },
        handler,
      )
    : http.createServer(handler);
  return listening(server, seen);
}

/** Answers CONNECT and absolute-form requests; every host is taken to be this machine. */
export function startProxy(options: { readonly refuse?: number } = {}): Promise<TestServer> {
  const seen: Seen[] = [];
  const server = http.createServer((request, response) => {
    seen.push({
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body: Buffer.alloc(0),
    });
    const target = new URL(request.url ?? '');
    const onward = http.request(
      {
        host: '127.0.0.1',
        port: target.port,
        method: request.method,
        path: target.pathname,
        headers: request.headers,
      },
      (reply) => reply.pipe(response.writeHead(reply.statusCode ?? 0, reply.headers)),
    );
    request.pipe(onward);
  });
  server.on('connect', (request: http.IncomingMessage, socket: Socket) => {
    seen.push({ method: 'CONNECT', url: request.url ?? '', headers: request.headers, body: Buffer.alloc(0) });
    if (options.refuse !== undefined) {
      socket.end(`HTTP/1.1 ${options.refuse} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const onward = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  return listening(server, seen);
}

async function listening(server: Server, seen: Seen[]): Promise<TestServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    connections: () => connections,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
