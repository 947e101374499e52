/**
 * What the power of an NVIDIA GPU stands for. It depends on the architecture, on the driver and on how it is asked for:
 * NVML's reference (API 13) for means and instants; windows as measured on over 70 GPUs by Yang, Adamek and Armour, "Accurate
 * and Convenient Energy Measurements for GPUs" (SC24, https://arxiv.org/abs/2312.02741, read 2026-11-25).
 */
import type { MeterFacts } from '../../../shared/wire/ingest.ts';

/** The architectures whose sensors behave alike. */
type Family = 'pascal' | 'volta' | 'ga100' | 'ampere' | 'gh100' | 'newer';

/** How the power was asked for. */
export type PowerQuestion = 'NVML field 185' | 'NVML field 186' | 'nvmlDeviceGetPowerUsage' | 'power.draw';

type PowerFacts = Pick<MeterFacts, 'powerMeaning' | 'powerWindowMilliseconds' | 'sampledRatio'>;

/** For how long the sensor looks for one instantaneous sample, and for what share of the time. */
const INSTANT: Readonly<Partial<Record<Family, PowerFacts>>> = {
  pascal: { powerWindowMilliseconds: 10, sampledRatio: 0.5 },
  volta: { powerWindowMilliseconds: 100, sampledRatio: 1 },
  ga100: { powerWindowMilliseconds: 25, sampledRatio: 0.25 },
  ampere: { powerWindowMilliseconds: 100, sampledRatio: 1 },
  gh100: { powerWindowMilliseconds: 25, sampledRatio: 0.25 },
};

const MEAN_MS = 1000;

/** Since this driver `nvidia-smi` has a column for the mean and one for now, and `power.draw` is what NVML gives. */
const SETTLED_DRIVER = 535;

export function powerFacts(
  family: Family | null,
  question: PowerQuestion,
  driverVersion: string,
): PowerFacts {
  const driver = Number.parseInt(driverVersion, 10);
  if (question === 'power.draw' && !(driver >= SETTLED_DRIVER)) return { powerMeaning: 'unknown' };
  if (question === 'NVML field 186') return instant(family);
  if (question === 'NVML field 185') return mean(family);
  if (family === null) return { powerMeaning: 'unknown' };
  return family === 'pascal' || family === 'volta' || family === 'ga100' ? instant(family) : mean(family);
}

function instant(family: Family | null): PowerFacts {
  return { powerMeaning: 'instantaneous', ...(family !== null && INSTANT[family]) };
}

/** Also behind the mean of a GH100 stands a sensor that looks a quarter of the time. */
function mean(family: Family | null): PowerFacts {
  const sampledRatio = family === null ? undefined : INSTANT[family]?.sampledRatio;
  return {
    powerMeaning: 'mean',
    powerWindowMilliseconds: MEAN_MS,
    ...(sampledRatio !== undefined && { sampledRatio }),
  };
}

/** By CUDA compute capability, such as 8.0; null where it is not told. */
export function familyOf(
  capability: { readonly major: number; readonly minor: number } | null,
): Family | null {
  if (capability === null) return null;
  const { major, minor } = capability;
  if (major < 6) return null;
  if (major === 6) return 'pascal';
  if (major === 7) return 'volta';
  if (major === 8) return minor === 0 ? 'ga100' : 'ampere';
  return major === 9 ? 'gh100' : 'newer';
}

const FAMILY_NAMES: readonly (readonly [RegExp, Family])[] = [
  [/\b(A100|A800|A30)\b/, 'ga100'],
  [/\b(H100|H200|H800|H20|GH200)\b/, 'gh100'],
  [/\b(G?B[123]00)\b|RTX PRO \d000|RTX 50\d0/, 'newer'],
  [/\b(A2|A10G?|A16|A40|L4|L40S?)\b|RTX A\d000|RTX \d000 (SFF )?Ada|RTX [34]0\d0/, 'ampere'],
  [/\b(V100|T4)\b|RTX 20\d0|GTX 16\d0|Quadro RTX/, 'volta'],
  [/\b(P100|P40|P4)\b|GTX 10\d0|Quadro P\d+/, 'pascal'],
];

/** By the name that the driver gives it, where nothing else is told; null for one that is not known here. */
export const familyOfName = (name: string): Family | null =>
  FAMILY_NAMES.find(([pattern]) => pattern.test(name))?.[1] ?? null;
