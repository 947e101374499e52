/** What nodes report of their windows: counters, integrated power, utilization and series that agree as those of real cards do. */
import { encodeSeriesForWire } from '../../agent/run/series-encoder.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import type { DeviceReport, WindowReport } from '../../shared/wire/ingest.ts';
import { GPUS, type LoadWindow } from './gpu-load.ts';

/** A counter differs from the power beside it by a share of its own, for good, and by some hundredths of a percent each window. */
const COUNTER_BIAS = 0.01;
const COUNTER_NOISE = 0.0005;
/** Samples are rounded to whole watts only for the series. */
const INTEGRATED_NOISE_MILLIJOULES = 5_000;
const HOST_WATTS = 900;

export interface ReportOptions {
  readonly node: number;
  /** Since the start of the bench. */
  readonly window: number;
  readonly windowStartMs: number;
  /** How much of the window is over, 0 to 1. */
  readonly share: number;
  readonly revision: number;
  readonly withSeries: boolean;
  /** Whether the host has a power series as well. */
  readonly hostSeries: boolean;
}

/** Windows in turn, each node from a place of its own. */
export class NodeWindows {
  readonly #windows: readonly LoadWindow[];
  readonly #series = new Map<readonly number[], string>();

  constructor(windows: readonly LoadWindow[]) {
    this.#windows = windows;
  }

  reportOf({ node, window, share, revision, ...options }: ReportOptions): WindowReport {
    const load = this.#windows.at((window + node * 53) % this.#windows.length)!;
    const final = share === 1;
    const gpus = load.watts.map((watts, gpu): DeviceReport => {
      const integrated = 1_000 * watts.reduce((sum, each) => sum + each, 0);
      const noise = uniform(node, window, gpu);
      const counter = integrated * (1 + COUNTER_BIAS * uniform(node, 0, gpu) + COUNTER_NOISE * noise);
      return {
        id: `GPU-${node}-${gpu}`,
        type: 'gpu',
        name: 'NVIDIA H100 80GB HBM3',
        meteredMilliseconds: WINDOW_MS * share,
        energyMillijoules: Math.round(counter * share),
        kind: 'counter',
        integratedMillijoules: Math.round(
          (integrated + INTEGRATED_NOISE_MILLIJOULES * uniform(node, window, gpu + GPUS)) * share,
        ),
        utilizationRatio: load.utilizationRatio[gpu]!,
        ...(final && options.withSeries ? { series: this.#seriesOf(watts) } : {}),
      };
    });
    const hostWatts = load.watts[0]!.map((watts) => Math.round(HOST_WATTS + watts / 8));
    const hostMillijoules = 1_000 * hostWatts.reduce((sum, each) => sum + each, 0);
    const host: DeviceReport = {
      id: 'host',
      type: 'cpu',
      name: 'CPU packages',
      meteredMilliseconds: WINDOW_MS * share,
      energyMillijoules: Math.round(
        hostMillijoules * (1 + COUNTER_NOISE * uniform(node, window, -1)) * share,
      ),
      kind: 'counter',
      ...(final && options.withSeries && options.hostSeries ? { series: this.#seriesOf(hostWatts) } : {}),
    };
    const devices = [...gpus, host];
    const job = {
      id: `slurm:bench:${node}`,
      devices: devices.map(({ id, energyMillijoules, meteredMilliseconds }) => ({
        id,
        energyMillijoules,
        allocatedMilliseconds: meteredMilliseconds,
      })),
    };
    return {
      windowStartMs: options.windowStartMs,
      epoch: 'k3v9c0ffee12',
      revision,
      final,
      devices,
      jobs: [job],
    };
  }

  #seriesOf(watts: readonly number[]) {
    const known = this.#series.get(watts);
    const coded = known ?? encodeSeriesForWire(watts);
    if (known === undefined && this.#series.size < this.#windows.length * GPUS)
      this.#series.set(watts, coded);
    return { stepMilliseconds: 1_000, watts: coded };
  }
}

/** -1 to 1, another for each three numbers. */
function uniform(a: number, b: number, c: number): number {
  let hash = 0x811c9dc5;
  for (const each of [a, b, c]) {
    hash = Math.imul(hash ^ (each + 7), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0x85ebca6b);
  return (((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32) * 2 - 1;
}
