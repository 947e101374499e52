/**
 * AMD GPUs through `amd-smi`, where the driver's files are not to be seen. Run anew for each sample: its own loop keeps
 * everything that it has printed.
 */
import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Meter, Reading } from '../../../shared/metering/reading.ts';
import { watts } from '../../../shared/units.ts';
import type { Clock } from '../../clock.ts';
import type { HostPaths } from '../../inventory/host-paths.ts';
import { readTextOrEmpty } from '../../inventory/read-text.ts';
import { type Answer, createAskedSensor } from '../asked-sensor.ts';
import { createCounterTrust } from '../counter-trust.ts';
import { amdPciId, isAmdModule } from '../drm/amd-names.ts';
import { gpuMeter } from '../gpu-meter.ts';
import { type ProgramRun, runProgram } from '../run-program.ts';
import type { Outcome, Sensor } from '../sensor.ts';
import { type GpuMetric, type ListedGpu, parseGpuList, parseGpuMetrics } from './amd-smi-json.ts';

const AMD_SMI_SENSOR = 'amd-smi';

/** Below the 10 s that integration bridges; each run costs half a second of Python. */
const ASK_EVERY_MS = 8_000;

export interface AmdSmiSensorOptions {
  readonly paths: HostPaths;
  readonly clock: Clock;
  /** For the child; its PATH is searched for the program. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface Gpu {
  readonly meter: Meter;
  readonly trust: ReturnType<typeof createCounterTrust>;
  /** Boot and driver load: within them the counter goes on. */
  readonly identity: string;
}

export function createAmdSmiSensor({ paths, clock, env }: AmdSmiSensorOptions): Sensor {
  /** By the program's own number of a GPU, which holds as long as the driver is loaded; null until listed. */
  let gpus: ReadonlyMap<number, Gpu> | null = null;

  async function ask(signal: AbortSignal): Promise<Outcome<Answer>> {
    if (gpus === null) {
      const run = await runProgram('amd-smi', ['list', '--json'], { env, signal });
      const listed = parseGpuList(run.said);
      if (listed.length === 0) return whyNot(run);
      gpus = await describeGpus(listed);
    }
    const run = await runProgram('amd-smi', ['metric', '--power', '--energy', '--json'], { env, signal });
    const metrics = parseGpuMetrics(run.said);
    const answer = answerOf(gpus, metrics);
    if (answer.state === 'ready') return answer;
    gpus = null;
    return metrics.length === 0 ? whyNot(run) : answer;
  }

  async function describeGpus(listed: readonly ListedGpu[]): Promise<Map<number, Gpu>> {
    const bootId = await readTextOrEmpty(`${paths.procRoot}/sys/kernel/random/boot_id`);
    const load = await driverLoad(paths);
    const described = new Map<number, Gpu>();
    for (const { index, slot, uuid } of listed) {
      const pciId = await amdPciId(paths.sysRoot, slot);
      const id = `amd-${uuid || slot}`;
      const meter = gpuMeter(
        AMD_SMI_SENSOR,
        id,
        `AMD GPU ${pciId || slot}`,
        isAmdModule(pciId) ? 'module' : 'device',
        { powerSource: 'amd-smi metric --power', powerMeaning: 'unknown' },
      );
      described.set(index, { meter, trust: createCounterTrust(), identity: `${bootId}/${load}` });
    }
    return described;
  }

  function answerOf(known: ReadonlyMap<number, Gpu>, metrics: readonly GpuMetric[]): Outcome<Answer> {
    const atMs = clock.monotonicNow();
    const meters: Meter[] = [];
    const readings: Reading[] = [];
    let silent = 0;
    let byCounter = 0;
    const refused = new Set<string>();
    for (const { index, powerWatts, energyMillijoules } of metrics) {
      const gpu = known.get(index);
      if (gpu === undefined) continue;
      // A GPU that answers draws watts: 0 is a fault, or the second die of a board.
      if (powerWatts === null || powerWatts === 0) {
        silent++;
        continue;
      }
      const verdict = energyMillijoules === null ? null : gpu.trust({ atMs, energyMillijoules, powerWatts });
      meters.push(gpu.meter);
      const reading = { meterId: gpu.meter.id, atMs, powerWatts: watts(powerWatts) };
      if (energyMillijoules === null || !verdict?.trusted) {
        if (verdict?.trusted === false) refused.add(verdict.why);
        readings.push(reading);
        continue;
      }
      byCounter++;
      const identity = `${gpu.identity}/${verdict.withdrawn}`;
      readings.push({
        ...reading,
        counter: { value: energyMillijoules, unitsPerMillijoule: 1, wrapsAt: null, identity },
      });
    }
    const detail = [
      `${meters.length} ${meters.length === 1 ? 'GPU' : 'GPUs'}, ${byCounter} by a counter that agrees with its power`,
      ...(refused.size === 0 ? [] : [`a counter not used: ${[...refused].join(', ')}`]),
      ...(silent === 0 ? [] : [`${silent} without a power`]),
    ].join('; ');
    return meters.length === 0
      ? { state: 'noData', detail }
      : { state: 'ready', value: { meters, readings }, detail };
  }

  return createAskedSensor({ name: AMD_SMI_SENSOR, standsInFor: 'gpu', clock, everyMs: ASK_EVERY_MS, ask });
}

function whyNot({ ended, said }: ProgramRun): Outcome<never> {
  if (ended === 'ENOENT') return { state: 'absent', detail: 'amd-smi is not installed' };
  if (ended === 'EACCES') return { state: 'absent', detail: 'no amd-smi that this user may run' };
  if (ended === 'timeout') return { state: 'noData', detail: 'amd-smi gave no answer within 5 s' };
  const last = said.trim().split('\n').at(-1)?.slice(0, 200) ?? '';
  return { state: 'noData', detail: `amd-smi tells no GPU (exit ${ended})${last === '' ? '' : `: ${last}`}` };
}

/**
 * The kernel never gives the module's directory the same inode number twice in a boot. Where it cannot be seen, the
 * counters are known to go on only while they are read.
 */
async function driverLoad({ sysRoot }: HostPaths): Promise<string> {
  try {
    return String((await stat(`${sysRoot}/module/amdgpu`, { bigint: true })).ino);
  } catch {
    return randomUUID();
  }
}
