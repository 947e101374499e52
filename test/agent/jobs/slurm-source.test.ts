import { chmod, rm } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { createSlurmSource } from '../../../agent/jobs/slurm/slurm-source.ts';
import { emptyHost } from '../sensors/host-tree.ts';
import { readyValue } from '../sensors/outcome.ts';
import { asNobody, METERS, readySightings, V2, writeSlurmJob } from './support.ts';

const BATCH = { SLURM_JOB_NUM_NODES: '1', SLURM_JOB_GPUS: '0,2-3', SLURM_GPUS_ON_NODE: '3' };

test('no slurmd: absent', async () => {
  const host = await emptyHost();
  expect(await createSlurmSource(host.paths).look(METERS)).toMatchObject({ state: 'absent' });
});

describe('cgroup version 2', () => {
  test('a job with its GPUs, CPUs, user, account and phase, from the environment of its processes', async () => {
    const host = await emptyHost();
    await writeSlurmJob(
      host,
      '4711',
      {
        step_batch: {
          ...BATCH,
          SLURM_CLUSTER_NAME: 'alps',
          SLURM_JOB_USER: 'ada',
          SLURM_JOB_ACCOUNT: 'nlp',
          SLURM_RESTART_COUNT: '2',
          WATTSHED_PHASE: 'train',
        },
      },
      { cpus: '0-15,32-47' },
    );
    const { jobs, vouches } = await readySightings(createSlurmSource(host.paths));
    expect(vouches).toBe(true);
    expect(jobs).toMatchObject([
      {
        scheduler: 'slurm',
        job: '4711',
        restart: '2',
        cluster: 'alps',
        user: 'ada',
        project: 'nlp',
        phase: 'train',
        gpus: ['minor:0', 'minor:2', 'minor:3'],
        cores: 32,
      },
    ]);
  });

  test('jobs come and go; one that starts anew under its number is another run', async () => {
    const host = await emptyHost();
    const source = createSlurmSource(host.paths);
    await writeSlurmJob(host, '1', { step_batch: BATCH });
    const [first] = (await readySightings(source)).jobs;
    await rm(`${host.root}/${V2}/job_1`, { recursive: true });
    expect((await readySightings(source)).jobs).toEqual([]);
    await writeSlurmJob(host, '1', { step_batch: { ...BATCH, SLURM_JOB_GPUS: '1' } });
    const [second] = (await readySightings(source)).jobs;
    expect(second).toMatchObject({ job: '1', gpus: ['minor:1'] });
    expect(second!.incarnation).not.toBe(first!.incarnation);
    expect(source.watched).toEqual([`${host.root}/${V2}`]);
  });

  test('several slurmd on a host are one', async () => {
    const host = await emptyHost();
    for (const node of ['n1', 'n2'])
      await writeSlurmJob(
        host,
        node === 'n1' ? '5' : '6',
        { step_batch: BATCH },
        { scope: `sys/fs/cgroup/system.slice/${node}_slurmstepd.scope` },
      );
    expect((await readySightings(createSlurmSource(host.paths))).jobs.map(({ job }) => job)).toEqual([
      '5',
      '6',
    ]);
  });

  test('a job that several slurmd of a host run has the devices and CPUs of all', async () => {
    const host = await emptyHost();
    const nodes = { n1: { SLURM_STEP_GPUS: '0,1' }, n2: { SLURM_STEP_GPUS: '2,3' } };
    for (const [index, [node, step]] of Object.entries(nodes).entries())
      await writeSlurmJob(
        host,
        '5',
        { step_0: { SLURM_JOB_NUM_NODES: '2', ...step } },
        {
          scope: `sys/fs/cgroup/system.slice/${node}_slurmstepd.scope`,
          cpus: index === 0 ? '0-15' : '16-31',
          firstPid: 50 + index,
        },
      );
    const outcome = await createSlurmSource(host.paths).look(METERS);
    expect(readyValue(outcome).jobs).toMatchObject([
      { job: '5', gpus: ['minor:0', 'minor:1', 'minor:2', 'minor:3'], cores: 32 },
    ]);
    expect(outcome.detail).toBe('1 job');
  });

  test('the name of the cluster is that of slurm.conf, so that it does not change with what can be read', async () => {
    const host = await emptyHost();
    await host.write({
      'etc/slurm/slurm.conf': '# ClusterName=old\n  clustername = alps\nNodeName=n[1-4]\n',
    });
    await writeSlurmJob(host, '1', {});
    expect((await readySightings(createSlurmSource(host.paths))).jobs[0]!.cluster).toBe('alps');
  });
});

