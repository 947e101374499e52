/** The host of the benchmark: eight busy GPUs behind a real NVML path, two sockets with RAPL, two jobs. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of a call that asks a GPU; see busy-gpus.c. */
const CALL_NANOSECONDS = 50_000;
/** As busy-gpus.c names them. */
export const GPU_IDS = [0, 1, 2, 3, 4, 5, 6, 7].map(
  (index) => `GPU-00000000-0000-4000-8000-00000000000${index}`,
);
/** As busy-gpus.c names the first process; each GPU has one. */
const FIRST_PID = 4000;
const RAPL_WRAPS_AT = 262_143_328_850;
const RAPL_WATTS = { 'intel-rapl:0': 210, 'intel-rapl:0:0': 38, 'intel-rapl:1': 195, 'intel-rapl:1:0': 36 };
const RAPL_NAMES = {
  'intel-rapl:0': 'package-0',
  'intel-rapl:0:0': 'dram',
  'intel-rapl:1': 'package-1',
  'intel-rapl:1:0': 'dram',
};

export interface BenchHost {
  readonly env: Readonly<Record<string, string>>;
  /** The hardware goes on: call it each second. */
  tick(): void;
}

/**
 * @param folder of memory, as what a kernel tells is and the jobs' folder by default
 * @param library where the stand-in for NVML is put: a file system of memory may refuse to run it
 * @throws Error where this machine has no C compiler
 */
export function makeHost(folder: string, library: string): BenchHost {
  const source = new URL('busy-gpus.c', import.meta.url).pathname;
  execFileSync('cc', [
    '-shared',
    '-fPIC',
    '-O2',
    `-DDELAY_NANOSECONDS=${CALL_NANOSECONDS}`,
    '-o',
    library,
    source,
    '-lm',
  ]);
  const write = (path: string, text: string) => {
    const file = join(folder, path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
  };
  const zone = (name: string, file: string) => `sys/class/powercap/${name}/${file}`;
  for (const [name, label] of Object.entries(RAPL_NAMES)) {
    write(zone(name, 'name'), `${label}\n`);
    write(zone(name, 'max_energy_range_uj'), `${RAPL_WRAPS_AT}\n`);
  }
  // The kernel's side of a driver that is loaded, and of the processes on the GPUs.
  write('proc/driver/nvidia/version', 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15\n');
  for (const file of ['cpuinfo', 'meminfo', 'stat'])
    copyFileSync(`/proc/${file}`, join(folder, 'proc', file));
  write('proc/sys/kernel/random/boot_id', '0b6f4b8e-0000-4000-8000-000000000001\n');
  write('sys/module/nvidia/refcnt', '9\n');
  mkdirSync(join(folder, 'proc/self/ns'), { recursive: true });
  symlinkSync('pid:[4026531836]', join(folder, 'proc/self/ns/pid'));
  for (let pid = FIRST_PID; pid < FIRST_PID + GPU_IDS.length; pid++)
    write(`proc/${pid}/cgroup`, '0::/system.slice/train.service\n');
  const startedAt = performance.now();
  const tick = () => {
    const seconds = (performance.now() - startedAt) / 1_000;
    for (const [name, watts] of Object.entries(RAPL_WATTS))
      write(zone(name, 'energy_uj'), `${Math.round(1e9 + seconds * watts * 1e6) % RAPL_WRAPS_AT}\n`);
  };
  tick();
  const jobs = join(folder, 'jobs');
  for (const index of [0, 1]) {
    const gpus = GPU_IDS.slice(index * 4, index * 4 + 4);
    const job = { scheduler: 'drop', job: `100${index}`, project: 'llm', user: 'ada', phase: 'train', gpus };
    write(`jobs/${index}.json`, JSON.stringify(job));
  }
  return {
    tick,
    env: {
      WATTSHED_NVML_LIBRARY: library,
      WATTSHED_SYS_ROOT: join(folder, 'sys'),
      WATTSHED_PROC_ROOT: join(folder, 'proc'),
      WATTSHED_METRICS_LISTEN: 'off',
      WATTSHED_JOB_FOLDER: jobs,
      WATTSHED_CLUSTER: 'bench',
    },
  };
}
