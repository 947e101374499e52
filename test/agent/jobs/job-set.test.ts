/** Sources together: one job of each, what they hold, and what is proven free. */
import { rm } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { createJobSet, type JobSetOptions } from '../../../agent/jobs/job-set.ts';
import type { JobSighting, JobSource } from '../../../agent/jobs/job-source.ts';
import { createJobSources } from '../../../agent/jobs/list.ts';
import type { Reading } from '../../../shared/metering/reading.ts';
import { epochMs, monotonicMs } from '../../../shared/units.ts';
import { emptyHost, type HostTree } from '../sensors/host-tree.ts';
import { manualClock } from '../sensors/manual-clock.ts';
import { gpuMeter, METERS, V2, writeSlurmJob } from './support.ts';

const clock = { wallNow: () => epochMs(1_764_000_000_000) };

function setOn(host: HostTree, changes: Partial<JobSetOptions> = {}) {
  return createJobSet({
    sources: createJobSources({
      paths: host.paths,
      clock,
      use: ['drop-files', 'slurm', 'kubernetes', 'docker'],
      thisHost: null,
      dropFolder: `${host.root}/jobs`,
      kubeletSocket: `${host.root}/kubelet.sock`,
      podLogFolder: `${host.root}/pods`,
      dockerSocket: `${host.root}/docker.sock`,
      dcgmExporter: null,
    }),
    paths: host.paths,
    clock: manualClock(),
    cluster: 'alps',
    users: 'name',
    userSalt: '',
    useProcesses: true,
    ...changes,
  });
}

function sighting(job: string, changes: Partial<JobSighting> = {}): JobSighting {
  return {
    scheduler: 'test',
    job,
    restart: null,
    cluster: null,
    incarnation: '1',
    owners: [job],
    user: null,
    project: null,
    phase: null,
    gpus: [],
    cores: 0,
    ...changes,
  };
}

function sourceOf(name: string, jobs: readonly JobSighting[], vouches = false): JobSource {
  return {
    name,
    watched: [],
    look: async () => ({ state: 'ready', value: { jobs, vouches }, detail: 'as told' }),
  };
}

const reading = (id: string, ...pids: readonly [number, number | null][]): Reading => ({
  meterId: `nvml:${id}`,
  atMs: monotonicMs(0),
  processes: pids.map(([pid, usedRatio]) => ({ pid, usedRatio })),
});

test('a drop file and the control group of one job are one job: labels of the one, the kernel\u2019s run of the other', async () => {
  const host = await emptyHost();
  await host.write({
    'jobs/slurm-7.json':
      '{"scheduler":"slurm","job":"7","restart":"2","user":"ada","project":"nlp","gpus":"0,1","cores":"8"}',
    'sys/devices/system/cpu/online': '0-31\n',
  });
  await writeSlurmJob(host, '7', { step_batch: { WATTSHED_PHASE: 'train' } }, { cpus: '0-15' });
  const set = setOn(host);
  const { jobs, allocation } = await set.look(METERS, []);
  expect(jobs).toEqual([
    {
      id: 'slurm:alps:7:2',
      user: 'ada',
      project: 'nlp',
      phase: 'train',
      gpus: ['GPU-a', 'GPU-b'],
      cores: 8,
      attribution: 'allocation',
    },
  ]);
  expect(allocation.gpus['GPU-c']).toEqual({ shares: [], restIdle: true });
  expect(allocation.host).toMatchObject({ shares: [{ fraction: 0.5 }], restIdle: true });
  expect(set.health().map(({ sensor, state }) => [sensor, state])).toEqual([
    ['jobs: drop-files', 'ready'],
    ['jobs: slurm', 'ready'],
    ['jobs: kubernetes', 'absent'],
    ['jobs: docker', 'absent'],
  ]);
});

test('drop files alone prove nothing idle; beside Slurm its free GPUs are', async () => {
  const host = await emptyHost();
  await host.write({ 'jobs/a.json': '{"job":"a","gpus":["0"]}' });
  const restIdle = async () => (await setOn(host).look(METERS, [])).allocation.gpus['GPU-d']!.restIdle;
  expect(await restIdle()).toBe(false);
  await host.write({ [`${V2}/system/cgroup.procs`]: '' });
  expect(await restIdle()).toBe(true);
});

