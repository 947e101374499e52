/** The store on real files. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { crc32 } from '../../../agent/store/crc32.ts';
import type { DurableStore } from '../../../agent/store/durable-store.ts';
import { type FileSystem, nodeFileSystem } from '../../../agent/store/file-system.ts';
import { type ProcessIdentity, processIdentity, StoreLockedError } from '../../../agent/store/lock.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import type { WindowReport } from '../../../shared/wire/ingest.ts';
import { pendingByWindow, report, WINDOW } from './support/reports.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wattshed-store-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const segments = () =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.spool'))
    .sort();

const HEADER_BYTES = 8;
const PREFIX_BYTES = 8;

/** Flips one byte of the nth record of a segment, from 0; of its header with -1. */
function damage(segment: string, record: number): void {
  const bytes = readFileSync(join(directory, segment));
  let at = record < 0 ? 0 : HEADER_BYTES;
  for (let before = 0; before < record; before++) at += PREFIX_BYTES + bytes.readUInt32LE(at);
  bytes[record < 0 ? at + 1 : at + PREFIX_BYTES + 1]! ^= 0xff;
  writeFileSync(join(directory, segment), bytes);
}

/** Text that cannot be deflated, the same for a seed. */
function noise(seed: number, length: number): string {
  let text = '';
  for (let part = 0; text.length < length; part++)
    text += createHash('sha512').update(`${seed}/${part}`).digest('base64');
  return text.slice(0, length);
}

describe('a restart', () => {
  it('finds the state and the newest revision of each window', async () => {
    const first = await openStore(directory);
    expect(first.restoredMeterState).toBeNull();
    await first.commit({ meterState: { reading: 1 }, reports: [report(1, 1), report(2, 1)] });
    await first.commit({ meterState: { reading: 2 }, reports: [report(2, 2)] });
    await first.close();

    const second = await openStore(directory);
    expect(second.restoredMeterState).toEqual({ reading: 2 });
    expect([...(await pendingByWindow(second)).values()]).toEqual([report(2, 2), report(1, 1)]);
    await second.close();
  });

  it('keeps one window of two epochs apart', async () => {
    const store = await openStore(directory);
    const other = report(1, 1, { epoch: 'epochtwo2' });
    await store.commit({ meterState: 1, reports: [report(1, 7), other] });
    await store.acknowledge([other]);
    expect(await store.read(store.pending())).toEqual([report(1, 7)]);
    await store.close();
  });

  it('is refused to others: directory 0700, files 0600', async () => {
    const nested = join(directory, 'state');
    const store = await openStore(nested);
    await store.commit({ meterState: 1, reports: [report(1, 1)] });
    expect(statSync(nested).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(nested).filter((each) => each !== 'lock')) {
      expect(statSync(join(nested, name)).mode & 0o777).toBe(0o600);
    }
    await store.close();
  });
});

describe('acknowledging', () => {
  it('forgets this and older revisions, never a newer one', async () => {
    const store = await openStore(directory);
    await store.commit({ meterState: 1, reports: [report(1, 1)] });
    const sent = store.pending();
    await store.commit({ meterState: 2, reports: [report(1, 2)] });
    await store.acknowledge(sent);
    expect(await store.read(store.pending())).toEqual([report(1, 2)]);
    await store.acknowledge(store.pending());
    expect(store.pending()).toEqual([]);
    await store.close();
  });

  it('orders the newest window first, then the backlog from its oldest', async () => {
    const store = await openStore(directory);
    await store.commit({ meterState: 1, reports: [3, 1, 4, 2].map((window) => report(window, 1)) });
    expect(store.pending().map((ref) => ref.windowStartMs / WINDOW)).toEqual([4, 1, 2, 3]);
    await store.close();
  });

  it('gives the disk back', async () => {
    const store = await openStore(directory, { limits: { segmentBytes: 4_000 } });
    for (let window = 1; window <= 400; window++) {
      await store.commit({ meterState: { window }, reports: [report(window, 1)] });
      await store.acknowledge(store.pending());
    }
    expect(store.stats()).toMatchObject({ spoolReports: 0, error: null });
    expect(store.stats().spoolBytes).toBeLessThan(3 * 4_000 + 1_000);
    expect(segments().length).toBeLessThanOrEqual(3);
    await store.close();
  });
});

