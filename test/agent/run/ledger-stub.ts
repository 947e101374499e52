/** A server in memory behind the agent's own HTTP interface: the body's bounds of the contract, the merge of the ledger. */
import { gunzipSync } from 'node:zlib';
import type { Clock } from '../../../agent/clock.ts';
import { type HttpClient, HttpError } from '../../../agent/http/http-client.ts';
import { createShipper, type Shipper } from '../../../agent/ship/shipper.ts';
import { crc32 } from '../../../agent/store/crc32.ts';
import type { DurableStore } from '../../../agent/store/durable-store.ts';
import type { HourLedger, LedgerEpoch } from '../../../shared/ledger/hour.ts';
import { EMPTY_HOUR, mergeReport } from '../../../shared/ledger/merge.ts';
import { HOUR_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import type { IngestBody, IngestReply, WindowReport } from '../../../shared/wire/ingest.ts';

export interface LedgerStub {
  readonly http: HttpClient;
  /** Mutable: whether anybody answers. */
  isUp: () => boolean;
  readonly bodies: {
    readonly windows: readonly number[];
    readonly bytes: number;
    readonly plainBytes: number;
  }[];
  readonly conflicts: WindowReport[];
  /** Of everything booked. */
  energyMillijoules(deviceId: string): bigint;
}

const MAX_BODY_BYTES = 256 * 1024;
const MAX_PLAIN_BYTES = 4 * 1024 * 1024;

export function ledgerStub(now: () => number, reportEverySeconds = 60): LedgerStub {
  const hours = new Map<number, HourLedger>();
  const devices: string[] = [];
  const indexOf = (id: string) => {
    if (!devices.includes(id)) devices.push(id);
    return devices.indexOf(id);
  };
  const entryOf = (report: WindowReport): LedgerEpoch => ({
    epoch: report.epoch,
    revision: report.revision,
    final: report.final,
    contentDigest: crc32(Buffer.from(JSON.stringify([report.devices, report.jobs]))),
    devices: report.devices.map((device) => ({
      deviceIndex: indexOf(device.id),
      meteredMilliseconds: device.meteredMilliseconds,
      energyMillijoules: device.energyMillijoules,
      kind: device.kind,
      recoveredMillijoules: device.recoveredMillijoules ?? 0,
      integratedMillijoules: device.integratedMillijoules ?? null,
      idleMillijoules: device.idleMillijoules ?? 0,
      utilizationRatio: device.utilizationRatio ?? null,
    })),
    jobShares: [],
  });
  const book = (report: WindowReport): 'accepted' | 'unchanged' => {
    const hourMs = Math.floor(report.windowStartMs / HOUR_MS) * HOUR_MS;
    const hour = hours.get(hourMs) ?? EMPTY_HOUR;
    const merged = mergeReport(hour, (report.windowStartMs - hourMs) / WINDOW_MS, entryOf(report));
    if (merged.outcome === 'accepted') hours.set(hourMs, merged.ledger);
    else if (merged.outcome !== 'unchanged') stub.conflicts.push(report);
    return merged.outcome === 'accepted' ? 'accepted' : 'unchanged';
  };
  const stub: LedgerStub = {
    isUp: () => true,
    bodies: [],
    conflicts: [],
    http: {
      async request({ body }) {
        if (!stub.isUp()) throw new HttpError('nobody answers');
        const bytes = Buffer.from(body as Uint8Array);
        const plain = gunzipSync(bytes);
        if (bytes.length > MAX_BODY_BYTES || plain.length > MAX_PLAIN_BYTES)
          return { status: 413, headers: {}, body: Buffer.alloc(0) };
        const { reports } = JSON.parse(plain.toString('utf8')) as IngestBody;
        stub.bodies.push({
          windows: reports.map(({ windowStartMs }) => windowStartMs),
          bytes: bytes.length,
          plainBytes: plain.length,
        });
        const accepted = reports.map(book).filter((outcome) => outcome === 'accepted').length;
        const reply: IngestReply = {
          accepted,
          unchanged: reports.length - accepted,
          quarantined: [],
          serverTimeMs: now(),
          reportEverySeconds,
        };
        const headers = { 'content-type': 'application/json' };
        return { status: 200, headers, body: Buffer.from(JSON.stringify(reply)) };
      },
    },
    energyMillijoules(deviceId) {
      let sum = 0n;
      for (const { windows } of hours.values())
        for (const { devices: booked } of windows.flat())
          for (const { deviceIndex, energyMillijoules } of booked)
            if (devices[deviceIndex] === deviceId) sum += BigInt(energyMillijoules);
      return sum;
    },
  };
  return stub;
}

/** Ships what is in the store to that server, and nothing beside it. */
export const shipperTo = ({ http }: LedgerStub, store: DurableStore, clock: Clock): Shipper =>
  createShipper({
    store,
    http,
    url: 'http://ledger',
    token: 'token',
    nodeId: 'node',
    agentVersion: '0',
    clock,
    random: () => 0.5,
    inventory: () => null,
    health: () => null,
    onServerTime: () => {},
    log: () => {},
  });
