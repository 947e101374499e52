/** The built agent as a process, over a Slurm node's files: a job that starts and ends within a window, a kill in between. */

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { AgentStatus } from '../../../agent/run/status-file.ts';
import { nodeCrypto } from '../../../deploy/node-crypto.ts';
import { createToken } from '../../../shared/auth/token-format.ts';
import { findImplausibility } from '../../../shared/ledger/plausibility.ts';
import type { IngestBody, WindowReport } from '../../../shared/wire/ingest.ts';
import { buildAgent, run, start } from '../cli/run-wattshed.ts';
import { emptyHost } from '../sensors/host-tree.ts';
import { V2, writeSlurmJob } from './support.ts';

let agent: string;
let server: Server;
let url: string;
let enrolmentKey: string;
/** As the server books: of each window and epoch the highest revision. */
const ledger = new Map<string, WindowReport>();
let sources: string[] = [];

beforeAll(async () => {
  agent = await buildAgent();
  const { token } = await createToken(nodeCrypto, { id: 'n1' });
  enrolmentKey = (await createToken(nodeCrypto, { id: 'enroll1' })).token;
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks);
    const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
    response.setHeader('content-type', 'application/json');
    if (request.url === '/v1/enroll')
      return response.end(JSON.stringify({ nodeId: 'node-a', token, gridZone: 'GB', site: 'lab' }));
    const { reports, health } = JSON.parse(plain.toString('utf8')) as IngestBody;
    sources = health?.sensors.map(({ sensor, detail }) => `${sensor}: ${detail}`) ?? sources;
    for (const report of reports) {
      const key = `${report.windowStartMs} ${report.epoch}`;
      if ((ledger.get(key)?.revision ?? 0) < report.revision) ledger.set(key, report);
    }
    const reply = { accepted: reports.length, unchanged: 0, quarantined: [] };
    response.end(JSON.stringify({ ...reply, serverTimeMs: Date.now(), reportEverySeconds: 60 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

/** Looks again and again: what a test waits for is an event, however long that takes. */
async function until(what: string, holds: () => boolean): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  while (!holds()) {
    if (signal.aborted) throw new Error(`${what} did not happen`);
    await pause(50);
  }
}

test('the job gets what was used while it ran, across a kill; what is free before and after is idle', async () => {
  const host = await emptyHost();
  const counterFile = join(host.root, 'sys/class/powercap/intel-rapl:0/energy_uj');
  await host.write({
    'sys/class/powercap/intel-rapl:0/name': 'package-0\n',
    'sys/class/powercap/intel-rapl:0/energy_uj': '1000000\n',
    'sys/class/powercap/intel-rapl:0/max_energy_range_uj': '262143328850\n',
    'sys/devices/system/cpu/online': '0-7\n',
    'proc/sys/kernel/random/boot_id': 'boot-of-the-test\n',
    'proc/meminfo': 'MemTotal:       16384000 kB\n',
    [`${V2}/system/cgroup.procs`]: '',
  });
  let microjoules = 1_000_000;
  const use = (millijoules: number) => {
    microjoules += millijoules * 1000;
    writeFileSync(counterFile, `${microjoules}\n`);
  };
  const stateDir = join(host.root, 'state');
  const env = {
    WATTSHED_SYS_ROOT: host.paths.sysRoot,
    WATTSHED_PROC_ROOT: host.paths.procRoot,
    WATTSHED_NVIDIA_SMI: '/nonexistent/nvidia-smi',
    WATTSHED_STATE_DIR: stateDir,
    WATTSHED_READ_EVERY_MILLISECONDS: '100',
    WATTSHED_CLUSTER: 'alps',
    WATTSHED_JOB_FOLDER: join(host.root, 'jobs'),
    WATTSHED_DOCKER_SOCKET: join(host.root, 'docker.sock'),
    WATTSHED_METRICS_LISTEN: 'off',
  };
  const status = join(stateDir, 'status.json');
  const told = () => (existsSync(status) ? (JSON.parse(readFileSync(status, 'utf8')) as AgentStatus) : null);
  const running = () =>
    told()
      ?.jobs.map(({ id }) => id)
      .join() ?? null;
  /**
   * The look, and a reading after it, are durable: the status may be written between the two, and what is used before
   * that reading is, rightly, part of a time in which the look did not hold yet.
   */
  const looked = async (what: string, jobs: string) => {
    await until(what, () => running() === jobs);
    for (const _ of ['the commit that was under way', 'one after a whole tick']) {
      const before = told()?.updatedAtMs;
      await until('another commit', () => told()?.updatedAtMs !== before);
    }
    expect(running()).toBe(jobs);
  };
  const life = async () => {
    rmSync(status, { force: true });
    const started = start(agent, { args: ['run'], env });
    onTestFinished(() => void started.child.kill('SIGKILL'));
    await until('its first status', () => running() !== null);
    return started;
  };
  expect(await run(agent, { args: ['enroll', '--url', url], env, stdin: enrolmentKey })).toMatchObject({
    code: 0,
    err: '',
  });

  const first = await life();
  expect(running()).toBe('');
  await writeSlurmJob(
    host,
    '4711',
    { step_batch: { SLURM_JOB_USER: 'ada', SLURM_JOB_ACCOUNT: 'nlp', WATTSHED_PHASE: 'train' } },
    { cpus: '0-7' },
  );
  await looked('the job in the status', 'slurm:alps:4711');
  use(20_001);
  first.child.kill('SIGKILL');
  await first.ended;

  const second = await life();
  expect(running()).toBe('slurm:alps:4711');
  const shown = await run(agent, { args: ['status'], env });
  expect(shown.out).toMatch(/^slurm:alps:4711 +ada +nlp +train +0 +8 +allocation$/m);
  const once = await run(agent, { args: ['once', '--json'], env });
  expect(JSON.parse(once.out)).toMatchObject({ jobs: [{ id: 'slurm:alps:4711', cores: 8 }] });
  use(30_002);
  second.child.kill('SIGTERM');
  expect((await second.ended).code).toBe(0);

  const third = await life();
  await rm(join(host.root, V2, 'job_4711'), { recursive: true });
  await looked('no job in the status', '');
  await until('a report', () => ledger.size > 0);
  use(7_003);
  third.child.kill('SIGTERM');
  expect((await third.ended).code).toBe(0);

  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const cpu = () =>
    [...ledger.values()].flatMap((report) => report.devices.filter(({ id }) => id === 'cpu-0'));
  const used = () => sum(cpu().map(({ energyMillijoules }) => energyMillijoules));
  // What a busy machine could not ship in the seconds of a stop is on its disk: the next life ships it.
  await life();
  await until('all of it in reports', () => used() === 20_001 + 30_002 + 7_003);
  const reports = [...ledger.values()];
  for (const report of reports) expect(findImplausibility(report, Date.now())).toBeNull();
  const devices = cpu();
  const jobs = reports.flatMap((report) => report.jobs);
  const shares = jobs.flatMap((job) => job.devices.filter(({ id }) => id === 'cpu-0'));
  expect(sum(shares.map(({ energyMillijoules }) => energyMillijoules))).toBe(20_001 + 30_002);
  expect(sum(devices.map(({ idleMillijoules = 0 }) => idleMillijoules))).toBe(7_003);
  expect(jobs[0]).toMatchObject({ id: 'slurm:alps:4711', project: 'nlp', user: 'ada', phase: 'train' });
  expect(jobs[0]).not.toHaveProperty('attribution');
  expect(sources).toContain('jobs: slurm: 0 jobs');
}, 300_000);

test('doctor names every source of jobs, and what hides them', async () => {
  const host = await emptyHost();
  await host.write({ 'jobs/bad.json': '{', 'docker.sock': 'no socket' });
  const env = {
    WATTSHED_SYS_ROOT: host.paths.sysRoot,
    WATTSHED_PROC_ROOT: host.paths.procRoot,
    WATTSHED_STATE_DIR: join(host.root, 'state'),
    WATTSHED_JOB_FOLDER: join(host.root, 'jobs'),
    WATTSHED_DOCKER_SOCKET: join(host.root, 'docker.sock'),
  };
  const { out } = await run(agent, { args: ['doctor'], env });
  expect(out).toMatch(/^Jobs$/m);
  expect(out).toMatch(
    /!! {2}drop-files +found: 0 jobs in .*; bad.json is not valid JSON.*\n +fix: mend or remove/,
  );
  expect(out).toMatch(/-- {2}slurm +absent: /);
  expect(out).toMatch(/-- {2}kubernetes +absent: no kubelet socket/);
  expect(out).toMatch(/!! {2}docker +failed: Docker does not answer/);
});

test('users that are to be hashed need a salt: the setting is named', async () => {
  const host = await emptyHost();
  const salt = join(host.root, 'salt');
  const ended = (env: Record<string, string>) =>
    run(agent, {
      args: ['once'],
      env: {
        WATTSHED_SYS_ROOT: host.paths.sysRoot,
        WATTSHED_PROC_ROOT: host.paths.procRoot,
        WATTSHED_JOB_USERS: 'hashed',
        ...env,
      },
    });
  expect(await ended({})).toMatchObject({
    code: 2,
    err: expect.stringContaining('"jobUserSaltFile" must name a file'),
  });
  writeFileSync(salt, 'short\n');
  expect((await ended({ WATTSHED_JOB_USER_SALT_FILE: salt })).err).toContain('at least 16 characters');
  writeFileSync(salt, `${'s'.repeat(32)}\n`);
  expect((await ended({ WATTSHED_JOB_USER_SALT_FILE: salt })).code).toBe(0);
});
