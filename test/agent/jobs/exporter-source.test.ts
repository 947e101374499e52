/** Jobs by the labels of a dcgm-exporter that is served here: a recorded scrape and some composed ones. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createExporterSource } from '../../../agent/jobs/exporter/exporter-source.ts';
import { createJobSet } from '../../../agent/jobs/job-set.ts';
import type { JobSource } from '../../../agent/jobs/job-source.ts';
import { parseDcgmMetrics } from '../../../agent/sensors/nvidia/dcgm-metrics.ts';
import { emptyHost, fixture } from '../sensors/host-tree.ts';
import { manualClock } from '../sensors/manual-clock.ts';
import { gpuMeter, METERS, readySightings } from './support.ts';

/** A sample of each GPU with these labels beside its UUID. */
const scrape = (...samples: readonly (readonly [uuid: string, labels: string])[]) =>
  samples
    .map(([uuid, labels]) => `DCGM_FI_DEV_POWER_USAGE{UUID="${uuid}",modelName="NVIDIA H100"${labels}} 90\n`)
    .join('');

async function exporterOf(text: string): Promise<JobSource> {
  const server = createServer((_, response) => response.end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return createExporterSource(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
}

const heldBy = async (source: JobSource, meters = METERS) =>
  (await readySightings(source, meters)).jobs.map(({ scheduler, job, gpus }) => [scheduler, job, gpus]);

describe('the labels of an exporter', () => {
  test('name the pod of one of eight recorded GPUs', async () => {
    const text = await readFile(
      fixture('dcgm-exporter/nvidia_aicr__h100x8_one_gpu_with_pod_labels.prom'),
      'utf8',
    );
    const source = await exporterOf(text);
    const outcome = await source.look(METERS);
    expect(outcome.detail).toMatch(/^1 job on 1 of 8 GPUs from http:.*, by their labels$/);
    expect((await readySightings(source)).vouches).toBe(false);
    expect((await readySightings(source)).jobs).toMatchObject([
      {
        scheduler: 'k8s',
        job: 'dynamo-workload/vllm-agg-0-vllmdecodeworker-s65j5',
        project: 'dynamo-workload',
        gpus: ['GPU-c4529c8d-69c4-b61d-e0bc-7b2460096005'],
        owners: [],
      },
    ]);
  });

  test('in the older spelling, and of a pod with two containers on three GPUs', async () => {
    const source = await exporterOf(
      scrape(
        ['GPU-a', ',pod_name="train-0",pod_namespace="nlp",container_name="main"'],
        ['GPU-b', ',pod="train-0",namespace="nlp",container="main",pod_uid="uid-1"'],
        ['GPU-c', ',pod="train-0",namespace="nlp",container="side"'],
        ['GPU-d', ',pod="",namespace=""'],
      ),
    );
    expect(await heldBy(source)).toEqual([['k8s', 'nlp/train-0', ['GPU-a', 'GPU-b', 'GPU-c']]]);
  });

  test('name HPC jobs, several on one GPU among them; numbers are Slurm\u2019s', async () => {
    const source = await exporterOf(
      scrape(
        ['GPU-a', ',hpc_job="4711"'],
        ['GPU-b', ',hpc_job="4711"'],
        ['GPU-b', ',hpc_job="4712"'],
        ['GPU-c', ',hpc_job="88.pbs-server"'],
        ['GPU-d', ',hpc_job="no name\\"at all"'],
      ),
    );
    expect(await heldBy(source)).toEqual([
      ['slurm', '4711', ['GPU-a', 'GPU-b']],
      ['slurm', '4712', ['GPU-b']],
      ['job', '88.pbs-server', ['GPU-c']],
    ]);
  });

  test('of instances tell which part of the GPU a pod holds, where the exporter meters it', async () => {
    const text = scrape(
      ['GPU-a', ',GPU_I_PROFILE="3g.40gb",GPU_I_ID="1",pod="x",namespace="ns"'],
      ['GPU-a', ',GPU_I_PROFILE="1c.2g.20gb",GPU_I_ID="3",pod="y",namespace="ns"'],
    );
    const source = await exporterOf(text);
    const [gpu] = parseDcgmMetrics(text).gpus;
    expect(gpu?.partitions).toEqual([
      { id: 'GPU-a/1', ratio: 3 / 7 },
      { id: 'GPU-a/3', ratio: 2 / 7 },
    ]);
    const meters = [gpuMeter('GPU-a', { partitions: gpu?.partitions ?? [] })];
    const set = createJobSet({
      sources: [source],
      paths: (await emptyHost()).paths,
      clock: manualClock(),
      cluster: null,
      users: 'name',
      userSalt: '',
      useProcesses: false,
    });
    expect((await set.look(meters, [])).allocation.gpus['GPU-a']).toMatchObject({
      shares: [
        { jobId: 'k8s:default:ns/x', fraction: 3 / 7, attribution: 'slices' },
        { jobId: 'k8s:default:ns/y', fraction: 2 / 7, attribution: 'slices' },
      ],
      restIdle: false,
    });
    // NVML names instances by UUIDs of their own: nobody can tell which is which.
    expect(await heldBy(source)).toEqual([
      ['k8s', 'ns/x', null],
      ['k8s', 'ns/y', null],
    ]);
  });

  test('are not looked for where no exporter is configured, or gone with it', async () => {
    expect(await createExporterSource(null).look(METERS)).toMatchObject({
      state: 'absent',
      detail: expect.stringContaining('"dcgmExporter"'),
    });
    expect(await createExporterSource('http://127.0.0.1:9/metrics').look(METERS)).toMatchObject({
      state: 'noData',
    });
  });
});

test('beside a scheduler that answers itself the exporter stands by: it is second-hand and late', async () => {
  const exporter = await exporterOf(scrape(['GPU-a', ',pod="gone",namespace="ns"']));
  const kubelet: JobSource = {
    name: 'kubernetes',
    watched: [],
    look: async () => ({ state: 'ready', value: { jobs: [], vouches: true }, detail: 'no pod' }),
  };
  const set = createJobSet({
    sources: [kubelet, exporter],
    paths: (await emptyHost()).paths,
    clock: manualClock(),
    cluster: null,
    users: 'name',
    userSalt: '',
    useProcesses: false,
  });
  const { jobs, allocation } = await set.look(METERS, []);
  expect(jobs).toEqual([]);
  expect(allocation.gpus['GPU-a']).toEqual({ shares: [], restIdle: true });
  expect(set.health()[1]).toEqual({
    sensor: 'jobs: dcgm-exporter',
    state: 'standby',
    detail: 'not used: kubernetes gives out this host',
  });
});
