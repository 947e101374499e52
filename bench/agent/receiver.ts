/** Takes an agent's reports over TLS as the server does, and counts what comes in on the wire. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { IngestBody, IngestReply } from '../../shared/wire/ingest.ts';

export interface Receiver {
  readonly url: string;
  readonly caFile: string;
  /** Bytes in both directions, TLS and headers included, since it began to listen. */
  wireBytes(): { readonly up: number; readonly down: number };
  readonly requests: number;
  readonly reports: number;
  /** Ids of all devices that any report spoke of. */
  readonly devices: ReadonlySet<string>;
  close(): Promise<void>;
}

const tls = (name: string) => new URL(`../../test/fixtures/tls/${name}`, import.meta.url).pathname;

export async function startReceiver(): Promise<Receiver> {
  const sockets = new Set<Socket>();
  const closed = { up: 0, down: 0 };
  let requests = 0;
  let reports = 0;
  const devices = new Set<string>();
  const server = createServer(
    { key: readFileSync(tls('server.key')), cert: readFileSync(tls('server.crt')) },
    (request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const body = JSON.parse(gunzipSync(Buffer.concat(parts)).toString('utf8')) as IngestBody;
        requests++;
        reports += body.reports.length;
        for (const report of body.reports) for (const { id } of report.devices) devices.add(id);
        const reply: IngestReply = {
          accepted: body.reports.length,
          unchanged: 0,
          quarantined: [],
          serverTimeMs: Date.now(),
          reportEverySeconds: 60,
        };
        response.setHeader('Content-Type', 'application/json').end(JSON.stringify(reply));
      });
    },
  );
  // As long as Cloudflare keeps an idle connection of a client (its documented connection limits, read 2026-11-25).
  server.keepAliveTimeout = 400_000;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => {
      closed.up += socket.bytesRead;
      closed.down += socket.bytesWritten;
      sockets.delete(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caFile: tls('ca.crt'),
    wireBytes: () => ({
      up: closed.up + [...sockets].reduce((sum, socket) => sum + socket.bytesRead, 0),
      down: closed.down + [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, 0),
    }),
    get requests() {
      return requests;
    },
    get reports() {
      return reports;
    },
    devices,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
