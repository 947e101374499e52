/** Recorded and composed hosts of five kinds, laid out as files: what the agent says of them is held whole. */
import { chmod, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { emptyHost, fixture, type HostTree } from '../sensors/host-tree.ts';
import { buildFakeNvml, type FakeGpu } from '../sensors/nvidia/fake-nvml.ts';

export interface GoldenHost {
  readonly tree: HostTree;
  readonly env: Readonly<Record<string, string>>;
  /** Without root's rights. */
  readonly unprivileged: boolean;
  /** The hardware goes on by a second. */
  tick(second: number): Promise<void>;
}

const cpuinfo = (name: string) => readFile(fixture(`hosts/${name}.txt`));

async function hostOf(files: Readonly<Record<string, string | Buffer>>): Promise<HostTree> {
  const tree = await emptyHost();
  await tree.write({
    'proc/sys/kernel/random/boot_id': '15d6b6e0-7043-4ccb-9bc2-a61704e1be85\n',
    'proc/sys/kernel/osrelease': '6.8.0-golden\n',
    'proc/sys/kernel/hostname': 'golden\n',
    'proc/stat': 'cpu0 100 0 0 900\n',
    'sys/class/dmi/id/product_uuid': '4c4c4544-0051-4810-8052-b4c04f4e4b32\n',
    ...files,
  });
  return tree;
}

const plain = (tree: HostTree): GoldenHost => ({ tree, env: {}, unprivileged: false, tick: async () => {} });

async function withNvml(
  tree: HostTree,
  gpus: readonly FakeGpu[],
  wattsOf: number,
  tickHost: (second: number) => Promise<void> = async () => {},
): Promise<GoldenHost> {
  const nvml = buildFakeNvml();
  onTestFinished(() => nvml.remove());
  const tick = async (second: number) => {
    await nvml.set(gpus.map((gpu) => ({ ...gpu, energy: 5_000_000 + Math.round(second * wattsOf * 1_000) })));
    await tickHost(second);
  };
  await tick(0);
  return { ...plain(tree), env: { WATTSHED_NVML_LIBRARY: nvml.libraryPath }, tick };
}

/** A reader sees the old or the new text, as of a kernel's file, never half of one. */
async function replace(tree: HostTree, path: string, text: string): Promise<void> {
  await tree.write({ [`${path}.new`]: text });
  await rename(join(tree.root, `${path}.new`), join(tree.root, path));
}

/** Writes RAPL's counters anew: microjoules at so many watts. */
const raplAt = (tree: HostTree, watts: Readonly<Record<string, number>>) => async (second: number) => {
  for (const [zone, power] of Object.entries(watts)) {
    const energy = 10_000_000 + Math.round(second * power * 1_000_000);
    await replace(tree, `sys/class/powercap/${zone}/energy_uj`, `${energy}\n`);
  }
};

/** Its CPUs are busy for a tenth of the time. */
const load = (tree: HostTree, cpus: number) => (second: number) =>
  replace(
    tree,
    'proc/stat',
    Array.from(
      { length: cpus },
      (_, cpu) => `cpu${cpu} ${100 + Math.round(second * 10)} 0 0 ${900 + Math.round(second * 90)}\n`,
    ).join(''),
  );

const RAPL_NAMES = {
  'intel-rapl:0': 'package-0',
  'intel-rapl:0:0': 'dram',
  'intel-rapl:1': 'package-1',
  'intel-rapl:1:0': 'dram',
};

async function dualSocket(extra: Readonly<Record<string, string | Buffer>> = {}): Promise<HostTree> {
  const tree = await hostOf({
    'proc/cpuinfo': await cpuinfo('cpuinfo-2-sockets'),
    'proc/meminfo': 'MemTotal: 2113000000 kB\n',
    ...extra,
  });
  for (const [zone, name] of Object.entries(RAPL_NAMES))
    await tree.write({
      [`sys/class/powercap/${zone}/name`]: `${name}\n`,
      [`sys/class/powercap/${zone}/max_energy_range_uj`]: '262143328850\n',
    });
  await raplAt(tree, { 'intel-rapl:0': 0, 'intel-rapl:0:0': 0, 'intel-rapl:1': 0, 'intel-rapl:1:0': 0 })(0);
  return tree;
}

export const GOLDEN_HOSTS: Readonly<Record<string, () => Promise<GoldenHost>>> = {
  'dgx-h100': async () => {
    const tree = await dualSocket({ 'proc/driver/nvidia/version': 'NVRM version: 550.54.15\n' });
    const gpus = Array.from({ length: 8 }, (_, index) => ({
      uuid: `GPU-1b3c5d7e-0000-4000-8000-00000000000${index}`,
      power: 640_000,
      processes: index < 6 ? 1 : 0,
      utilization: index < 6 ? 97 : 0,
    }));
    const rapl = { 'intel-rapl:0': 210, 'intel-rapl:0:0': 38, 'intel-rapl:1': 195, 'intel-rapl:1:0': 36 };
    return withNvml(tree, gpus, 640, raplAt(tree, rapl));
  },

  'dual-socket-without-rights': async () => {
    const tree = await dualSocket();
    for (const zone of Object.keys(RAPL_NAMES))
      await chmod(join(tree.root, `sys/class/powercap/${zone}/energy_uj`), 0o000);
    return { ...plain(tree), unprivileged: true, tick: load(tree, 16) };
  },

  'amd-mi300': async () => {
    const card = (index: number) => ({
      [`sys/class/drm/card${index}/device/uevent`]: `DRIVER=amdgpu\nPCI_ID=1002:74A1\nPCI_SLOT_NAME=0000:0${index}:00.0\n`,
      [`sys/class/drm/card${index}/device/product_name`]: 'AMD Instinct MI300X\n',
      [`sys/class/drm/card${index}/device/unique_id`]: `946d7e1ef9b172d${index}\n`,
      [`sys/class/drm/card${index}/device/gpu_busy_percent`]: '100\n',
      [`sys/class/drm/card${index}/device/hwmon/hwmon${index}/name`]: 'amdgpu\n',
      [`sys/class/drm/card${index}/device/hwmon/hwmon${index}/power1_input`]: '702000000\n',
    });
    const tree = await dualSocket(
      Object.assign({}, ...Array.from({ length: 8 }, (_, index) => card(index + 1))),
    );
    const rapl = { 'intel-rapl:0': 310, 'intel-rapl:0:0': 40, 'intel-rapl:1': 305, 'intel-rapl:1:0': 41 };
    return { ...plain(tree), tick: raplAt(tree, rapl) };
  },

  'virtual-machine': async () => {
    const tree = await hostOf({
      'proc/cpuinfo': await cpuinfo('cpuinfo-epyc-vm-2-threads'),
      'proc/meminfo': 'MemTotal: 24684092 kB\n',
    });
    return { ...plain(tree), tick: load(tree, 2) };
  },

  gh200: async () => {
    const tree = await hostOf({
      'proc/cpuinfo': await cpuinfo('cpuinfo-grace'),
      'proc/meminfo': 'MemTotal: 501000000 kB\n',
      'proc/driver/nvidia/version': 'NVRM version: 560.35.03\n',
    });
    for (const [index, name] of [
      'Module Power Socket 0',
      'Grace Power Socket 0',
      'CPU Power Socket 0',
    ].entries())
      await tree.write({
        [`sys/class/hwmon/hwmon${index}/name`]: 'power_meter\n',
        [`sys/class/hwmon/hwmon${index}/power1_average`]: `${(3 - index) * 150}000000\n`,
        [`sys/class/hwmon/hwmon${index}/power1_oem_info`]: `${name}\n`,
      });
    const gpu = {
      uuid: 'GPU-9a8b7c6d-0000-4000-8000-000000000000',
      name: 'NVIDIA GH200 480GB',
      power: 410_000,
      moduleAverage: 560_000,
    };
    return withNvml(tree, [gpu], 560);
  },
};
