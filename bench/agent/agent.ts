/**
 * What the agent costs a host: the built agent as a process, eight GPUs at 1 Hz through the real NVML path against a
 * stand-in library, RAPL, jobs and TLS on, shipping to a receiver on loopback; then a week of it on a fast clock.
 */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { build as bundle } from 'esbuild';
import { agentBundle } from '../../deploy/build/agent-bundle.mjs';
import { build } from '../../deploy/build/build.mjs';
import { nodeCrypto } from '../../deploy/node-crypto.ts';
import { createToken } from '../../shared/auth/token-format.ts';
import { DAY_MS } from '../../shared/time/window.ts';
import type { Figure } from '../figures.ts';
import { GPU_IDS, makeHost } from './host.ts';
import { cpuSeconds, type Memory, memoryOf } from './process-use.ts';
import { type Receiver, startReceiver } from './receiver.ts';

const WARM_UP_SECONDS = 60;
const MEASURED_SECONDS = 300;
/** As week.ts prints them. */
const LOOKS_A_DAY = 12;
/** As the installed command runs it (deploy/install/install.sh). */
const FLAGS = ['--lite-mode'];
const ENVIRONMENT = {
  PATH: process.env.PATH,
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '65536',
  MALLOC_TOP_PAD_: '16384',
};
const root = new URL('../..', import.meta.url).pathname;

export async function agent(): Promise<Figure[]> {
  await build();
  const folder = mkdtempSync(join(tmpdir(), 'wattshed-bench-'));
  const receiver = await startReceiver();
  try {
    return [...(await steadyState(folder, receiver)), await weekSlope(folder, receiver)];
  } finally {
    await receiver.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function steadyState(folder: string, receiver: Receiver): Promise<Figure[]> {
  const hostFolder = mkdtempSync('/dev/shm/wattshed-bench-');
  const host = makeHost(hostFolder, join(folder, 'libnvidia-ml.so.1'));
  const { token } = await createToken(nodeCrypto, { id: 'bench' });
  const stateDir = join(folder, 'state');
  mkdirSync(stateDir);
  writeFileSync(join(stateDir, 'node.json'), JSON.stringify({ url: receiver.url, nodeId: 'bench', token }), {
    mode: 0o600,
  });
  // An installed agent has koffi's one native file beside it, not its package.
  const program = join(folder, 'wattshed.mjs');
  copyFileSync(join(root, 'dist/wattshed.mjs'), program);
  copyFileSync(
    join(root, `dist/dashboard/agent/koffi-linux-${process.arch}.node`),
    join(folder, 'koffi.node'),
  );
  const command = [...FLAGS, program, 'run', '--state-dir', stateDir];
  const child = spawn(process.execPath, command, {
    env: { ...ENVIRONMENT, WATTSHED_CA_FILE: receiver.caFile, ...host.env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const ticking = setInterval(host.tick, 1_000);
  const pid = child.pid ?? 0;
  try {
    await progress('warming up', WARM_UP_SECONDS, ended);
    const before = { cpu: cpuSeconds(pid), wire: receiver.wireBytes(), reports: receiver.reports };
    const peak: { -readonly [K in keyof Memory]: number } = { residentMebibytes: 0, privateMebibytes: 0 };
    await progress('measuring', MEASURED_SECONDS, ended, () => {
      const memory = memoryOf(pid);
      peak.residentMebibytes = Math.max(peak.residentMebibytes, memory.residentMebibytes);
      peak.privateMebibytes = Math.max(peak.privateMebibytes, memory.privateMebibytes);
    });
    const cpu = cpuSeconds(pid) - before.cpu;
    const wire = receiver.wireBytes();
    if (receiver.reports === before.reports) throw new Error(`no report arrived:\n${said}`);
    const unmetered = GPU_IDS.filter((id) => !receiver.devices.has(id));
    if (unmetered.length > 0) throw new Error(`no energy of ${unmetered.join(', ')} arrived:\n${said}`);
    const perDay = DAY_MS / 1_000 / MEASURED_SECONDS;
    return [
      figure(
        'agent.cpu_percent_of_core',
        (cpu / MEASURED_SECONDS) * 100,
        '%',
        '8 GPUs at 1 Hz, 2 RAPL sockets, jobs, TLS; target 0.2',
      ),
      figure('agent.rss_mib', peak.residentMebibytes, 'MiB', 'peak; target 68'),
      figure('agent.private_mib', peak.privateMebibytes, 'MiB', 'anonymous pages, peak; target 20'),
      figure(
        'agent.uplink_bytes_per_day',
        (wire.up - before.wire.up) * perDay,
        'bytes',
        'headers and TLS included, default settings; target 3,000,000',
      ),
    ];
  } finally {
    clearInterval(ticking);
    child.kill('SIGTERM');
    await ended;
    rmSync(hostFolder, { recursive: true, force: true });
  }
}

/**
 * The least memory of the third and of the seventh day: the first ones fill what is kept (a day of windows, the allocator's
 * arenas), and a moment's most shows only what the allocator has not given back yet.
 */
async function weekSlope(folder: string, receiver: Receiver): Promise<Figure> {
  const stateDir = join(folder, 'week');
  mkdirSync(stateDir);
  // Bundled as the agent is: what strips the types of a source would be half of the memory, and come and go.
  const source = new URL('week.ts', import.meta.url).pathname;
  const script = join(folder, 'week.mjs');
  await bundle({ ...agentBundle(script), entryPoints: [source] });
  // On a clock that does not wait, a large young generation would only show how fast garbage comes.
  const flags = [...FLAGS, '--expose-gc', '--max-semi-space-size=1'];
  const child = spawn(process.execPath, [...flags, script, stateDir, receiver.url, receiver.caFile], {
    env: ENVIRONMENT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const looks: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    looks.push((JSON.parse(line) as Memory).residentMebibytes);
    if (looks.length % LOOKS_A_DAY === 0)
      process.stderr.write(`\r  a week on a fast clock: day ${looks.length / LOOKS_A_DAY} of 7 `);
  }
  process.stderr.write('\n');
  if (looks.length < 7 * LOOKS_A_DAY) throw new Error('the week ended early');
  const leastOfDay = (day: number) => Math.min(...looks.slice((day - 1) * LOOKS_A_DAY, day * LOOKS_A_DAY));
  const slope = leastOfDay(7) - leastOfDay(3);
  return figure('agent.rss_slope_mib', slope, 'MiB', 'day 3 to day 7 of a week, the least of each; target 1');
}

/** A bar, a look each second, and an end with what the agent said should it die. */
async function progress(
  label: string,
  seconds: number,
  ended: Promise<number | null>,
  look: () => void = () => {},
) {
  let gone = false;
  void ended.then(() => {
    gone = true;
  });
  for (let second = 0; second < seconds; second++) {
    if (gone) throw new Error('the agent ended by itself');
    process.stderr.write(`\r  ${label}: ${second + 1} of ${seconds} s `);
    await sleep(1_000);
    look();
  }
  process.stderr.write('\n');
}

const figure = (name: string, value: number, unit: string, note: string): Figure => ({
  name,
  value,
  unit,
  note,
});
