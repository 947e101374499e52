/** However seldom an agent reports, the ledger has the same millijoules; only the number of requests differs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createReplayClock } from '../../../agent/replay/replay-clock.ts';
import { runReplay } from '../../../agent/replay/run-replay.ts';
import { createShipper } from '../../../agent/ship/shipper.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import { counter, gpu, reading, START_MS } from '../../shared/metering/support.ts';
import { ledgerStub } from './ledger-stub.ts';

const GPUS = ['GPU-0', 'GPU-1'];
const HOURS = 3;
const FROM_MS = START_MS + 95_000;
const counterAt = (gpuIndex: number, atMs: number) =>
  Math.floor((atMs - START_MS) * (600 + gpuIndex * 7.013)) + 9_000_000;

const folder = mkdtempSync(join(tmpdir(), 'wattshed-seldom-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function booked(reportEverySeconds: number) {
  const clock = createReplayClock(FROM_MS);
  const ledger = ledgerStub(() => clock.wallNow(), reportEverySeconds);
  const store = await openStore(join(folder, String(reportEverySeconds)));
  const endMs = FROM_MS + HOURS * 3_600_000;
  await runReplay({
    clock,
    store,
    shipper: createShipper({
      store,
      http: ledger.http,
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
    }),
    reportEverySeconds,
    readEveryMilliseconds: 5_000,
    sensors: {
      meters: GPUS.map((id) => gpu(id)),
      read: async () =>
        GPUS.map((id, index) =>
          reading(`nvml:${id}`, clock.wallNow(), { counter: counter(counterAt(index, clock.wallNow())) }),
        ),
    },
    newEpoch: () => 'epoch00001',
    encodeSeries: () => 'series',
    isOver: () => clock.wallNow() >= endMs,
  });
  expect(store.pending()).toEqual([]);
  await store.close();
  expect(ledger.conflicts).toEqual([]);
  const largest = Math.max(...ledger.bodies.map(({ windows }) => windows.length));
  return { energies: GPUS.map(ledger.energyMillijoules), requests: ledger.bodies.length, largest };
}

test.each([
  // A request carries the windows that ended meanwhile, and the running one.
  [60, 180, 2],
  [300, 36, 2],
  [600, 18, 3],
  [1_800, 6, 7],
  [3_600, 3, 13],
])('every %i s: some %i requests of at most %i windows', async (everySeconds, requests, largest) => {
  const run = await booked(everySeconds);
  const endMs = FROM_MS + HOURS * 3_600_000;
  expect(run.energies).toEqual(
    GPUS.map((_, index) => BigInt(counterAt(index, endMs) - counterAt(index, FROM_MS))),
  );
  expect(Math.abs(run.requests - requests)).toBeLessThanOrEqual(1);
  expect(run.largest).toBe(largest);
});
