/** What nodes of eight GPUs in one job report, as agents send it. Seeded, so that runs agree. */
import { gzipSync } from 'node:zlib';
import { encodeSeriesForWire } from '../../agent/run/series-encoder.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import type { DeviceReport, IngestBody, WindowReport } from '../../shared/wire/ingest.ts';
import { generator, trainingWatts } from '../row-layout/workload.ts';

export const GPUS = 8;
/** Of one device and window, at 1 Hz. */
export const SAMPLES = WINDOW_MS / 1_000;
/** A report each minute. */
export const REPORTS_PER_WINDOW = 5;
/** Windows that the nodes speak of begin here. */
export const START_MS = Date.UTC(2026, 5, 1);

/** A device's window. */
interface Load {
  readonly watts: string;
  readonly energyMillijoules: number;
}

export interface Said {
  readonly node: number;
  /** Counted from `START_MS`. */
  readonly firstWindow: number;
  readonly windows: number;
  /** 1..5; the last is final. */
  readonly revision: number;
  /** Of a final report; it travels with that alone. */
  readonly withSeries: boolean;
}

/** Makes compressed bodies. No two devices of a window have the same series. */
export class Bodies {
  readonly #pool: readonly Load[];

  constructor() {
    const random = generator(7);
    this.#pool = Array.from({ length: 997 }, () => {
      const samples = trainingWatts(random, 640);
      return {
        watts: encodeSeriesForWire(samples),
        energyMillijoules: samples.reduce((sum, watts) => sum + watts * 1_000, 0),
      };
    });
  }

  compressed(said: Said): Uint8Array {
    const reports = Array.from({ length: said.windows }, (_, index) => this.#report(said, index));
    const body: IngestBody = { version: 1, sentAtMs: START_MS, agentVersion: '0.1.0', reports };
    return gzipSync(JSON.stringify(body));
  }

  #report({ node, firstWindow, revision, withSeries }: Said, index: number): WindowReport {
    const window = firstWindow + index;
    const final = revision === REPORTS_PER_WINDOW;
    const share = revision / REPORTS_PER_WINDOW;
    const devices = Array.from({ length: GPUS + 1 }, (_, place): DeviceReport => {
      const { watts, energyMillijoules } = this.#load(node, window, place);
      const soFar = Math.round(energyMillijoules * share);
      const isGpu = place < GPUS;
      return {
        id: isGpu ? gpuId(node, place) : 'other',
        type: isGpu ? 'gpu' : 'other',
        name: isGpu ? 'NVIDIA H100 80GB HBM3' : 'rest of the host',
        meteredMilliseconds: WINDOW_MS * share,
        energyMillijoules: soFar + place * 1_000,
        kind: isGpu ? 'counter' : 'integrated',
        ...(isGpu ? { integratedMillijoules: soFar, utilizationRatio: 0.97 } : {}),
        ...(isGpu && final && withSeries ? { series: { stepMilliseconds: 1_000, watts } } : {}),
      };
    });
    const job = {
      id: `slurm:bench:${node}`,
      project: 'llm',
      user: 'ada',
      devices: devices.map(({ id, energyMillijoules, meteredMilliseconds }) => ({
        id,
        energyMillijoules,
        allocatedMilliseconds: meteredMilliseconds,
      })),
    };
    const windowStartMs = START_MS + window * WINDOW_MS;
    return { windowStartMs, epoch: 'k3v9c0ffee12', revision, final, devices, jobs: [job] };
  }

  #load(node: number, window: number, place: number): Load {
    return this.#pool[(node * 131 + window * 17 + place * 7) % this.#pool.length]!;
  }
}

/** As long as NVIDIA's. */
const gpuId = (node: number, place: number) =>
  `GPU-6f5d1a2e-0000-4000-8000-${String(node * GPUS + place).padStart(12, '0')}`;
