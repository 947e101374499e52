/** A disk that refuses: metering goes on, the error is said, and it recovers by itself. */
import { describe, expect, it } from 'vitest';
import { openStore } from '../../../agent/store/open-store.ts';
import { pendingByWindow, report } from './support/reports.ts';
import { SimulatedDisk } from './support/simulated-disk.ts';

const identity = { own: 'test', isAlive: () => false };
const open = (disk: SimulatedDisk, limits = {}) =>
  openStore('/state', { fileSystem: disk, identity, limits });

describe('a disk that refuses', () => {
  it.each([
    ['ENOSPC', 'append', 'free space on that disk'],
    ['EROFS', 'create', 'mount that file system writable'],
    ['EIO', 'sync', 'check that disk'],
  ])('%s on %s: holds in memory, says so, sends nothing of it, and recovers', async (code, call, advice) => {
    const disk = new SimulatedDisk();
    const store = await open(disk);
    await store.commit({ meterState: 1, reports: [report(1, 1)] });
    // On create it is asked only for a new segment.
    if (call === 'create') {
      disk.fault = (name) => (name === 'append' ? 'EIO' : null);
      await store.commit({ meterState: 2, reports: [] });
    }
    disk.fault = (name) => (name === call ? code : null);
    await store.commit({ meterState: 2, reports: [report(1, 2), report(2, 1)] });
    await store.commit({ meterState: 3, reports: [report(2, 2)] });
    expect(store.stats()).toMatchObject({ unsyncedReports: 2, spoolReports: 2 });
    expect(store.stats().error).toContain(code);
    expect(store.stats().error).toContain(advice);
    expect(await store.read(store.pending())).toEqual([report(1, 1)]);

    disk.fault = () => null;
    await store.commit({ meterState: 4, reports: [report(3, 1)] });
    expect(store.stats()).toMatchObject({ unsyncedReports: 0, error: null });
    const after = await open(disk.afterPowerCut('nothing'));
    expect(after.restoredMeterState).toBe(4);
    expect([...(await pendingByWindow(after)).values()]).toEqual([report(3, 1), report(1, 2), report(2, 2)]);
    expect(after.stats().damagedRecords).toBe(0);
  });

  it('after a failed sync writes all of it to a new file, and never asks the old one again', async () => {
    const disk = new SimulatedDisk();
    const store = await open(disk);
    await store.commit({ meterState: 1, reports: [report(1, 1)] });
    const before = Buffer.from(disk.bytesOf('/state/000001.spool'));
    let refusals = 0;
    disk.fault = (name) => (name === 'sync' && refusals++ === 0 ? 'EIO' : null);
    await store.commit({ meterState: 2, reports: [report(1, 2)] });
    await store.commit({ meterState: 3, reports: [] });
    expect(store.stats().error).toBeNull();
    expect(await store.read(store.pending())).toEqual([report(1, 2)]);
    expect((await disk.list('/state')).filter((name) => name.endsWith('.spool'))).toContain('000002.spool');
    if ((await disk.list('/state')).includes('000001.spool')) {
      expect(disk.bytesOf('/state/000001.spool')).toEqual(before);
    }
  });

  it('holds no more in memory than it may: series go first, then the oldest reports, counted', async () => {
    const disk = new SimulatedDisk();
    const store = await open(disk, { memoryBytes: 3_000 });
    disk.fault = (name) => (name === 'append' ? 'ENOSPC' : null);
    for (let window = 1; window <= 40; window++) {
      await store.commit({ meterState: window, reports: [report(window, 1, { series: 'x'.repeat(500) })] });
    }
    const { unsyncedReports, droppedReports, droppedSeries } = store.stats();
    expect(unsyncedReports).toBeGreaterThan(5);
    expect(unsyncedReports + droppedReports).toBe(40);
    expect(droppedSeries).toBeGreaterThan(30);
    disk.fault = () => null;
    await store.commit({ meterState: 41, reports: [] });
    const pending = await pendingByWindow(store);
    expect([...pending.keys()].sort((a, b) => a - b)).toEqual(
      Array.from({ length: unsyncedReports }, (_, at) => 41 - unsyncedReports + at),
    );
    await store.close();
  });

  it('takes what only memory holds at the latest when it closes', async () => {
    const disk = new SimulatedDisk();
    const store = await open(disk);
    disk.fault = (name) => (name === 'append' ? 'ENOSPC' : null);
    await store.commit({ meterState: 1, reports: [report(1, 1)] });
    disk.fault = () => null;
    await store.close();
    const next = await open(disk);
    expect(next.restoredMeterState).toBe(1);
    expect((await pendingByWindow(next)).get(1)).toEqual(report(1, 1));
  });
});

describe('acknowledging before the first commit after a restart', () => {
  it.each([true, false])('never costs the state (something pending: %s)', async (isPending) => {
    const disk = new SimulatedDisk();
    const limits = { segmentBytes: 200, spoolBytes: 200_000 };
    const first = await open(disk, limits);
    for (let window = 1; window <= 3; window++) {
      await first.commit({ meterState: window, reports: [report(window, 1)] });
    }
    if (!isPending) await first.acknowledge(first.pending());
    await first.close();
    const second = await open(disk, limits);
    await second.acknowledge(second.pending());
    for (const remains of ['everything', 'half'] as const) {
      const after = await open(disk.afterPowerCut(remains), limits);
      expect(after.restoredMeterState).toBe(3);
    }
  });

  it('nor does a disk that fails just then', async () => {
    const disk = new SimulatedDisk();
    const limits = { segmentBytes: 200, spoolBytes: 200_000 };
    const first = await open(disk, limits);
    for (let window = 1; window <= 3; window++) {
      await first.commit({ meterState: window, reports: [report(window, 1)] });
    }
    await first.close();
    const second = await open(disk, limits);
    disk.fault = (name) => (name === 'sync' ? 'EIO' : null);
    await second.acknowledge(second.pending());
    await second.acknowledge([]);
    const after = await open(disk.afterPowerCut('everything'), limits);
    expect(after.restoredMeterState).toBe(3);
  });
});
