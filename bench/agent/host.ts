/** The host of the benchmark: eight busy GPUs behind a real NVML path, two sockets with RAPL, two jobs. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of a call that asks a GPU; see busy-gpus.c. */
const CALL_NANOSECONDS = 50_000;
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

/** @throws Error where this machine has no C compiler */
export function makeHost(folder: string): BenchHost {
  const library = join(folder, 'libnvidia-ml.so.1');
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
  const startedAt = performance.now();
  const tick = () => {
    const seconds = (performance.now() - startedAt) / 1_000;
    for (const [name, watts] of Object.entries(RAPL_WATTS))
      write(zone(name, 'energy_uj'), `${Math.round(1e9 + seconds * watts * 1e6) % RAPL_WRAPS_AT}\n`);
  };
  tick();
  const jobs = join(folder, 'jobs');
  for (const index of [0, 1]) {
    const gpus = [0, 1, 2, 3].map((gpu) => `GPU-00000000-0000-4000-8000-00000000000${index * 4 + gpu}`);
    const job = { scheduler: 'drop', job: `100${index}`, project: 'llm', user: 'ada', phase: 'train', gpus };
    write(`jobs/${index}.json`, JSON.stringify(job));
  }
  return {
    tick,
    env: {
      WATTSHED_NVML_LIBRARY: library,
      WATTSHED_SYS_ROOT: join(folder, 'sys'),
      WATTSHED_METRICS_LISTEN: 'off',
      WATTSHED_JOB_FOLDER: jobs,
      WATTSHED_CLUSTER: 'bench',
    },
  };
}
