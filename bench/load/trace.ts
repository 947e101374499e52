/** The recorded power of eight H100 in training, as an agent would have sampled it: whole watts, once a second. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { GPUS, type LoadWindow, SECONDS_PER_WINDOW } from './gpu-load.ts';

const FILE = 'h100x8_llm_train_ckpt_100ms.csv.gz';
/** What is older was no reading of that second. */
const MAX_AGE_MS = 2_000;
/** Mean of a GPU in a window of full load; the cards have 700 W. */
const FULL_WATTS = 440;

/** Seconds in which all GPUs were read, one after the other, cut into windows; the recording paused between its runs. */
export function traceWindows(folder: string): { readonly mixed: LoadWindow[]; readonly full: LoadWindow[] } {
  const readings = Array.from(
    { length: GPUS },
    () => [] as { atMs: number; watts: number; percent: number }[],
  );
  const lines = gunzipSync(readFileSync(join(folder, FILE)))
    .toString()
    .trim()
    .split('\n');
  for (const line of lines.slice(1)) {
    const [atMs, gpu, , watts, percent] = line.split(',');
    readings[Number(gpu)]!.push({ atMs: Number(atMs), watts: Number(watts), percent: Number(percent) });
  }
  const next = readings.map(() => 0);
  const watts: number[][] = readings.map(() => []);
  const percents: number[][] = readings.map(() => []);
  const firstMs = Math.ceil(readings[0]![0]!.atMs / 1_000) * 1_000;
  for (let atMs = firstMs; atMs <= readings[0]!.at(-1)!.atMs; atMs += 1_000) {
    const now = readings.map((own, gpu) => {
      while (own[next[gpu]! + 1] !== undefined && own[next[gpu]! + 1]!.atMs <= atMs) next[gpu]!++;
      return own[next[gpu]!]!;
    });
    if (now.some((reading) => reading.atMs > atMs || atMs - reading.atMs > MAX_AGE_MS)) continue;
    now.forEach((reading, gpu) => {
      watts[gpu]!.push(Math.round(reading.watts));
      percents[gpu]!.push(reading.percent);
    });
  }
  const mixed: LoadWindow[] = [];
  for (let first = 0; first + SECONDS_PER_WINDOW <= watts[0]!.length; first += SECONDS_PER_WINDOW) {
    const cut = (values: readonly number[]) => values.slice(first, first + SECONDS_PER_WINDOW);
    const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;
    mixed.push({
      watts: watts.map(cut),
      utilizationRatio: percents.map((own) => Math.round(mean(cut(own)) * 100) / 10_000),
    });
  }
  const meanOf = (window: LoadWindow) =>
    window.watts.flat().reduce((sum, each) => sum + each, 0) / window.watts.flat().length;
  return { mixed, full: mixed.filter((window) => meanOf(window) >= FULL_WATTS) };
}
