import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openServiceManager } from '../../../agent/run/service-manager.ts';
import { listenAsSystemd } from './notify-socket.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wattshed-notify-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('systemd hears that the agent is ready, alive and stopping', async () => {
  const path = join(folder, 'notify');
  const systemd = await listenAsSystemd(path);
  const manager = await openServiceManager({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '120000000' });
  manager.ready();
  manager.alive(1_000);
  manager.alive(2_000);
  manager.alive(40_999);
  expect(systemd.heard()).toEqual(['READY=1', 'WATCHDOG=1']);
  manager.alive(41_000);
  manager.stopping();
  expect(systemd.heard()).toEqual(['WATCHDOG=1', 'STOPPING=1']);
});

test('an abstract socket is reached too', async () => {
  const path = `@wattshed-test-${process.pid}`;
  const systemd = await listenAsSystemd(path);
  (await openServiceManager({ NOTIFY_SOCKET: path })).ready();
  expect(systemd.heard()).toEqual(['READY=1']);
});

test('without a watchdog nothing is said of being alive', async () => {
  const path = join(folder, 'notify');
  const systemd = await listenAsSystemd(path);
  const manager = await openServiceManager({ NOTIFY_SOCKET: path });
  manager.alive(1_000_000);
  expect(systemd.heard()).toEqual([]);
});

test('where libc cannot be called, systemd-notify says it', async () => {
  const heard = join(folder, 'heard');
  writeFileSync(join(folder, 'systemd-notify'), `#!/bin/sh\necho "$1" >> ${heard}\n`);
  chmodSync(join(folder, 'systemd-notify'), 0o755);
  const manager = await openServiceManager(
    { NOTIFY_SOCKET: '/run/notify', PATH: `${folder}:${process.env.PATH}` },
    async () => ({ state: 'failed', detail: 'no way' }),
  );
  manager.ready();
  await vi.waitFor(() => expect(readFileSync(heard, 'utf8')).toBe('READY=1\n'), { timeout: 20_000 });
});

test('without a service manager nobody is told anything', async () => {
  const manager = await openServiceManager({});
  expect(() => {
    manager.ready();
    manager.alive(1);
    manager.stopping();
  }).not.toThrow();
});
