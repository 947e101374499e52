/** The scripts that Slurm runs, as real processes. */
import { spawnSync } from 'node:child_process';
import { chmod, readdir, readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { createDropFileSource } from '../../../agent/jobs/drop-files/drop-file-source.ts';
import { parseDropFile } from '../../../agent/jobs/drop-files/parse-drop-file.ts';
import { epochMs } from '../../../shared/units.ts';
import { emptyHost } from '../sensors/host-tree.ts';
import { readySightings } from './support.ts';

const script = (name: string) => fileURLToPath(new URL(`../../../deploy/slurm/${name}.sh`, import.meta.url));

function runScript(name: 'prolog' | 'epilog', folder: string, env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync('/bin/sh', [script(name)], {
    env: { PATH: process.env.PATH ?? '', WATTSHED_JOB_FOLDER: folder, ...env },
    encoding: 'utf8',
  });
  return { status, said: stdout + stderr };
}

const QUIET = { status: 0, said: '' };

test('the prolog tells the job, the epilog takes it back', async () => {
  const { root } = await emptyHost();
  const folder = `${root}/run/wattshed/jobs`;
  const env = {
    SLURM_JOB_ID: '4711',
    SLURM_CLUSTER_NAME: 'alps',
    SLURM_JOB_USER: 'ada',
    SLURM_JOB_ACCOUNT: 'a "quoted" \\ account\n\u0007',
    SLURM_JOB_GPUS: '0,2-3',
    CUDA_VISIBLE_DEVICES: '0,1,2',
    SLURM_CPUS_ON_NODE: '24',
    SLURM_JOB_END_TIME: '1764000000',
    SLURM_RESTART_COUNT: '0',
  };
  expect(runScript('prolog', folder, env)).toEqual(QUIET);
  expect(await readdir(folder)).toEqual(['slurm-4711.json']);
  expect((await stat(folder)).mode & 0o777).toBe(0o755);
  expect((await stat(`${folder}/slurm-4711.json`)).mode & 0o777).toBe(0o644);
  expect(parseDropFile(await readFile(`${folder}/slurm-4711.json`, 'utf8'))).toEqual({
    scheduler: 'slurm',
    cluster: 'alps',
    job: '4711',
    restart: null,
    user: 'ada',
    project: 'a "quoted" \\ account',
    phase: null,
    gpus: ['0', '2', '3'],
    cores: 24,
    until: 1_764_000_000,
  });
  expect(runScript('epilog', folder, { SLURM_JOB_ID: '4711' })).toEqual(QUIET);
  expect(await readdir(folder)).toEqual([]);
});

test('two slurmd of a host each tell what they gave the job, and take back their own', async () => {
  const { root } = await emptyHost();
  const env = { SLURM_JOB_ID: '7', SLURM_CPUS_ON_NODE: '8' };
  expect(runScript('prolog', root, { ...env, SLURMD_NODENAME: 'n1', SLURM_JOB_GPUS: '0,1' })).toEqual(QUIET);
  expect(runScript('prolog', root, { ...env, SLURMD_NODENAME: 'n2', SLURM_JOB_GPUS: '2' })).toEqual(QUIET);
  // A name that is none goes nowhere near a path.
  expect(runScript('prolog', root, { SLURM_JOB_ID: '8', SLURMD_NODENAME: '../n3' })).toEqual(QUIET);
  expect((await readdir(root)).sort()).toEqual(['slurm-7.n1.json', 'slurm-7.n2.json', 'slurm-8.json']);
  const source = createDropFileSource({ folder: root, clock: { wallNow: () => epochMs(0) } });
  const { jobs } = await readySightings(source);
  expect(jobs).toMatchObject([
    { job: '7', gpus: ['minor:0', 'minor:1', 'minor:2'], cores: 16 },
    { job: '8', cores: null },
  ]);
  expect(runScript('epilog', root, { SLURM_JOB_ID: '7', SLURMD_NODENAME: 'n1' })).toEqual(QUIET);
  expect((await readdir(root)).sort()).toEqual(['slurm-7.n2.json', 'slurm-8.json']);
  // A file without the node's name is of a prolog that did not know it yet.
  expect(runScript('epilog', root, { SLURM_JOB_ID: '8', SLURMD_NODENAME: 'n1' })).toEqual(QUIET);
  expect(await readdir(root)).toEqual(['slurm-7.n2.json']);
});

test('partitions are told by UUID, a restart by its number, and what Slurm does not tell is left out', async () => {
  const { root } = await emptyHost();
  const env = {
    SLURM_JOB_ID: '1',
    SLURM_JOB_GPUS: '0',
    CUDA_VISIBLE_DEVICES: 'MIG-a,MIG-b',
    SLURM_RESTART_COUNT: '3',
  };
  expect(runScript('prolog', root, env)).toEqual(QUIET);
  expect(parseDropFile(await readFile(`${root}/slurm-1.json`, 'utf8'))).toMatchObject({
    gpus: ['MIG-a', 'MIG-b'],
    restart: '3',
    cluster: null,
    user: null,
    cores: null,
    until: null,
  });
});

test.each([
  ['without a job', {}],
  ['with a job whose number is a path', { SLURM_JOB_ID: '../../etc/passwd' }],
])('%s neither does anything, and neither fails', async (_, env: Record<string, string>) => {
  const { root } = await emptyHost();
  for (const name of ['prolog', 'epilog'] as const) expect(runScript(name, root, env)).toEqual(QUIET);
  expect(await readdir(root)).toEqual([]);
});

test('a folder that takes no files fails no job', async () => {
  const { root } = await emptyHost();
  await chmod(root, 0o555);
  const unwritable = process.getuid?.() === 0 ? '/proc/wattshed' : `${root}/jobs`;
  for (const name of ['prolog', 'epilog'] as const)
    expect(runScript(name, unwritable, { SLURM_JOB_ID: '1' })).toEqual(QUIET);
  await chmod(root, 0o755);
});