describe('a report that the server refused', () => {
  it('is kept for a person with the reason, counted over restarts, and no longer pending', async () => {
    const store = await openStore(directory);
    await store.commit({ meterState: 1, reports: [report(1, 3), report(2, 1)] });
    await store.setAside(report(1, 3), 'invalid_body');
    await store.close();

    const next = await openStore(directory);
    expect(await store.read(next.pending())).toEqual([report(2, 1)]);
    expect(next.stats().setAsideReports).toBe(1);
    const kept = readFileSync(join(directory, 'quarantine', 'refused-300000-epochone1-3.json'), 'utf8');
    expect(JSON.parse(kept)).toEqual({ code: 'invalid_body', report: report(1, 3) });
    await next.close();
  });

  it('is dropped and counted when the quarantine is full', async () => {
    const store = await openStore(directory, { limits: { quarantineBytes: 10 } });
    await store.commit({ meterState: 1, reports: [report(1, 3)] });
    await store.setAside(report(1, 3), 'invalid_body');
    expect(store.stats()).toMatchObject({ setAsideReports: 0, droppedReports: 1, spoolReports: 0 });
    await store.close();
  });
});

describe('damage', () => {
  it('in the middle costs that record alone, which is set aside and counted', async () => {
    const store = await openStore(directory);
    for (const window of [1, 2, 3]) await store.commit({ meterState: window, reports: [report(window, 1)] });
    await store.close();
    damage(segments()[0]!, 1);

    const next = await openStore(directory);
    expect(next.restoredMeterState).toBe(3);
    expect([...(await pendingByWindow(next)).keys()]).toEqual([3, 1]);
    expect(next.stats().damagedRecords).toBe(1);
    expect(readdirSync(join(directory, 'quarantine'))).toHaveLength(1);
    await next.commit({ meterState: 4, reports: [] });
    await next.close();

    const last = await openStore(directory);
    expect(last.stats().damagedRecords).toBe(1);
    expect([...(await pendingByWindow(last)).keys()]).toEqual([3, 1]);
    await last.close();
  });

  it('of a length hides no later record', async () => {
    const store = await openStore(directory);
    for (const window of [1, 2, 3]) await store.commit({ meterState: window, reports: [report(window, 1)] });
    await store.close();
    const path = join(directory, segments()[0]!);
    const bytes = readFileSync(path);
    bytes.writeUInt32LE(0x7fffffff, 8);
    writeFileSync(path, bytes);

    const next = await openStore(directory);
    expect([...(await pendingByWindow(next)).keys()]).toEqual([3, 2]);
    expect(next.stats().damagedRecords).toBe(1);
    await next.close();
  });

  it('behind the last good state begins a new epoch, because an older state would count energy twice', async () => {
    const store = await openStore(directory, { limits: { segmentBytes: 100 } });
    await store.commit({ meterState: 1, reports: [report(1, 1)] });
    await store.commit({ meterState: 2, reports: [report(2, 1)] });
    await store.close();
    const last = segments().at(-1)!;
    damage(last, 0);
    damage(last, -1);
    writeFileSync(join(directory, '999999.spool'), readFileSync(join(directory, last)).subarray(0, 3));

    const next = await openStore(directory);
    expect(next.restoredMeterState).toBeNull();
    expect([...(await pendingByWindow(next)).keys()]).toEqual([1]);
    expect(next.stats().damagedRecords).toBeGreaterThan(0);
    await next.close();
  });

  it('while running is noticed when the report is read', async () => {
    const store = await openStore(directory);
    await store.commit({ meterState: 1, reports: [report(1, 1)] });
    await store.commit({ meterState: 2, reports: [report(2, 1)] });
    damage(segments()[0]!, 0);
    expect(await store.read(store.pending())).toEqual([report(2, 1)]);
    expect(store.stats()).toMatchObject({ damagedRecords: 1, droppedReports: 1, spoolReports: 1 });
    await store.close();
  });

  it('is not what another version wrote: that is refused with a way out', async () => {
    const store = await openStore(directory);
    await store.commit({ meterState: 1, reports: [report(1, 1)] });
    await store.close();
    const path = join(directory, segments()[0]!);
    const bytes = readFileSync(path);
    bytes[7] = 9;
    writeFileSync(path, bytes);
    await expect(openStore(directory)).rejects.toThrow(
      /000001\.spool has spool format 9, this agent knows 2/,
    );
    expect(readdirSync(directory)).not.toContain('lock');
  });
});

