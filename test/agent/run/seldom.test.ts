/** However seldom an agent reports, the ledger has the same millijoules; only the number of requests differs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createReplayClock } from '../../../agent/replay/replay-clock.ts';
import { runReplay } from '../../../agent/replay/run-replay.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import { START_MS } from '../../shared/metering/support.ts';
import { counterAt, GPUS, METERS, readingsAt } from './counting-gpus.ts';
import { ledgerStub, shipperTo } from './ledger-stub.ts';

const HOURS = 3;
const FROM_MS = START_MS + 95_000;

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
    shipper: shipperTo(ledger, store, clock),
    reportEverySeconds,
    readEveryMilliseconds: 5_000,
    sensors: { meters: METERS, read: async () => readingsAt(clock.wallNow()) },
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
