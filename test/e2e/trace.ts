/** The recorded run, and the reference that the product is held against: a plain trapezoid, written apart from it. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export interface Sample {
  readonly atMs: number;
  readonly powerWatts: number;
}

/** Samples of each node in order of time, by node number 1..64. */
export function readTrace(): Map<number, Sample[]> {
  const text = gunzipSync(
    readFileSync(new URL('../fixtures/mlperf-gpt3/node-ac-2s.csv.gz', import.meta.url)),
  ).toString('utf8');
  const nodes = new Map<number, Sample[]>();
  for (const line of text.split('\n').slice(1)) {
    if (line === '') continue;
    const [atMs, node, , powerWatts] = line.split(',');
    const samples = nodes.get(Number(node)) ?? [];
    samples.push({ atMs: Number(atMs), powerWatts: Number(powerWatts) });
    nodes.set(Number(node), samples);
  }
  return nodes;
}

/** Energy under the samples between two instants, joules; the power between two samples is the line through them. */
export function integralJoules(
  samples: readonly Sample[],
  fromMs = Number.NEGATIVE_INFINITY,
  toMs = Number.POSITIVE_INFINITY,
): number {
  let joules = 0;
  for (let i = 1; i < samples.length; i++) {
    const a = samples[i - 1]!;
    const b = samples[i]!;
    const startMs = Math.max(a.atMs, fromMs);
    const endMs = Math.min(b.atMs, toMs);
    if (endMs <= startMs) continue;
    const powerAt = (ms: number) =>
      a.powerWatts + ((b.powerWatts - a.powerWatts) * (ms - a.atMs)) / (b.atMs - a.atMs);
    joules += (((powerAt(startMs) + powerAt(endMs)) / 2) * (endMs - startMs)) / 1000;
  }
  return joules;
}
