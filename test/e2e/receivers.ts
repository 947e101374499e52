/** Receivers of webhooks as they are: servers on loopback that answer, stall, redirect, break off or never end. */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** From now on it behaves so. */
  behave(behaviour: Behaviour): void;
  stop(): Promise<void>;
}

type Behaviour = (response: ServerResponse) => void;

export const answering =
  (status: number, headers: Record<string, string> = {}, body = ''): Behaviour =>
  (response) =>
    response.writeHead(status, headers).end(body);

/** Takes the message and says nothing. */
export const stalling: Behaviour = () => {};

/** The connection is gone before a status was sent. */
export const dyingBefore: Behaviour = (response) => response.destroy();

/** The status was sent; half of the body was not. */
export const dyingInside: Behaviour = (response) => {
  response.writeHead(200, { 'Content-Length': '1000' });
  response.write('half', () => response.destroy());
};

/** Offers a gigabyte for as long as somebody reads. */
export const endless: Behaviour = (response) => {
  response.writeHead(200, { 'Content-Length': String(2 ** 30) });
  const chunk = Buffer.alloc(64 * 1024, 'x');
  const pour = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', pour);
  pour();
};

export async function startReceiver(first: Behaviour): Promise<Receiver> {
  let behaviour = first;
  const received: Received[] = [];
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    behaviour(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    behave: (next) => {
      behaviour = next;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