test('a spool of the agent before, in plain JSON, is read, acknowledged and outgrown', async () => {
  const plain = (meterState: unknown, reports: readonly WindowReport[], settled: readonly object[] = []) => {
    const counts = { droppedSeries: 3, droppedReports: 0, damagedRecords: 0, setAsideReports: 0 };
    const payload = Buffer.from(JSON.stringify({ meterState, counts, reports, settled }));
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32LE(payload.length, 0);
    prefix.writeUInt32LE(crc32(payload), 4);
    return Buffer.concat([prefix, payload]);
  };
  const header = Buffer.from([...Buffer.from('WSSPOOL'), 1]);
  const records = [plain({ was: 1 }, [report(1, 1), report(2, 4)]), plain({ was: 2 }, [report(3, 1)])];
  writeFileSync(join(directory, '000007.spool'), Buffer.concat([header, ...records]));

  const store = await openStore(directory, { limits: { segmentBytes: 300 } });
  expect(store.restoredMeterState).toEqual({ was: 2 });
  expect(store.stats()).toMatchObject({ droppedSeries: 3, damagedRecords: 0 });
  expect([...(await pendingByWindow(store)).values()]).toEqual([report(3, 1), report(1, 1), report(2, 4)]);
  for (let window = 4; window < 30; window++)
    await store.commit({ meterState: { window }, reports: [report(window, 1)] });
  expect((await pendingByWindow(store)).get(2)).toEqual(report(2, 4));
  await store.acknowledge(store.pending());
  await store.close();

  const next = await openStore(directory);
  expect(next.restoredMeterState).toEqual({ window: 29 });
  expect(next.pending()).toEqual([]);
  expect(segments()).not.toContain('000007.spool');
  await next.close();
});

describe('the bound of the spool', () => {
  const limits = { spoolBytes: 60_000, segmentBytes: 4_000 };

  it('sheds series from the oldest windows first and keeps every energy', async () => {
    const store = await openStore(directory, { limits });
    for (let window = 1; window <= 80; window++) {
      await store.commit({
        meterState: window,
        reports: [report(window, 1, { series: noise(window, 600) })],
      });
      expect(store.stats().spoolBytes).toBeLessThanOrEqual(limits.spoolBytes);
    }
    const pending = await pendingByWindow(store);
    expect(pending.size).toBe(80);
    const withSeries = [...pending.values()].filter((each) => each.devices[0]?.series !== undefined);
    expect(80 - withSeries.length).toBe(store.stats().droppedSeries);
    expect(store.stats()).toMatchObject({ droppedReports: 0, error: null });
    expect(pending.get(80)).toEqual(report(80, 1, { series: noise(80, 600) }));
    expect(pending.get(1)).toEqual({ ...report(1, 1), final: true });
    const oldestWithSeries = Math.min(...withSeries.map((each) => each.windowStartMs / WINDOW));
    expect(withSeries).toHaveLength(80 - oldestWithSeries + 1);
    await store.close();
  });

  it('drops whole reports only when no series is left, the oldest first, and counts over restarts', async () => {
    const store = await openStore(directory, { limits });
    for (let window = 1; window <= 400; window++) {
      await store.commit({ meterState: window, reports: [report(window, 1, { epoch: noise(window, 250) })] });
      expect(store.stats().spoolBytes).toBeLessThanOrEqual(limits.spoolBytes);
    }
    await store.close();
    const next = await openStore(directory, { limits });
    const windows = [...(await pendingByWindow(next)).keys()].sort((a, b) => a - b);
    expect(next.stats().droppedReports).toBeGreaterThan(100);
    expect(windows).toEqual(Array.from({ length: windows.length }, (_, at) => 401 - windows.length + at));
    expect(next.stats().droppedReports).toBe(400 - windows.length);
    await next.close();
  });
});

