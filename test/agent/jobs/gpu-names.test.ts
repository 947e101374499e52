import { expect, test } from 'vitest';
import { claimGpus, readGpuNames } from '../../../agent/jobs/gpu-names.ts';
import { emptyHost } from '../sensors/host-tree.ts';
import { gpuMeter, METERS } from './support.ts';

const information = (uuid: string, minor: number) =>
  `Model: \t\t NVIDIA H100 80GB HBM3\nGPU UUID: \t ${uuid}\nBus Type: \t PCIe\nDevice Minor: \t ${minor}\nGPU Excluded:\t No\n`;

test('a GPU is found by UUID, place, device file and PCI address', async () => {
  const host = await emptyHost();
  await host.write({
    'proc/driver/nvidia/gpus/0000:1b:00.0/information': information('GPU-a', 1),
    'proc/driver/nvidia/gpus/0000:43:00.0/information': information('GPU-b', 0),
  });
  const { find } = await readGpuNames(host.paths, METERS);
  const idOf = (name: string) => find(name)?.deviceId ?? null;
  expect(['GPU-c', '0', '1', 'minor:0', 'minor:1', '0000:1b:00.0', '9', 'GPU-z'].map(idOf)).toEqual([
    'GPU-c',
    'GPU-a',
    'GPU-b',
    'GPU-b',
    'GPU-a',
    'GPU-a',
    null,
    null,
  ]);
});

test('an AMD GPU is found by its PCI address, as the device plugin names it', async () => {
  const host = await emptyHost();
  await host.write({
    'sys/class/drm/card1/device/uevent': 'DRIVER=amdgpu\nPCI_ID=1002:74A1\nPCI_SLOT_NAME=0000:63:00.0\n',
    'sys/class/drm/card1/device/unique_id': 'e1f2a3b4c5d6e7f8\n',
  });
  const { find } = await readGpuNames(host.paths, [gpuMeter('amd-e1f2a3b4c5d6e7f8')]);
  expect(find('0000:63:00.0')?.deviceId).toBe('amd-e1f2a3b4c5d6e7f8');
});

const PARTITIONED = [
  gpuMeter('GPU-a', {
    partitions: [
      { id: 'MIG-1', ratio: 3 / 7 },
      { id: 'MIG-2', ratio: 2 / 7 },
    ],
  }),
  gpuMeter('GPU-b'),
];

test('what jobs hold: whole GPUs, turns and slices; a name that means nothing is an allocation that is not known', async () => {
  const names = await readGpuNames((await emptyHost()).paths, PARTITIONED);
  expect(
    claimGpus(names, [['GPU-b'], ['GPU-b::0', 'GPU-b::1'], ['MIG-1', 'MIG-2'], ['all'], ['GPU-z'], null, []]),
  ).toEqual([
    [{ deviceId: 'GPU-b', attribution: 'allocation', weight: 1 }],
    [{ deviceId: 'GPU-b', attribution: 'turns', weight: 2 }],
    [{ deviceId: 'GPU-a', attribution: 'slices', weight: 3 / 7 + 2 / 7 }],
    [
      { deviceId: 'GPU-a', attribution: 'allocation', weight: 1 },
      { deviceId: 'GPU-b', attribution: 'allocation', weight: 1 },
    ],
    null,
    null,
    [],
  ]);
});

test('jobs that take turns on a slice share that slice, not the GPU', async () => {
  const names = await readGpuNames((await emptyHost()).paths, PARTITIONED);
  const weights = claimGpus(names, [['MIG-1::0'], ['MIG-1::1', 'MIG-1::2']]).map(
    (claims) => claims![0]!.weight,
  );
  expect(weights[0]).toBeCloseTo(1 / 7, 12);
  expect(weights[1]).toBeCloseTo(2 / 7, 12);
});

test('beside partitions a number says nothing: they are numbered as well', async () => {
  const names = await readGpuNames((await emptyHost()).paths, PARTITIONED);
  expect(claimGpus(names, [['1'], ['minor:1']])).toEqual([null, null]);
});
