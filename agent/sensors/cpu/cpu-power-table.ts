/**
 * Watts of one logical processor at rest and at full load, by microarchitecture. Source: Cloud Carbon Footprint
 * (Apache-2.0), `packages/core/src/compute/ComputeProcessorTypes.ts` at commit 0656d555, its own source being the
 * SPECpower_ssj2008 results up to 2023; retrieved 2026-11-25. They describe whole servers with little memory and no GPU,
 * divided by their threads, so that idle includes its share of the board.
 */
export interface ThreadPower {
  readonly label: string;
  readonly idleWatts: number;
  readonly fullWatts: number;
}

interface Entry extends ThreadPower {
  readonly vendor: 'GenuineIntel' | 'AuthenticAMD';
  readonly family: number | null;
  readonly models: readonly number[];
}

/** x86 server models by (family, model) as `/proc/cpuinfo` gives them. */
const ENTRIES: readonly Entry[] = [
  entry('GenuineIntel', 6, [45], 'Sandy Bridge', 2.17, 8.58),
  entry('GenuineIntel', 6, [62], 'Ivy Bridge', 3.04, 8.25),
  entry('GenuineIntel', 6, [63], 'Haswell', 1, 4.74),
  entry('GenuineIntel', 6, [79, 86], 'Broadwell', 0.71, 3.69),
  // Skylake and Cascade Lake servers share model 85; the newer figures are 4 % lower.
  entry('GenuineIntel', 6, [85], 'Skylake or Cascade Lake', 0.65, 4.26),
  entry('AuthenticAMD', 23, [1], 'EPYC 1st generation', 0.82, 2.55),
  entry('AuthenticAMD', 23, [49], 'EPYC 2nd generation', 0.47, 1.69),
  entry('AuthenticAMD', 25, [1], 'EPYC 3rd generation', 0.45, 2.02),
];

/** Median of the same table, as the source uses it for processors that it does not know. */
export const UNKNOWN_THREAD: ThreadPower = { label: 'unknown CPU', idleWatts: 0.68, fullWatts: 4.11 };

export function threadPower(cpu: {
  readonly vendor: string;
  readonly family: number | null;
  readonly model: number | null;
}): ThreadPower {
  const known = ENTRIES.find(
    ({ vendor, family, models }) =>
      vendor === cpu.vendor && family === cpu.family && cpu.model !== null && models.includes(cpu.model),
  );
  return known ?? UNKNOWN_THREAD;
}

function entry(
  vendor: Entry['vendor'],
  family: number,
  models: readonly number[],
  label: string,
  idleWatts: number,
  fullWatts: number,
): Entry {
  return { vendor, family, models, label, idleWatts, fullWatts };
}
