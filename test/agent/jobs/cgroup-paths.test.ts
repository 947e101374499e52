import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ownerOfProcess } from '../../../agent/jobs/cgroup-paths.ts';
import { fixture } from '../sensors/host-tree.ts';

const ownersIn = (name: string) =>
  readFileSync(fixture(`cgroup/${name}`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const owner = ownerOfProcess(line);
      if (owner === null) return null;
      return 'podUid' in owner
        ? `pod ${owner.podUid}`
        : 'job' in owner
          ? `job ${owner.job}`
          : `docker ${owner.container.slice(0, 4)}`;
    });

describe('recorded processes belong to', () => {
  test('pods, by either driver and every runtime', () => {
    expect(ownersIn('alloy.txt')).toEqual([
      'pod 471203d1-984f-477e-9c35-db96487ffe5e',
      'pod b57320a0-e7eb-4ac8-a791-4c4472796867',
      'pod 88f6f4e3-59c0-4ce8-9ecf-391c8b5a60ad',
      'pod f9a04ecc-1875-491b-926c-d2f64757704e',
      'pod 85adbef3-622f-4ef2-8f60-a8bdf3eb6c72',
      null,
    ]);
    expect(ownersIn('kepler-runtimes.txt')).toEqual([
      'pod eab5a334-93fe-48a8-b139-9e8079c1f163',
      'pod d0511cd2-29d2-4215-be0f-f77bc0609d99',
      'pod 2c9f8a79-5391-454b-88cb-86190881cb96',
      'docker 2fa3',
      'pod 0043435f-1854-4327-b76b-730f681a781d',
      'pod f6adb0af-0855-4bab-b25b-c853f18d0ce2',
      'pod 51b64565-2b17-4d46-83ac-22e398f2f7fb',
      'pod 5a89bcaa-3509-4375-83e1-b9e7a5712123',
      'pod 7922aa99-d4aa-4885-a953-82976860b23a',
      'pod dbdd9718-6f63-40ef-987e-34776599d7d6',
      // Podman has no scheduler.
      null,
      null,
      null,
      null,
      'pod 3cae2e45-052c-4b11-80d3-4d7b2d2d3464',
    ]);
  });

  test('containers of Docker', () => {
    expect(ownersIn('cadvisor-docker-v1.txt')).toEqual(['docker 09c8', 'docker 09c8']);
  });

  test('jobs of Slurm; its own daemon and a login session to none', () => {
    expect(ownersIn('slurm-v2-task.txt')).toEqual(['job 4']);
    expect(ownersIn('slurm-v2-stepd.txt')).toEqual([null]);
    expect(ownersIn('session.txt')).toEqual([null]);
  });
});

test.each([
  [
    'several slurmd on a host',
    '0::/system.slice/worker-1_slurmstepd.scope/job_4749/step_0/user/task_0',
    '4749',
  ],
  [
    'version 1',
    '7:devices:/slurm/uid_1000/job_4824887/step_batch\n2:pids:/user.slice/user-118.slice',
    '4824887',
  ],
  ['version 1, several slurmd', '7:devices:/slurm_worker-1/uid_1000/job_12/step_0', '12'],
])('a job of Slurm with %s', (_, text, job) => {
  expect(ownerOfProcess(text)).toEqual({ scheduler: 'slurm', job });
});

test.each([
  '',
  'no cgroup file at all',
  '0::/',
  '0::/user.slice/slurm/job_x',
  '0::/kubepods/pod12345',
  '0::/system.slice/docker-short.scope',
])('"%s" is nobody\u2019s', (text) => {
  expect(ownerOfProcess(text)).toBeNull();
});
