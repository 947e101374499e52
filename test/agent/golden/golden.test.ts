/**
 * Whole outputs of the real agent over whole hosts: `doctor`, `once --json` and what `run` serves at /metrics. What depends
 * on this machine or on the instant is replaced by a word; `vitest -u` writes the files of test/golden anew.
 */

import { spawn } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, release } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AGENT_VERSION } from '../../../agent/version.ts';
import { nodeCrypto } from '../../../deploy/node-crypto.ts';
import { nativeFile } from '../../../deploy/package/native-files.mjs';
import { createToken } from '../../../shared/auth/token-format.ts';
import type { IngestBody, IngestReply } from '../../../shared/wire/ingest.ts';
import { buildAgent } from '../cli/run-wattshed.ts';
import { COMPILER } from '../sensors/nvidia/fake-nvml.ts';
import { GOLDEN_HOSTS, type GoldenHost } from './hosts.ts';

const NOBODY = 65_534;
const canDropRights = process.getuid?.() === 0;

let agent: string;
beforeAll(async () => {
  agent = await buildAgent();
  await chmod(dirname(agent), 0o755);
  const koffi = nativeFile('koffi', process.arch === 'arm64' ? 'arm64' : 'x64');
  if (koffi !== null) copyFileSync(koffi, join(dirname(agent), 'koffi.node'));
});
afterAll(() => rmSync(dirname(agent), { recursive: true, force: true }));

const compiler = { isThere: COMPILER !== null, what: 'no C compiler on this machine' };
const needed: Readonly<Record<string, { isThere: boolean; what: string }>> = {
  'dgx-h100': compiler,
  gh200: compiler,
};

describe.each(Object.entries(GOLDEN_HOSTS))('%s', (name, make) => {
  const missing = needed[name] === undefined || needed[name].isThere ? null : needed[name].what;

  test.skipIf(missing !== null)(
    `says what it always said${missing === null ? '' : ` (skipped: ${missing})`}`,
    async () => {
      const host = await make();
      const golden = (file: string) => `../../golden/${name}/${file}`;
      await expect(await said(host, ['doctor'])).toMatchFileSnapshot(golden('doctor.txt'));
      await expect(await said(host, ['once', '--json'])).toMatchFileSnapshot(golden('once.json'));
      await expect(await scraped(host)).toMatchFileSnapshot(golden('metrics.txt'));
    },
    120_000,
  );
});

function start(host: GoldenHost, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const drop = host.unprivileged && canDropRights ? { uid: NOBODY, gid: NOBODY } : {};
  return spawn(process.execPath, [agent, ...args], {
    ...drop,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: '/nonexistent',
      HOME: host.tree.root,
      WATTSHED_CONFIG: join(dirname(agent), 'config.json'),
      WATTSHED_SYS_ROOT: host.tree.paths.sysRoot,
      WATTSHED_PROC_ROOT: host.tree.paths.procRoot,
      WATTSHED_STATE_DIR: join(host.tree.root, 'state'),
      WATTSHED_JOB_FOLDER: join(host.tree.root, 'jobs'),
      WATTSHED_KUBELET_SOCKET: join(host.tree.root, 'kubelet.sock'),
      WATTSHED_DOCKER_SOCKET: join(host.tree.root, 'docker.sock'),
      ...host.env,
      ...env,
    },
  });
}

async function said(host: GoldenHost, args: readonly string[]): Promise<string> {
  await mkdir(join(host.tree.root, 'state'), { recursive: true, mode: 0o700 });
  if (host.unprivileged && canDropRights) await chownTree(join(host.tree.root, 'state'));
  const child = start(host, args);
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
  let over = false;
  child.once('close', () => {
    over = true;
  });
  for (let second = 0.1; !over; second += 0.1) {
    await host.tick(second);
    // Often, so that a busy machine still moves the hardware between two looks of the agent.
    await sleep(20);
  }
  return stable(out, host);
}

/** What a scraper reads after the first reports, their amounts left out: how long the agent ran is chance. */
async function scraped(host: GoldenHost): Promise<string> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { reports } = JSON.parse(gunzipSync(Buffer.concat(parts)).toString('utf8')) as IngestBody;
      const reply: IngestReply = {
        accepted: reports.length,
        unchanged: 0,
        quarantined: [],
        // Energy is held until somebody tells the time.
        serverTimeMs: Date.now(),
        reportEverySeconds: 60,
      };
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(reply));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { token } = await createToken(nodeCrypto, { id: 'golden' });
  const stateDir = join(host.tree.root, 'run');
  await mkdir(stateDir, { mode: 0o700 });
  await writeFile(join(stateDir, 'node.json'), JSON.stringify({ url, nodeId: 'golden', token }), {
    mode: 0o600,
  });
  if (host.unprivileged && canDropRights) await chownTree(stateDir);
  const port = await freePort();
  const child = start(host, ['run', '--state-dir', stateDir], {
    WATTSHED_METRICS_LISTEN: `127.0.0.1:${port}`,
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    for (let second = 1; second <= 60; second++) {
      await host.tick(second);
      await sleep(500);
      const text = await fetch(`http://127.0.0.1:${port}/metrics`)
        .then((reply) => reply.text())
        .catch(() => '');
      if (
        /^wattshed_device_energy_joules_total/m.test(text) &&
        text.includes('wattshed_shipping_state{state="delivered"} 1')
      )
        return stable(withoutAmounts(text), host);
    }
    throw new Error(`no energy was served: ${errors}`);
  } finally {
    child.kill('SIGKILL');
    await ended;
    server.close();
  }
}

const withoutAmounts = (text: string) =>
  text.replace(
    /^(wattshed_(?:device_energy|device_metered|device_power|spool|metering_gaps|last_delivery)\w*(?:\{.*\})?) .*$/gm,
    '$1 AMOUNT',
  );

/** This machine's and this instant's words. */
function stable(text: string, host: GoldenHost): string {
  const replacements: [string | RegExp, string][] = [
    [host.tree.root, 'HOST'],
    [dirname(agent), 'PROGRAM'],
    [host.env.WATTSHED_NVML_LIBRARY ?? '\0', 'libnvidia-ml.so.1'],
    [AGENT_VERSION, 'VERSION'],
    [new RegExp(`\\b${hostname().replaceAll('.', '\\\\.')}\\b`, 'g'), 'HOSTNAME'],
    [release(), 'KERNEL'],
    [process.version, 'NODE'],
    [process.version.slice(1), 'NODE'],
    [/"atMs": [\d.]+/g, '"atMs": INSTANT'],
    [/"value": \d+/g, '"value": AMOUNT'],
    [/\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\/(?=\d+")/g, '/SESSION/'],
    [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'INSTANT'],
    [/through (koffi|node:ffi)/g, 'through FFI'],
    [/[\d.]+ [GM]i?B free/g, 'SPACE free'],
  ];
  let stableText = text;
  for (const [from, to] of replacements) stableText = stableText.replaceAll(from, to);
  return stableText;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function chownTree(folder: string): Promise<void> {
  await chown(folder, NOBODY, NOBODY);
  for (const name of await readdir(folder)) await chown(join(folder, name), NOBODY, NOBODY);
}
