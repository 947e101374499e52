/** Thirty days without a server, at the real size of a host with eight GPUs and its jobs: real files, a clock of the test's own. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Clock } from '../../../agent/clock.ts';
import { encodeSeriesForWire } from '../../../agent/run/series-encoder.ts';
import type { DurableStore } from '../../../agent/store/durable-store.ts';
import { DEFAULT_LIMITS, openStore } from '../../../agent/store/open-store.ts';
import { type Allocation, allocationOf } from '../../../shared/metering/allocation.ts';
import { newMeterState } from '../../../shared/metering/meter-state.ts';
import { resumeMetering } from '../../../shared/metering/metering.ts';
import { DAY_MS, WINDOW_MS, windowStart } from '../../../shared/time/window.ts';
import { epochMs, monotonicMs } from '../../../shared/units.ts';
import type { WindowReport } from '../../../shared/wire/ingest.ts';
import { counter, gpu, reading, START_MS } from '../../shared/metering/support.ts';
import { ledgerStub, shipperTo } from './ledger-stub.ts';

const DAYS = 30;
/** Of the readings: by counters alone, which need no more. */
const STEP_MS = 60_000;
const GPUS = Array.from({ length: 8 }, (_, index) => `GPU-7d1f3c5a-0000-4000-8000-00000000000${index}`);
const METERS = [
  ...GPUS.map((id) => gpu(id)),
  gpu('cpu', { id: 'rapl:package-0', sensor: 'rapl', deviceType: 'cpu', deviceName: 'AMD EPYC 9654' }),
];