describe('the lock', () => {
  it('lets one agent in and names the other', async () => {
    const store = await openStore(directory);
    await expect(openStore(directory)).rejects.toThrow(StoreLockedError);
    await expect(openStore(directory)).rejects.toThrow(
      `another agent (pid ${process.pid}) uses ${directory}`,
    );
    await store.close();
    await (await openStore(directory)).close();
  });

  it('of a process that is gone is taken over', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    await once(child, 'spawn');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    symlinkSync(`${child.pid}.${startTime}.${boot}`, join(directory, 'lock'));
    await expect(openStore(directory)).rejects.toThrow(`pid ${child.pid}`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await (await openStore(directory)).close();
  });

  it('of a pid that another process has now, or of another boot, is taken over', async () => {
    const [pid, startTime, boot] = processIdentity.own.split('.');
    for (const stale of [`${pid}.1.${boot}`, `${pid}.${startTime}.another-boot`]) {
      symlinkSync(stale, join(directory, 'lock'));
      await (await openStore(directory)).close();
    }
  });
});

/** Real files, with something that happens just before a lock is read for the first time. */
function interrupted(before: () => Promise<unknown>): FileSystem {
  let hasHappened = false;
  return {
    ...nodeFileSystem,
    async readLink(path) {
      const owner = await nodeFileSystem.readLink(path);
      if (hasHappened) return owner;
      hasHappened = true;
      await before();
      return owner;
    },
  };
}

describe('two agents that start at one instant', () => {
  const named = (own: string): ProcessIdentity => ({ own, isAlive: (owner) => owner !== 'gone' });

  it('and find the lock of one that is gone: the slower does not take it from the faster', async () => {
    symlinkSync('gone', join(directory, 'lock'));
    let faster: DurableStore | null = null;
    const fileSystem = interrupted(async () => {
      faster = await openStore(directory, { identity: named('faster') });
    });
    await expect(openStore(directory, { fileSystem, identity: named('slower') })).rejects.toThrow(
      'another agent (pid faster)',
    );
    await faster!.close();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('one of which was killed while it cleared the lock: the next one does', async () => {
    symlinkSync('gone', join(directory, 'lock'));
    symlinkSync('gone', join(directory, 'lock.clearing'));
    await (await openStore(directory, { identity: named('next') })).close();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('one of which ends: the other goes on', async () => {
    const ending = await openStore(directory, { identity: named('ending') });
    const fileSystem: FileSystem = {
      ...nodeFileSystem,
      async readLink(path) {
        await ending.close();
        return nodeFileSystem.readLink(path);
      },
    };
    await (await openStore(directory, { fileSystem, identity: named('next') })).close();
  });
});

test('files that somebody removes under a running agent cost what was in them, and nothing after it', async () => {
  const store = await openStore(directory);
  await store.commit({ meterState: 1, reports: [report(1, 1), report(2, 1)] });
  for (const name of segments()) rmSync(join(directory, name));
  expect(await store.read(store.pending())).toEqual([]);
  expect(store.stats()).toMatchObject({ droppedReports: 2, spoolReports: 0, error: null });
  await store.commit({ meterState: 2, reports: [report(2, 2)] });
  expect(await store.read(store.pending())).toEqual([report(2, 2)]);
  await store.close();
  const next = await openStore(directory);
  expect([next.restoredMeterState, next.stats().spoolReports]).toEqual([2, 1]);
  await next.close();
});

describe('the directory', () => {
  it('is made with its parents, for the owner alone', async () => {
    const below = join(directory, 'a/b');
    await (await openStore(below)).close();
    for (const made of [below, join(directory, 'a')]) expect(statSync(made).mode & 0o777).toBe(0o700);
  });

  it('that nobody can make is an error, not an endless try', () =>
    expect(openStore('/proc/wattshed/spool')).rejects.toThrow('ENOENT'));
});
