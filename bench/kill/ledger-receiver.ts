/** Takes reports as the server does: per window and epoch the highest revision, a window the sum of its epochs. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { IngestBody, IngestReply, WindowReport } from '../../shared/wire/ingest.ts';

export interface LedgerReceiver {
  readonly url: string;
  /** Whole millijoules of each device over everything that was reported. */
  energies(): ReadonlyMap<string, number>;
  close(): Promise<void>;
}

export async function startLedgerReceiver(): Promise<LedgerReceiver> {
  const newest = new Map<string, WindowReport>();
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { reports } = JSON.parse(gunzipSync(Buffer.concat(parts)).toString('utf8')) as IngestBody;
      for (const report of reports) {
        const key = `${report.windowStartMs} ${report.epoch}`;
        if ((newest.get(key)?.revision ?? 0) < report.revision) newest.set(key, report);
      }
      const reply: IngestReply = {
        accepted: reports.length,
        unchanged: 0,
        quarantined: [],
        serverTimeMs: Date.now(),
        reportEverySeconds: 60,
      };
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(reply));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    energies() {
      const sums = new Map<string, number>();
      for (const { devices } of newest.values())
        for (const { id, energyMillijoules } of devices)
          sums.set(id, (sums.get(id) ?? 0) + energyMillijoules);
      return sums;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
