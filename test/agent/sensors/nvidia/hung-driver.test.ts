/**
 * A driver that hangs holds the whole agent up, since its library is called in the agent's own thread. What gets it going
 * again is the watchdog of its service manager, which is played here as systemd does it (`WatchdogSec` of the unit).
 */
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { nodeCrypto } from '../../../../deploy/node-crypto.ts';
import { nativeFile } from '../../../../deploy/package/native-files.mjs';
import { createToken } from '../../../../shared/auth/token-format.ts';
import type { IngestBody } from '../../../../shared/wire/ingest.ts';
import { buildAgent, run, start } from '../../cli/run-wattshed.ts';
import { listenAsSystemd, type NotifySocket } from '../../run/notify-socket.ts';
import { emptyHost } from '../host-tree.ts';
import { buildFakeNvml, COMPILER } from './fake-nvml.ts';

const GPU = 'GPU-6f5d1a2e-0000-4000-8000-000000000001';
const WATCHDOG_MS = 3_000;

/** Waits for an event, however long it takes. */
async function until(what: string, holds: () => boolean): Promise<void> {
  const signal = AbortSignal.timeout(90_000);
  while (!holds()) {
    if (signal.aborted) throw new Error(`${what} did not happen`);
    await pause(50);
  }
}

/** As the watchdog: returns once nothing was heard for its whole time. */
async function silent(systemd: NotifySocket): Promise<void> {
  for (let quietMs = 0; quietMs < WATCHDOG_MS; quietMs = systemd.heard().length > 0 ? 0 : quietMs + 100)
    await pause(100);
}

/** What the reports of each window and epoch say of the GPU, by their highest revision. */
async function serverWithLedger() {
  const ledger = new Map<string, { readonly revision: number; readonly energy: number }>();
  const { token } = await createToken(nodeCrypto, { id: 'n1' });
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks);
    if (request.url === '/v1/enroll')
      return response.end(JSON.stringify({ nodeId: 'node-a', token, gridZone: 'GB', site: 'lab' }));
    const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
    const { reports } = JSON.parse(plain.toString('utf8')) as IngestBody;
    for (const { windowStartMs, epoch, revision, devices } of reports) {
      const device = devices.find(({ id }) => id === GPU);
      const key = `${windowStartMs} ${epoch}`;
      if (device !== undefined && (ledger.get(key)?.revision ?? 0) < revision)
        ledger.set(key, { revision, energy: device.energyMillijoules });
    }
    const reply = { accepted: reports.length, unchanged: 0, quarantined: [] };
    response.end(JSON.stringify({ ...reply, serverTimeMs: Date.now(), reportEverySeconds: 60 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const sum = () => [...ledger.values()].reduce((total, { energy }) => total + energy, 0);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sum };
}

test.skipIf(COMPILER === null)(
  `a driver that hangs silences the agent; killed by its watchdog and started again it loses nothing${COMPILER === null ? ' (skipped: no C compiler)' : ''}`,
  async () => {
    const agent = await buildAgent();
    onTestFinished(() => rmSync(dirname(agent), { recursive: true, force: true }));
    const koffi = nativeFile('koffi', process.arch === 'arm64' ? 'arm64' : 'x64');
    if (koffi !== null) copyFileSync(koffi, join(dirname(agent), 'koffi.node'));
    const nvml = buildFakeNvml();
    onTestFinished(() => nvml.remove());
    const host = await emptyHost();
    await host.write({
      'proc/driver/nvidia/version': 'NVRM version: 550.54.15\n',
      'proc/sys/kernel/random/boot_id': 'boot-of-the-test\n',
      'sys/module/nvidia/initstate': 'live\n',
    });
    const { url, sum } = await serverWithLedger();
    const stateDir = join(host.root, 'state');
    const notify = join(host.root, 'notify');
    const env = {
      WATTSHED_SYS_ROOT: host.paths.sysRoot,
      WATTSHED_PROC_ROOT: host.paths.procRoot,
      WATTSHED_NVML_LIBRARY: nvml.libraryPath,
      WATTSHED_STATE_DIR: stateDir,
      WATTSHED_READ_EVERY_MILLISECONDS: '100',
      WATTSHED_JOB_SOURCES: 'off',
      WATTSHED_METRICS_LISTEN: 'off',
      NOTIFY_SOCKET: notify,
      WATCHDOG_USEC: String(WATCHDOG_MS * 1000),
    };
    const systemd = await listenAsSystemd(notify);
    const heard: string[] = [];
    const hears = (message: string) => {
      heard.push(...systemd.heard());
      return heard.includes(message);
    };
    const life = () => {
      const started = start(agent, { args: ['run'], env });
      onTestFinished(() => void started.child.kill('SIGKILL'));
      return started;
    };
    await nvml.set([{ uuid: GPU, energy: 1_000_000 }]);
    const { token: key } = await createToken(nodeCrypto, { id: 'enroll1' });
    expect(await run(agent, { args: ['enroll', '--url', url], env, stdin: key })).toMatchObject({ code: 0 });

    const first = life();
    await until('the agent is ready', () => hears('READY=1') && hears('WATCHDOG=1'));
    await nvml.set([{ uuid: GPU, energy: 1_000_000, state: -1 }]);
    await silent(systemd);
    // systemd's way: a signal that leaves a core, which a call into a library does not hold up.
    first.child.kill('SIGABRT');
    await first.ended;

    await nvml.set([{ uuid: GPU, energy: 1_050_001 }]);
    rmSync(join(stateDir, 'status.json'), { force: true });
    const second = life();
    await until('the agent is back', () => existsSync(join(stateDir, 'status.json')));
    await until('what was used meanwhile is reported', () => sum() > 0);
    second.child.kill('SIGTERM');
    await second.ended;
    expect(sum()).toBe(50_001);
  },
  180_000,
);