let folder: string;
beforeAll(() => {
  // A file system in memory where there is one: nine thousand syncs say nothing more on a slow disk.
  folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'wattshed-month-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Noise that is the same in each run: mulberry32. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Two jobs of four GPUs, new ones each few hours. */
function allocationAt(atMs: number): Allocation {
  const turn = Math.floor(atMs / (5 * 3_600_000));
  const claims = [0, 1].map((half) => ({
    id: `slurm:cluster-a:${481_000 + turn * 2 + half}`,
    incarnation: String(turn),
    labels: { user: `user${(turn * 7) % 40}`, project: 'language-models', phase: 'train' },
    gpus: GPUS.slice(half * 4, half * 4 + 4).map((deviceId) => ({
      deviceId,
      attribution: 'allocation' as const,
      weight: 1,
    })),
    cores: null,
  }));
  return allocationOf({ atMs, claims, gpuIds: GPUS, cores: null, complete: true, usage: {} });
}

test('loses nothing, sends the live window first, and catches up within the bounds of a body', async () => {
  let nowMs = 0;
  const clock: Clock = {
    monotonicNow: () => monotonicMs(nowMs),
    wallNow: () => epochMs(START_MS + nowMs),
    sleepUntil: async () => {},
  };
  const server = ledgerStub(() => START_MS + nowMs);
  server.isUp = () => false;
  const store = await openStore(join(folder, 'spool'));
  const shipper = shipperTo(server, store, clock);

  const metering = resumeMetering(newMeterState('epoch00001', 'boot'), 'boot', 0);
  metering.setMeters(METERS);
  const random = noise(7);
  const counters = METERS.map(() => 5_000_000_000);
  const first = [...counters];
  const meter = () => {
    metering.allocate(allocationAt(nowMs));
    const readings = METERS.map(({ id }, index) => {
      if (nowMs > 0) counters[index]! += Math.round(((index === 8 ? 180 : 620) + 60 * random()) * STEP_MS);
      return reading(id, nowMs, { counter: counter(counters[index]!) });
    });
    metering.observe({ readings, atMs: nowMs, wallMs: START_MS + nowMs });
  };
  // What a reading each second adds to a report, in its real size: power beside the counter, utilization, a series.
  const pool = Array.from({ length: 400 }, () =>
    encodeSeriesForWire(Array.from({ length: 300 }, () => Math.round(600 + 60 * random()))),
  );
  const atOneHertz = (report: WindowReport): WindowReport => ({
    ...report,
    devices: report.devices.map((device) => ({
      ...device,
      integratedMillijoules: Math.round(device.energyMillijoules * (0.99 + random() / 50)),
      utilizationRatio: 0.9 + random() / 10,
      ...(report.final
        ? { series: { stepMilliseconds: 1000, watts: pool[Math.floor(random() * pool.length)]! } }
        : {}),
    })),
  });
  const commit = async (store: DurableStore): Promise<readonly WindowReport[]> => {
    const reports = metering.takeReports(() => '').map(atOneHertz);
    await store.commit({ meterState: metering.state, reports });
    return reports;
  };
  const lean: WindowReport[] = [];
  // The outage ends in the middle of a window.
  for (; nowMs <= DAYS * DAY_MS + 2 * STEP_MS; nowMs += STEP_MS) {
    meter();
    if (nowMs % WINDOW_MS === 0) {
      const finals = (await commit(store)).filter(({ final }) => final);
      for (const report of finals)
        lean.push({ ...report, devices: report.devices.map(({ series: _, ...device }) => device) });
    }
    if (nowMs % DAY_MS === 0) await shipper.shipOnce();
  }
  await commit(store);
  expect(shipper.status().state).toBe('retrying');
  expect(store.pending()).toHaveLength(DAYS * 288 + 1);
  // Power series and all: well within the bound, so that nothing was shed.
  expect(store.stats()).toMatchObject({
    droppedSeries: 0,
    droppedReports: 0,
    damagedRecords: 0,
    error: null,
  });
  expect(store.stats().spoolBytes * 2).toBeLessThan(DEFAULT_LIMITS.spoolBytes);
  await store.close();

  // The host starts anew, and the server is there: it meters on while the backlog goes out.
  server.isUp = () => true;
  const opened = await openStore(join(folder, 'spool'));
  expect(opened.pending()).toHaveLength(DAYS * 288 + 1);
  const catchUp = shipperTo(server, opened, clock);
  let rounds = 0;
  for (; opened.pending().length > 0 && rounds < 50; rounds++) {
    const bodiesBefore = server.bodies.length;
    const waitMs = await catchUp.shipOnce();
    const sent = server.bodies.slice(bodiesBefore).flatMap(({ windows }) => windows);
    // The window of the newest energy: the last reading ends it, at the latest.
    const newestMs = windowStart(START_MS + nowMs - STEP_MS - 1);
    expect(sent[0]).toBe(newestMs);
    const backlog = sent.filter((windowStartMs) => windowStartMs < newestMs - WINDOW_MS);
    expect(backlog).toEqual([...backlog].sort((a, b) => a - b));
    // No faster than the server asked for: at its own place in the minute.
    expect(waitMs).toBeGreaterThanOrEqual(30_000);
    if (opened.pending().length === 0) break;
    meter();
    nowMs += STEP_MS;
    await commit(opened);
  }
  expect(opened.pending()).toEqual([]);
  // Minutes, at a round each: a month is 24 requests of 200 KB a round.
  expect(rounds).toBeLessThan(20);
  expect(server.conflicts).toEqual([]);
  expect(new Set(server.bodies.flatMap(({ windows }) => windows)).size).toBeGreaterThan(DAYS * 288);
  expect(Math.max(...server.bodies.map(({ bytes }) => bytes))).toBeLessThanOrEqual(256 * 1024);
  expect(Math.max(...server.bodies.map(({ plainBytes }) => plainBytes))).toBeLessThanOrEqual(4 * 1024 * 1024);
  for (const [index, { deviceId }] of METERS.entries())
    expect(server.energyMillijoules(deviceId), deviceId).toBe(BigInt(counters[index]! - first[index]!));
  await opened.close();

  // The same month with its series shed, as the store rewrites it: many times within the bound.
  const energies = await openStore(join(folder, 'energies'));
  for (let at = 0; at < lean.length; at += 64)
    await energies.commit({ meterState: metering.state, reports: lean.slice(at, at + 64) });
  expect(lean.length).toBe(DAYS * 288);
  expect(energies.stats().spoolBytes * 10).toBeLessThan(DEFAULT_LIMITS.spoolBytes);
  await energies.close();
}, 600_000);
