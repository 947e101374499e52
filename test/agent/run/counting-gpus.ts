/** Two GPUs whose counters run on while nobody reads them. */
import type { Reading } from '../../../shared/metering/reading.ts';
import { counter, gpu, reading, START_MS } from '../../shared/metering/support.ts';

export const GPUS = ['GPU-0', 'GPU-1'];
export const METERS = GPUS.map((id) => gpu(id));

/** Each at its own pace, so that no mix-up can cancel out. */
export const counterAt = (gpuIndex: number, atMs: number) =>
  Math.floor((atMs - START_MS) * (600 + gpuIndex * 7.013)) + 9_000_000;

export const readingsAt = (atMs: number): Reading[] =>
  GPUS.map((id, index) => reading(`nvml:${id}`, atMs, { counter: counter(counterAt(index, atMs)) }));