describe('a job whose GPUs nobody tells', () => {
  test('holds those that its processes were seen on, marked, and nothing is idle', async () => {
    const host = await emptyHost();
    await writeSlurmJob(host, '7', {});
    await host.write({
      'proc/501/cgroup': '0::/system.slice/slurmstepd.scope/job_7/step_0/user/task_0\n',
      'proc/502/cgroup': '0::/user.slice/user-1000.slice/session-3.scope\n',
    });
    const readings = [reading('GPU-b', [501, null]), reading('GPU-c', [502, null])];
    const { jobs, allocation } = await setOn(host).look(METERS, readings);
    expect(jobs).toMatchObject([{ id: 'slurm:alps:7', gpus: ['GPU-b'], attribution: 'processes' }]);
    expect(allocation.gpus['GPU-b']).toMatchObject({ shares: [{ attribution: 'processes', fraction: 1 }] });
    expect(allocation.gpus['GPU-c']).toEqual({ shares: [], restIdle: false });
    const without = await setOn(host, { useProcesses: false }).look(METERS, readings);
    expect(without.jobs).toMatchObject([{ gpus: null, attribution: null }]);
  });

  test('and that no source knows is named by its control group', async () => {
    const host = await emptyHost();
    const container = '2fa3e04b676df750842faf017052dd37ea0cc5bc7259a3487a1718c7fe100c94';
    await host.write({ 'proc/9/cgroup': `0::/system.slice/docker-${container}.scope\n` });
    const { jobs } = await setOn(host).look(METERS, [reading('GPU-a', [9, null])]);
    expect(jobs).toMatchObject([{ id: 'docker:alps:2fa3e04b676d', attribution: 'processes' }]);
  });
});

test('a GPU that several jobs hold is split by what their processes use', async () => {
  const host = await emptyHost();
  for (const job of ['1', '2'])
    await host.write({
      [`jobs/${job}.json`]: `{"scheduler":"slurm","job":"${job}","gpus":["0"]}`,
      [`proc/${job}0/cgroup`]: `0::/system.slice/slurmstepd.scope/job_${job}/step_0\n`,
    });
  const shares = async (readings: readonly Reading[]) =>
    (await setOn(host).look(METERS, readings)).allocation.gpus['GPU-a']!.shares.map(
      ({ jobId, fraction, attribution }) => `${jobId} ${fraction.toFixed(2)} ${attribution}`,
    );
  expect(await shares([])).toEqual(['slurm:alps:1 0.50 turns', 'slurm:alps:2 0.50 turns']);
  expect(await shares([reading('GPU-a', [10, 0.2], [20, 0.6])])).toEqual([
    'slurm:alps:1 0.25 utilization',
    'slurm:alps:2 0.75 utilization',
  ]);
});

test('a partitioned GPU is split by slices; what no job holds of it stays apart', async () => {
  const host = await emptyHost();
  await host.write({ 'jobs/1.json': '{"job":"1","gpus":["MIG-1"]}' });
  const meters = [
    gpuMeter('GPU-a', {
      partitions: [
        { id: 'MIG-1', ratio: 3 / 7 },
        { id: 'MIG-2', ratio: 4 / 7 },
      ],
    }),
  ];
  const { allocation } = await setOn(host).look(meters, []);
  expect(allocation.gpus['GPU-a']!.shares).toMatchObject([{ fraction: 3 / 7, attribution: 'slices' }]);
});

test('Docker\u2019s containers are no jobs beside a scheduler that gives out the host', async () => {
  const host = await emptyHost();
  const set = setOn(host, {
    sources: [sourceOf('slurm', [], true), sourceOf('docker', [sighting('dcgm', { gpus: ['all'] })])],
  });
  expect((await set.look(METERS, [])).jobs).toEqual([]);
  expect(set.health()[1]).toMatchObject({ state: 'standby', detail: 'not used: slurm gives out this host' });
});

test('a source that hangs or throws holds nobody back; what it said holds for a minute, and nothing is idle meanwhile', async () => {
  const host = await emptyHost();
  const now = manualClock();
  let mode: 'tell' | 'throw' | 'hang' = 'tell';
  const shaky: JobSource = {
    name: 'shaky',
    watched: [],
    look: () => {
      if (mode === 'throw') return Promise.reject(new Error('broken'));
      if (mode === 'hang') return new Promise(() => {});
      return sourceOf('', [sighting('1', { gpus: ['0'] })], true).look([]);
    },
  };
  const set = setOn(host, {
    sources: [shaky, sourceOf('other', [sighting('2', { gpus: ['1'] })])],
    clock: now,
  });
  const ids = async () => (await set.look(METERS, [])).jobs.map(({ id }) => id);
  expect(await ids()).toEqual(['test:alps:1', 'test:alps:2']);
  mode = 'throw';
  expect(await ids()).toEqual(['test:alps:1', 'test:alps:2']);
  expect(set.health()[0]).toMatchObject({ state: 'failed', detail: expect.stringContaining('broken') });
  expect((await set.look(METERS, [])).allocation.gpus['GPU-d']!.restIdle).toBe(false);
  now.advance(61_000);
  expect(await ids()).toEqual(['test:alps:2']);
  mode = 'hang';
  expect(await ids()).toEqual(['test:alps:2']);
  expect(set.health()[0]).toMatchObject({ detail: 'no answer within 2 s' });
  // Its open question is not asked again, and costs no time any more.
  expect(await ids()).toEqual(['test:alps:2']);
});

