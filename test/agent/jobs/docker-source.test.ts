/** The Docker Engine's socket, spoken to by real HTTP. */
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { sightingOfContainer } from '../../../agent/jobs/docker/container.ts';
import { createDockerSource } from '../../../agent/jobs/docker/docker-source.ts';
import { emptyHost } from '../sensors/host-tree.ts';
import { asNobody, METERS, readySightings } from './support.ts';

const ID = '2fa3e04b676df750842faf017052dd37ea0cc5bc7259a3487a1718c7fe100c94';
const OTHER = '09c89cd48b3597db904ab8e6920fef2cbf93588d037d9613ce362e25188f8ec6';

async function dockerWith(
  containers: Readonly<Record<string, unknown>>,
  listed: unknown = Object.keys(containers).map((Id) => ({ Id })),
) {
  const host = await emptyHost();
  await mkdir(`${host.root}/run`);
  const socket = `${host.root}/run/docker.sock`;
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const id = /containers\/([^/]+)\/json/.exec(request.url ?? '')?.[1];
    const reply = id === undefined ? listed : containers[id];
    response.statusCode = reply === undefined || reply === null ? 404 : 200;
    response.end(JSON.stringify(reply ?? { message: 'no such container' }));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  onTestFinished(() => void server.close());
  return { source: createDockerSource({ socket }), asked };
}

const gpuRequest = (request: object) => ({
  HostConfig: { DeviceRequests: [{ Driver: '', Capabilities: [['gpu']], ...request }] },
});

test('containers with their labels, each asked once; one that went meanwhile is no error', async () => {
  const { source, asked } = await dockerWith({
    [ID]: {
      ...gpuRequest({ Count: -1 }),
      Config: {
        Labels: { 'wattshed.project': 'nlp', 'wattshed.phase': 'train' },
        Env: ['WATTSHED_USER=ada'],
      },
    },
    [OTHER]: null,
  });
  const { jobs, vouches } = await readySightings(source);
  expect(vouches).toBe(false);
  expect(jobs).toMatchObject([
    {
      scheduler: 'docker',
      job: '2fa3e04b676d',
      incarnation: ID,
      user: 'ada',
      project: 'nlp',
      phase: 'train',
      gpus: ['all'],
    },
  ]);
  const before = asked.length;
  await readySightings(source);
  expect(asked.length).toBe(before + 1);
});

test('containers under one name are one job, which holds what each of them does', async () => {
  const named = (request: object) => ({
    ...gpuRequest(request),
    Config: { Labels: { 'wattshed.job': 'run-7' } },
  });
  const { source } = await dockerWith({
    [ID]: named({ DeviceIDs: ['0'] }),
    [OTHER]: named({ DeviceIDs: ['0', '1'] }),
  });
  expect((await readySightings(source)).jobs).toMatchObject([
    { job: 'run-7', gpus: ['0', '1'], owners: [ID, OTHER] },
  ]);
});

test('no socket is absent; one that may not be opened is told; one that says nonsense has failed', async () => {
  expect(await createDockerSource({ socket: '/nowhere/docker.sock' }).look(METERS)).toMatchObject({
    state: 'absent',
  });
  const { source } = await dockerWith({});
  expect(await asNobody(() => source.look(METERS))).toMatchObject({
    state: 'noData',
    fix: expect.stringContaining('jobSources'),
  });
  const odd = await dockerWith({}, { message: 'odd' });
  expect(await odd.source.look(METERS)).toMatchObject({
    state: 'failed',
    detail: expect.stringContaining('no list'),
  });
});

describe('a container', () => {
  const gpusOf = (json: object) => sightingOfContainer(ID, json)!.gpus;

  test('has the GPUs that were requested for it', () => {
    expect(gpusOf(gpuRequest({ Count: 2 }))).toEqual(['0', '1']);
    expect(gpusOf(gpuRequest({ DeviceIDs: ['GPU-a', '3'] }))).toEqual(['GPU-a', '3']);
    expect(gpusOf({ HostConfig: { DeviceRequests: [{ Driver: 'cdi', DeviceIDs: ['x'] }] } })).toEqual([]);
    expect(gpusOf({})).toEqual([]);
  });

  test('has what the variable names only with the runtime that reads it: images set it by themselves', () => {
    const Env = ['NVIDIA_VISIBLE_DEVICES=0,2'];
    expect(gpusOf({ Config: { Env }, HostConfig: { Runtime: 'nvidia' } })).toEqual(['0', '2']);
    expect(gpusOf({ Config: { Env }, HostConfig: { Runtime: 'runc' } })).toEqual([]);
    expect(
      gpusOf({ Config: { Env: ['NVIDIA_VISIBLE_DEVICES=void'] }, HostConfig: { Runtime: 'nvidia' } }),
    ).toEqual([]);
  });

  test('that only monitors holds nothing', () => {
    expect(
      gpusOf({ ...gpuRequest({ Count: -1 }), Config: { Env: ['NVIDIA_DRIVER_CAPABILITIES=utility'] } }),
    ).toEqual([]);
    expect(
      gpusOf({
        ...gpuRequest({ Count: -1 }),
        Config: { Env: ['NVIDIA_DRIVER_CAPABILITIES=compute,utility'] },
      }),
    ).toEqual(['all']);
  });

  test('has the CPUs that it is limited to', () => {
    const coresOf = (HostConfig: object) => sightingOfContainer(ID, { HostConfig })!.cores;
    expect(coresOf({ NanoCpus: 1_500_000_000 })).toBe(1.5);
    expect(coresOf({ CpuQuota: 300_000 })).toBe(3);
    expect(coresOf({ CpusetCpus: '0-3,8' })).toBe(5);
    expect(coresOf({})).toBeNull();
  });

  test('of a pod, or one that is to be ignored, is no job here', () => {
    expect(sightingOfContainer(ID, { Config: { Labels: { 'io.kubernetes.pod.uid': 'x' } } })).toBeNull();
    expect(sightingOfContainer(ID, { Config: { Labels: { 'wattshed.ignore': '' } } })).toBeNull();
    expect(sightingOfContainer(ID, { Config: { Labels: { 'wattshed.job': 'run-7' } } })).toMatchObject({
      job: 'run-7',
    });
  });
});