describe('the GPUs of a job', () => {
  const gpusOf = async (steps: Parameters<typeof writeSlurmJob>[2]) => {
    const host = await emptyHost();
    await writeSlurmJob(host, '1', steps);
    return (await readySightings(createSlurmSource(host.paths))).jobs[0]!.gpus;
  };

  test('of several nodes are not those of the first one, which srun carries along', async () => {
    const carried = { SLURM_JOB_NUM_NODES: '2', SLURM_JOB_GPUS: '0,1', SLURM_GPUS_ON_NODE: '2' };
    expect(await gpusOf({ step_0: { ...carried, SLURM_STEP_GPUS: '2,3' } })).toEqual(['minor:2', 'minor:3']);
    expect(await gpusOf({ step_0: carried })).toBeNull();
    expect(await gpusOf({ step_batch: carried, step_0: { ...carried, SLURM_STEP_GPUS: '1' } })).toEqual([
      'minor:0',
      'minor:1',
    ]);
  });

  test('are named by UUID where CUDA is told so: partitions have no number', async () => {
    expect(await gpusOf({ step_batch: { ...BATCH, CUDA_VISIBLE_DEVICES: 'MIG-1,MIG-2' } })).toEqual([
      'MIG-1',
      'MIG-2',
    ]);
    expect(await gpusOf({ step_batch: { ...BATCH, CUDA_VISIBLE_DEVICES: '0' } })).toEqual([
      'minor:0',
      'minor:2',
      'minor:3',
    ]);
  });

  test('are none where Slurm counts none, and not known before a process tells', async () => {
    expect(await gpusOf({ step_batch: { SLURM_JOB_NUM_NODES: '1' } })).toEqual([]);
    expect(await gpusOf({})).toBeNull();
    // Somebody else's environment in the job's group.
    expect(await gpusOf({ step_batch: { ...BATCH, SLURM_JOB_ID: '99' } })).toBeNull();
  });

  test('that may not be read are told, with the fix', async () => {
    const host = await emptyHost();
    await writeSlurmJob(host, '1', { step_batch: BATCH });
    await chmod(`${host.root}/proc/10/environ`, 0);
    const outcome = await asNobody(() => createSlurmSource(host.paths).look(METERS));
    expect(outcome).toMatchObject({ state: 'ready', detail: expect.stringContaining('1 may not be read') });
    expect(outcome).toHaveProperty('value.fix', expect.stringContaining('CAP_SYS_PTRACE'));
  });
});

describe('cgroup version 1', () => {
  const job = (controller: string) => `sys/fs/cgroup/${controller}/slurm/uid_1000/job_4824887`;

  test('devices and CPUs are in the groups themselves', async () => {
    const host = await emptyHost();
    await host.write({
      [`${job('devices')}/devices.list`]:
        'c 1:3 rwm\nc 195:255 rw\nc 195:254 rw\nc 195:1 rwm\nc 195:2 rwm\nc 510:0 rwm\n',
      [`${job('cpuset')}/cpuset.cpus`]: '0-7\n',
      [`${job('memory')}/cgroup.procs`]: '77\n',
    });
    const source = createSlurmSource(host.paths);
    const { jobs } = await readySightings(source);
    expect(jobs).toMatchObject([{ job: '4824887', gpus: ['minor:1', 'minor:2'], cores: 8 }]);
    expect(source.watched).toContain(`${host.root}/sys/fs/cgroup/devices/slurm/uid_1000`);
  });

  test('a job of several slurmd has the devices and CPUs that each gave it', async () => {
    const host = await emptyHost();
    for (const [node, minor, cpus] of [
      ['n1', 0, '0-7'],
      ['n2', 1, '8-15'],
    ])
      await host.write({
        [`sys/fs/cgroup/devices/slurm_${node}/uid_1000/job_7/devices.list`]: `c 195:${minor} rwm\n`,
        [`sys/fs/cgroup/cpuset/slurm_${node}/uid_1000/job_7/cpuset.cpus`]: `${cpus}\n`,
      });
    expect((await readySightings(createSlurmSource(host.paths))).jobs).toMatchObject([
      { job: '7', gpus: ['minor:0', 'minor:1'], cores: 16 },
    ]);
  });

  test('devices that are not limited say nothing; the environment does', async () => {
    const host = await emptyHost();
    await host.write({
      [`${job('devices')}/devices.list`]: 'a *:* rwm\n',
      [`${job('devices')}/step_batch/cgroup.procs`]: '77\n',
      'proc/77/environ':
        'SLURM_JOB_ID=4824887\0SLURM_JOB_NUM_NODES=1\0SLURM_JOB_GPUS=3\0SLURM_CPUS_ON_NODE=12\0',
    });
    const { jobs } = await readySightings(createSlurmSource(host.paths));
    expect(jobs).toMatchObject([{ gpus: ['minor:3'], cores: 12 }]);
  });
});

test('on a host without GPUs a job has none, whatever it says', async () => {
  const host = await emptyHost();
  await writeSlurmJob(host, '1', {}, { cpus: '0-3' });
  expect((await readySightings(createSlurmSource(host.paths), [])).jobs).toMatchObject([
    { gpus: [], cores: 4 },
  ]);
});
