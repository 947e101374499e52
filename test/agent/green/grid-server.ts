/** A small server of forecasts on loopback, for what a real one seldom does: change its mind, stall, fail, be gone. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { nodeCrypto } from '../../../deploy/node-crypto.ts';
import { createToken } from '../../../shared/auth/token-format.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface GridServer {
  readonly url: string;
  readonly token: string;
  /** Path and query of each request. */
  readonly asked: string[];
  answer(answer: Answer): void;
  stop(): Promise<void>;
}

export async function startGridServer(): Promise<GridServer> {
  let answer: Answer = failing(500);
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url!);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: (await createToken(nodeCrypto, { id: 'reader' })).token,
    asked,
    answer: (next) => {
      answer = next;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const reply = (status: number, body: unknown, type = 'application/json'): Answer => {
  return (_, response) => response.writeHead(status, { 'Content-Type': type }).end(JSON.stringify(body));
};

export const failing = (status: number, code = 'internal_error', detail = 'Something failed.'): Answer =>
  reply(status, { code, detail, status }, 'application/problem+json');

export const stalling: Answer = () => {};
export const notJson: Answer = (_, response) => response.end('<html>');
export const moved: Answer = (_, response) =>
  response.writeHead(301, { Location: 'http://elsewhere/' }).end();

const saving = { grams: 600, gramsLow: 500, gramsHigh: 700, ratio: 0.6 };

/** One zone whose best start lies so far ahead, by the forecast of that name. */
export function greenestIn(
  inMs: number,
  { issue = 'first', worthWaiting = true }: { issue?: string; worthWaiting?: boolean } = {},
): Answer {
  return (request, response) => {
    const at = (ms: number) => new Date(Date.now() + ms).toISOString();
    const choice = (startMs: number, grams: number) => ({
      ...{ start: at(startMs), end: at(startMs + 3_600_000), spans: [], gramsPerKwh: grams, grams },
      ...{ gramsLow: grams, gramsHigh: grams },
    });
    const zone = {
      gridZone: 'DE',
      best: choice(inMs, 400),
      startNow: choice(0, 1000),
      saving: { ...saving, worthWaiting },
      forecast: { provider: 'wattshed', method: null, issuedAt: issue, fetchedAt: issue, until: at(inMs) },
    };
    reply(200, {
      ...{
        notBefore: at(0),
        deadline: at(inMs),
        durationMinutes: 60,
        powerWatts: 1000,
        interruptible: false,
        scope: 'consumption',
      },
      best: { ...zone.best, gridZone: 'DE' },
      startNow: { ...zone.startNow, gridZone: 'DE' },
      ...{ saving: zone.saving, worthWaiting, zones: [zone], excluded: [] },
    })(request, response);
  };
}

/** A series that ends now, in steps of an hour. */
export function intensities(
  values: readonly number[],
  kind = 'measured',
  scopeOf: (index: number) => string = () => 'consumption',
): Answer {
  return (request, response) => {
    const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
    const series = values.map((gramsPerKwh, i) => ({
      ...{ start: at(i - values.length), end: at(i - values.length + 1), gramsPerKwh, kind },
      scope: scopeOf(i),
    }));
    reply(200, { series })(request, response);
  };
}
