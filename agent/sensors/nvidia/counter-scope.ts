/**
 * What the energy counter of a GPU on a module covers, told by what it counts: over ten seconds and more it rises by the
 * energy of the GPU alone or by that of the whole module. Until the two are told apart it is not used.
 */

export interface ScopeSample {
  readonly atMs: number;
  readonly energyMillijoules: number;
  /** Null where the driver does not tell it. */
  readonly gpuWatts: number | null;
  readonly moduleWatts: number | null;
}

export type CounterScope =
  | 'gpu'
  /** Several GPUs may share it: it is not used, and neither is a second time what it holds of others. */
  | 'module'
  /** Both powers would explain it, or none does. */
  | 'unclear'
  /** One of the powers is missing. */
  | 'untold'
  /** Not long enough yet. */
  | 'watching';

const WATCH_MS = 10_000;
/** Samples further apart say too little of the time between. */
const MAX_STEP_MS = 5_000;
/** Means over a second, read each second, and a counter that moves in steps of 100 ms: over 10 s within a few percent. */
const AGREEMENT = 0.15;

/** @returns takes a sample, and tells the scope as far as it is known; a clear verdict stands */
export function createScopeJudge(): (sample: ScopeSample) => CounterScope {
  let start: ScopeSample | null = null;
  let last: ScopeSample | null = null;
  let gpuMillijoules = 0;
  let moduleMillijoules = 0;
  let verdict: CounterScope = 'watching';

  function begin(sample: ScopeSample): void {
    start = sample;
    gpuMillijoules = 0;
    moduleMillijoules = 0;
  }

  return (sample) => {
    if (verdict === 'gpu' || verdict === 'module') return verdict;
    const before = last;
    last = sample;
    if (sample.gpuWatts === null || sample.moduleWatts === null) {
      start = null;
      verdict = 'untold';
      return verdict;
    }
    const stepMs = before === null ? Number.POSITIVE_INFINITY : sample.atMs - before.atMs;
    if (start === null || before?.gpuWatts == null || before.moduleWatts === null || stepMs > MAX_STEP_MS) {
      begin(sample);
      return verdict;
    }
    gpuMillijoules += ((before.gpuWatts + sample.gpuWatts) / 2) * stepMs;
    moduleMillijoules += ((before.moduleWatts + sample.moduleWatts) / 2) * stepMs;
    if (sample.atMs - start.atMs < WATCH_MS) return verdict;
    const rise = sample.energyMillijoules - start.energyMillijoules;
    const isGpu = agrees(rise, gpuMillijoules);
    const isModule = agrees(rise, moduleMillijoules);
    verdict = isGpu === isModule ? 'unclear' : isGpu ? 'gpu' : 'module';
    begin(sample);
    return verdict;
  };
}

const agrees = (rise: number, expected: number) => Math.abs(rise - expected) <= AGREEMENT * expected;
