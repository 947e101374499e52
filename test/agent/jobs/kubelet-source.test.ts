/** The kubelet's socket, spoken to by real HTTP/2. The messages are composed by the public definition of podresources v1. */
import { mkdir } from 'node:fs/promises';
import http2 from 'node:http2';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createKubeletSource } from '../../../agent/jobs/kubernetes/kubelet-source.ts';
import { parsePodResources } from '../../../agent/jobs/kubernetes/pod-resources.ts';
import { emptyHost, type HostTree } from '../sensors/host-tree.ts';
import { asNobody, environ, METERS, readySightings } from './support.ts';

type Part = readonly [number: number, value: string | Buffer | number];

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
}

/** A protobuf message of texts, messages and numbers. */
function message(...parts: readonly Part[]): Buffer {
  return Buffer.concat(
    parts.map(([number, value]) => {
      if (typeof value === 'number') return Buffer.from([...varint(number * 8), ...varint(value)]);
      const bytes = Buffer.from(value);
      return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
    }),
  );
}

interface Container {
  readonly devices?: Readonly<Record<string, readonly string[]>>;
  readonly cpus?: readonly number[];
  readonly claims?: boolean;
}

function pod(namespace: string, name: string, ...containers: readonly Container[]): Buffer {
  return message(
    [1, name],
    [2, namespace],
    ...containers.map(
      ({ devices = {}, cpus = [], claims = false }): Part => [
        3,
        message(
          [1, 'main'],
          ...Object.entries(devices).map(
            // With a topology, which is not read: { nodes: [{ ID: 1 }] }.
            ([resource, ids]): Part => [
              2,
              message([1, resource], ...ids.map((id): Part => [2, id]), [3, message([1, message([1, 1])])]),
            ],
          ),
          // Packed, as proto3 writes numbers.
          ...(cpus.length > 0 ? [[3, Buffer.from(cpus.flatMap(varint))] as Part] : []),
          ...(claims ? [[5, message([2, 'claim'])] as Part] : []),
        ),
      ],
    ),
  );
}

const list = (...pods: readonly Buffer[]) => message(...pods.map((each): Part => [1, each]));

interface Kubelet {
  reply: Buffer;
  status: string;
  message: string;
  silent: boolean;
  readonly asked: Record<string, unknown>[];
}

async function kubeletOn(host: HostTree): Promise<Kubelet> {
  const kubelet: Kubelet = { reply: list(), status: '0', message: 'not%20now', silent: false, asked: [] };
  await mkdir(`${host.root}/run`, { recursive: true });
  const server = http2.createServer();
  server.on('stream', (stream, headers) => {
    kubelet.asked.push(headers);
    if (kubelet.silent) return;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () =>
      stream.sendTrailers({ 'grpc-status': kubelet.status, 'grpc-message': kubelet.message }),
    );
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(kubelet.reply.length, 1);
    stream.end(Buffer.concat([prefix, kubelet.reply]));
  });
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => sessions.add(session));
  await new Promise<void>((resolve) => server.listen(`${host.root}/run/kubelet.sock`, resolve));
  onTestFinished(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return kubelet;
}

const sourceOn = (host: HostTree) =>
  createKubeletSource({
    paths: host.paths,
    socket: `${host.root}/run/kubelet.sock`,
    podLogFolder: `${host.root}/logs`,
  });

const UID = '471203d1-984f-477e-9c35-db96487ffe5e';

