/**
 * A thousand `kill -9` of the real agent at random points of its work, on a clock that runs on while it is dead: what its
 * counters say at the end must be in the ledger, no more and no less.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from '../../deploy/build/build.mjs';
import { nodeCrypto } from '../../deploy/node-crypto.ts';
import { createToken } from '../../shared/auth/token-format.ts';
import type { Figure } from '../figures.ts';
import { startLedgerReceiver } from './ledger-receiver.ts';

const KILLS = 1_000;
const GPUS = 8;
/** The trace's time passes so many times faster than the wall's: a kill falls between commits, reports and windows alike. */
const SPEED = 200;
const LONGEST_LIFE_MS = 900;
const LONGEST_DEATH_MS = 45_000;
const CHUNK_MS = 400_000;
/** What the agent of the moment says. */
const SAID = 'said.txt';
const AGENT = new URL('../../dist/wattshed.mjs', import.meta.url).pathname;

export async function kill(): Promise<Figure[]> {
  await build();
  const folder = mkdtempSync(join(tmpdir(), 'wattshed-bench-kill-'));
  const receiver = await startLedgerReceiver();
  try {
    const stateDir = join(folder, 'state');
    await writeCredentials(stateDir, receiver.url);
    const startMs = Date.UTC(2026, 0, 5);
    const restartMs: number[] = [];
    let fromMs = startMs;
    for (let kills = 0; kills < KILLS; kills++) {
      const spawnedAt = performance.now();
      const before = spoolFiles(stateDir);
      const agent = replay(folder, stateDir, receiver.url, fromMs, [`--speed`, String(SPEED)]);
      // Every second life is let come up, however long that takes: measured only where no kill was faster, slow restarts
      // would not be seen. The first must leave something to go on from; what came before it nobody can know.
      if (kills % 2 === 0) {
        await firstReading(stateDir, before, agent).catch((error: unknown) => {
          const said = readFileSync(join(folder, SAID), 'utf8').trim();
          const end = agent.signalCode ?? `exit code ${agent.exitCode}`;
          throw new Error(`life ${kills + 1} (${end}) said: ${said}`, { cause: error });
        });
        restartMs.push(performance.now() - spawnedAt);
      }
      await sleep(LONGEST_LIFE_MS * Math.random());
      agent.kill('SIGKILL');
      await ended(agent);
      fromMs += Math.ceil((performance.now() - spawnedAt) * SPEED + LONGEST_DEATH_MS * Math.random());
      if (kills % 10 === 9) process.stderr.write(`\r  ${kills + 1} of ${KILLS} kills `);
    }
    process.stderr.write('\n');
    const last = replay(folder, stateDir, receiver.url, fromMs, []);
    const code = await ended(last);
    if (code !== 0) throw new Error(`the last life ended with ${code}`);
    const endMs = fromMs + CHUNK_MS;
    return figures(receiver.energies(), startMs, endMs, restartMs);
  } finally {
    await receiver.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function figures(
  energies: ReadonlyMap<string, number>,
  startMs: number,
  endMs: number,
  restartMs: readonly number[],
): Figure[] {
  let lost = 0;
  let doubled = 0;
  for (let gpu = 0; gpu < GPUS; gpu++) {
    const difference = (energies.get(`gpu-${gpu}`) ?? 0) - (counterAt(gpu, endMs) - counterAt(gpu, startMs));
    lost += Math.max(0, -difference);
    doubled += Math.max(0, difference);
  }
  const sorted = [...restartMs].sort((a, b) => a - b);
  return [
    {
      name: 'kill.kills',
      value: KILLS,
      unit: 'kills',
      note: `at random points, every second one after the life's first record`,
    },
    { name: 'kill.lost_millijoules', value: lost, unit: 'mJ', note: 'over eight counters; must be 0' },
    { name: 'kill.doubled_millijoules', value: doubled, unit: 'mJ', note: 'must be 0' },
    {
      name: 'kill.restart_p50_ms',
      value: sorted[Math.floor(sorted.length / 2)]!,
      unit: 'ms',
      note: `from exec to the first reading booked and synced, ${restartMs.length} restarts`,
    },
    { name: 'kill.restart_max_ms', value: sorted.at(-1)!, unit: 'ms', note: 'target 2,000' },
  ];
}

/** Each counter has its own pace, so that no mix-up of devices can cancel out. */
const counterAt = (gpu: number, atMs: number) => Math.floor(((atMs / 1_000) % 1e8) * (600_000 + gpu * 7_013));

function replay(folder: string, stateDir: string, url: string, fromMs: number, options: readonly string[]) {
  const file = join(folder, 'chunk.csv');
  const lines = ['timestamp_utc_ms,device_index,device_name,power_w,util_pct,energy_counter_mj'];
  for (let atMs = fromMs; atMs <= fromMs + CHUNK_MS; atMs += 1_000)
    for (let gpu = 0; gpu < GPUS; gpu++)
      lines.push(`${atMs},${gpu},NVIDIA H100 80GB HBM3,600,97,${counterAt(gpu, atMs)}`);
  writeFileSync(file, `${lines.join('\n')}\n`);
  const said = openSync(join(folder, SAID), 'w');
  const args = [AGENT, 'replay', file, '--url', url, '--state-dir', stateDir, ...options];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', said] });
  closeSync(said);
  return child;
}

const ended = (child: ChildProcess) =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));

/** A file's header is smaller, a record of eight devices larger. */
const HEADER_BYTES = 200;

const spoolFiles = (stateDir: string) => {
  const spool = join(stateDir, 'spool');
  return existsSync(spool)
    ? readdirSync(spool)
        .filter((name) => name.endsWith('.spool'))
        .sort()
    : [];
};

const COMES_UP_WITHIN_MS = 60_000;

/** Resolves once this life has its first reading on disk. */
async function firstReading(stateDir: string, before: readonly string[], agent: ChildProcess): Promise<void> {
  const deadline = performance.now() + COMES_UP_WITHIN_MS;
  while (performance.now() < deadline && agent.exitCode === null && agent.signalCode === null) {
    const name = spoolFiles(stateDir).at(-1);
    const isNew = name !== undefined && !before.includes(name);
    const bytes = isNew ? (statSync(join(stateDir, 'spool', name), { throwIfNoEntry: false })?.size ?? 0) : 0;
    if (bytes > HEADER_BYTES) return;
    await sleep(5);
  }
  throw new Error(`no reading on disk, at most ${COMES_UP_WITHIN_MS / 1_000} s after its start`);
}

async function writeCredentials(stateDir: string, url: string): Promise<void> {
  mkdirSync(stateDir, { mode: 0o700 });
  const { token } = await createToken(nodeCrypto, { id: 'bench' });
  writeFileSync(join(stateDir, 'node.json'), JSON.stringify({ url, nodeId: 'bench', token }), {
    mode: 0o600,
  });
}