describe('what leaves the host', () => {
  const userOf = async (users: JobSetOptions['users'], userSalt = '') =>
    (
      await setOn(await emptyHost(), {
        sources: [sourceOf('x', [sighting('1', { user: 'ada' })])],
        users,
        userSalt,
      }).look(METERS, [])
    ).allocation.labels['test:alps:1']!.user;

  test('of a user is the name, a hash that is the same on all hosts of one salt, or nothing', async () => {
    expect(await userOf('name')).toBe('ada');
    expect(await userOf('absent')).toBeUndefined();
    expect(await userOf('hashed', 'one salt of a fleet')).toMatch(/^[0-9a-f]{16}$/);
    expect(await userOf('hashed', 'one salt of a fleet')).toBe(await userOf('hashed', 'one salt of a fleet'));
    expect(await userOf('hashed', 'another salt, of another')).not.toBe(
      await userOf('hashed', 'one salt of a fleet'),
    );
  });

  test('is printable and bounded: one odd name would have every report refused', async () => {
    const odd = sighting('a:b', {
      project: `\u0007${'p'.repeat(300)}`,
      phase: '\n',
      user: 'Zo\u00eb \ud800',
    });
    const { jobs } = await setOn(await emptyHost(), { sources: [sourceOf('x', [odd])], cluster: null }).look(
      METERS,
      [],
    );
    expect(jobs).toMatchObject([
      { id: 'test:default:a_b', project: 'p'.repeat(256), phase: null, user: 'Zo\u00eb' },
    ]);
  });

  test('are 200 jobs at most', async () => {
    const many = Array.from({ length: 250 }, (_, index) => sighting(String(index)));
    const { jobs, allocation } = await setOn(await emptyHost(), {
      sources: [sourceOf('x', many, true)],
    }).look(METERS, []);
    expect(jobs).toHaveLength(200);
    expect(allocation.gpus['GPU-a']!.restIdle).toBe(false);
  });
});

test('a host that is one job is that job, by the operator\u2019s word', async () => {
  const host = await emptyHost();
  await host.write({ 'sys/devices/system/cpu/online': '0-7\n' });
  const sources = createJobSources({
    paths: host.paths,
    clock,
    use: ['slurm'],
    thisHost: { job: 'run-42', user: null, project: 'nlp', phase: 'train' },
    dropFolder: '',
    kubeletSocket: '',
    podLogFolder: '',
    dockerSocket: '',
    dcgmExporter: null,
  });
  const set = setOn(host, { sources, cluster: null });
  expect((await set.look(METERS, [])).allocation.host.shares).toMatchObject([
    { jobId: 'host:default:run-42', fraction: 1 },
  ]);
  const { jobs, allocation } = await set.look([], []);
  expect(jobs).toMatchObject([{ project: 'nlp', phase: 'train', cores: 8 }]);
  expect(allocation.host.shares).toMatchObject([{ fraction: 1 }]);
});

test('a job keeps its name and labels while its drop file is gone and its control group is not', async () => {
  const host = await emptyHost();
  await host.write({
    'jobs/7.json': '{"scheduler":"slurm","job":"7","restart":"2","user":"ada","gpus":"0"}',
  });
  await writeSlurmJob(host, '7', {});
  const set = setOn(host);
  const both = (await set.look(METERS, [])).jobs;
  await rm(`${host.root}/jobs/7.json`);
  expect((await set.look(METERS, [])).jobs).toEqual(both);
  await rm(`${host.root}/${V2}/job_7`, { recursive: true });
  await writeSlurmJob(host, '7', {});
  expect((await set.look(METERS, [])).jobs).toMatchObject([{ id: 'slurm:alps:7', user: null, gpus: null }]);
});

test('on a host without GPUs it does not matter that nobody tells which of them a job has', async () => {
  const host = await emptyHost();
  await host.write({
    'jobs/a.json': '{"job":"a","cores":2}',
    'sys/devices/system/cpu/online': '0-7\n',
    [`${V2}/system/cgroup.procs`]: '',
  });
  const { allocation } = await setOn(host).look([], []);
  expect(allocation.host).toMatchObject({ shares: [{ fraction: 0.25 }], restIdle: true });
});

test('when Slurm goes so do its jobs', async () => {
  const host = await emptyHost();
  await writeSlurmJob(host, '7', { step_batch: { SLURM_JOB_NUM_NODES: '1', SLURM_JOB_GPUS: '0' } });
  const set = setOn(host);
  expect((await set.look(METERS, [])).jobs).toHaveLength(1);
  await rm(`${host.root}/${V2}`, { recursive: true });
  expect((await set.look(METERS, [])).jobs).toEqual([]);
});