describe('pods', () => {
  test('hold the devices that the kubelet gave them; those without hold none', async () => {
    const host = await emptyHost();
    const kubelet = await kubeletOn(host);
    kubelet.reply = list(
      pod(
        'ns1',
        'train-0',
        { devices: { 'nvidia.com/gpu': ['GPU-a', 'GPU-b'] } },
        { devices: { 'rdma/hca': ['mlx5_0'] } },
      ),
      pod(
        'ns2',
        'shared',
        { devices: { 'nvidia.com/gpu': ['GPU-c::0', 'GPU-c::1'] } },
        { devices: { 'nvidia.com/mig-1g.10gb': ['MIG-1'] } },
      ),
      pod('kube-system', 'proxy', {}),
    );
    const { jobs, vouches } = await readySightings(sourceOn(host));
    expect(vouches).toBe(true);
    expect(jobs.map(({ scheduler, job, project, gpus }) => [scheduler, job, project, gpus])).toEqual([
      ['k8s', 'ns1/train-0', 'ns1', ['GPU-a', 'GPU-b']],
      ['k8s', 'ns2/shared', 'ns2', ['GPU-c::0', 'GPU-c::1', 'MIG-1']],
      ['k8s', 'kube-system/proxy', 'kube-system', []],
    ]);
    expect(kubelet.asked[0]).toMatchObject({
      ':path': '/v1.PodResourcesLister/List',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
  });

  test('that hold devices by claims are not known to hold anything', async () => {
    const host = await emptyHost();
    (await kubeletOn(host)).reply = list(pod('ns', 'dra', { claims: true }));
    const outcome = await sourceOn(host).look(METERS);
    expect(outcome.detail).toContain('1 hold devices by claims (DRA)');
    expect(outcome).toHaveProperty('value.jobs.0.gpus', null);
  });

  test.each([
    [
      'systemd driver, version 2',
      `kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UID.replaceAll('-', '_')}.slice`,
    ],
    ['systemd driver, a guaranteed pod', `kubepods.slice/kubepods-pod${UID.replaceAll('-', '_')}.slice`],
    ['cgroupfs driver, version 2', `kubepods/burstable/pod${UID}`],
    [
      'kubelet in a container',
      `kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod${UID.replaceAll('-', '_')}.slice`,
    ],
  ])('have their CPU limit, phase and project of their own by their groups: %s', async (_, group) => {
    const host = await emptyHost();
    (await kubeletOn(host)).reply = list(pod('ns', 'train', {}));
    await host.write({
      [`logs/ns_train_${UID}/main/0.log`]: '',
      // The pod of that name before, whose logs are kept.
      'logs/ns_train_00000000-0000-0000-0000-000000000000/main/0.log': '',
      [`sys/fs/cgroup/${group}/cpu.max`]: '250000 100000\n',
      [`sys/fs/cgroup/${group}/cri-containerd-1.scope/cgroup.procs`]: '31\n',
      'proc/31/environ': environ({ WATTSHED_PHASE: 'eval', WATTSHED_PROJECT: 'vision' }),
    });
    expect((await readySightings(sourceOn(host))).jobs).toMatchObject([
      { incarnation: UID, cores: 2.5, phase: 'eval', project: 'vision' },
    ]);
  });

  test('of version 1 have their limit by quota and period, and without one no known cores', async () => {
    const host = await emptyHost();
    (await kubeletOn(host)).reply = list(
      pod('ns', 'train', {}),
      pod('ns', 'free', {}),
      pod('ns', 'pinned', { cpus: [4, 5, 200] }),
    );
    const other = '85adbef3-622f-4ef2-8f60-a8bdf3eb6c72';
    await host.write({
      [`logs/ns_train_${UID}/x`]: '',
      [`logs/ns_free_${other}/x`]: '',
      [`sys/fs/cgroup/cpu,cpuacct/kubepods/burstable/pod${UID}/cpu.cfs_quota_us`]: '400000\n',
      [`sys/fs/cgroup/cpu,cpuacct/kubepods/burstable/pod${UID}/cpu.cfs_period_us`]: '100000\n',
      [`sys/fs/cgroup/cpu,cpuacct/kubepods/besteffort/pod${other}/cpu.cfs_quota_us`]: '-1\n',
      [`sys/fs/cgroup/cpu,cpuacct/kubepods/besteffort/pod${other}/cpu.cfs_period_us`]: '100000\n',
    });
    expect((await readySightings(sourceOn(host))).jobs.map(({ cores }) => cores)).toEqual([4, null, 3]);
  });
});

describe('a kubelet that', () => {
  test('is not there is absent', async () => {
    expect(await sourceOn(await emptyHost()).look(METERS)).toMatchObject({ state: 'absent' });
  });

  test('may not be asked is told, with the fix', async () => {
    const host = await emptyHost();
    await kubeletOn(host);
    const source = sourceOn(host);
    expect(await asNobody(() => source.look(METERS))).toMatchObject({
      state: 'noData',
      detail: expect.stringContaining('EACCES'),
      fix: expect.stringContaining('setfacl -m u:wattshed:rw'),
    });
  });

  test('answers with an error, with rubbish or not at all has failed', async () => {
    const host = await emptyHost();
    const kubelet = await kubeletOn(host);
    const source = sourceOn(host);
    kubelet.status = '14';
    expect(await source.look(METERS)).toMatchObject({
      state: 'failed',
      detail: expect.stringContaining('gRPC status 14: not now'),
    });
    kubelet.message = '50% of it';
    expect(await source.look(METERS)).toMatchObject({
      state: 'failed',
      detail: expect.stringContaining('gRPC status 14: 50% of it'),
    });
    kubelet.status = '0';
    kubelet.reply = Buffer.from([10, 200, 1]);
    expect(await source.look(METERS)).toMatchObject({
      state: 'failed',
      detail: expect.stringContaining('ends within a field'),
    });
    kubelet.silent = true;
    expect(await source.look(METERS)).toMatchObject({
      state: 'failed',
      detail: expect.stringContaining('no answer within'),
    });
    kubelet.silent = false;
    kubelet.reply = list();
    expect(await source.look(METERS)).toMatchObject({ state: 'ready' });
  });
});

test('fields that are not known are passed over, damaged ones refused', () => {
  const future = message([1, message([1, 'p'], [2, 'n'], [77, 'new'], [78, 300])]);
  expect(parsePodResources(future)).toMatchObject([{ name: 'p', namespace: 'n' }]);
  expect(parsePodResources(Buffer.concat([Buffer.from([21, 1, 2, 3, 4]), future]))).toHaveLength(1);
  expect(() => parsePodResources(Buffer.from([11]))).toThrow(/wire type 3/);
  expect(() => parsePodResources(Buffer.alloc(20, 255))).toThrow(/has no end/);
});
