/** Builds test/fixtures/nvml/fake-nvml.c into a real shared library that answers from a file the test rewrites. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fixture } from '../host-tree.ts';

export interface FakeGpu {
  readonly uuid: string;
  readonly name?: string;
  /** NVML return code of every call: 0, 15 lost, 16 reset required; -1: it never returns. */
  readonly state?: number;
  /** Millijoules; -1 where the GPU has no counter. */
  readonly energy?: number;
  /** The same as a field of `nvmlDeviceGetFieldValues`; -1 where the driver is too old for it. */
  readonly energyField?: number;
  /** Milliwatts, now and as a mean over one second; -1 not supported. */
  readonly power?: number;
  readonly average?: number;
  readonly moduleAverage?: number;
  /** Percent; -1 not supported. */
  readonly utilization?: number;
  readonly mig?: boolean;
  readonly processes?: number;
  /** Milliwatts: enforced now, and the board's own; -1 not supported. */
  readonly limit?: number;
  readonly defaultLimit?: number;
  /** 80 for 8.0; -1 not supported. */
  readonly capability?: number;
}

export interface FakeNvml {
  readonly libraryPath: string;
  set(gpus: readonly FakeGpu[], driver?: string, initCode?: number): Promise<void>;
  remove(): void;
}

/** The C compiler of this machine, or null: then the tests that need one are skipped. */
export const COMPILER =
  ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0) ?? null;

export function buildFakeNvml(): FakeNvml {
  if (COMPILER === null) throw new Error('no C compiler');
  const folder = mkdtempSync(join(tmpdir(), 'wattshed-nvml-'));
  const script = join(folder, 'script');
  const libraryPath = join(folder, 'libnvidia-ml.so.1');
  execFileSync(COMPILER, [
    '-shared',
    '-fPIC',
    `-DSCRIPT="${script}"`,
    '-o',
    libraryPath,
    fixture('nvml/fake-nvml.c'),
  ]);
  return {
    libraryPath,
    // A call sees the old or the new hardware, never half of a file.
    async set(gpus, driver = '550.54.15', initCode = 0) {
      await writeFile(
        `${script}.new`,
        [`driver ${driver}`, `init ${initCode}`, ...gpus.map(lineOf), ''].join('\n'),
      );
      await rename(`${script}.new`, script);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function lineOf(gpu: FakeGpu): string {
  const power = gpu.power ?? 350_000;
  const energy = gpu.energy ?? 1_000;
  return [
    'gpu',
    gpu.uuid,
    gpu.state ?? 0,
    energy,
    gpu.energyField ?? energy,
    power,
    gpu.average ?? power,
    gpu.moduleAverage ?? -1,
    gpu.utilization ?? 93,
    gpu.mig ? 1 : 0,
    gpu.processes ?? 1,
    gpu.limit ?? 700_000,
    gpu.defaultLimit ?? 700_000,
    gpu.capability ?? 90,
    gpu.name ?? 'NVIDIA H100 80GB HBM3',
  ].join(' ');
}
