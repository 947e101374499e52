/** The steps of a series: consecutive UTC spans, cut to the range that was asked for. */
import { DAY_MS, HOUR_MS, WINDOW_MS } from '../time/window.ts';
import type { TimeSpan } from './presence.ts';

export const STEPS = ['none', 'window', 'hour', 'day', 'month'] as const;
export type Step = (typeof STEPS)[number];

const STEP_MS = { window: WINDOW_MS, hour: HOUR_MS, day: DAY_MS } as const;

/**
 * Edges of the steps over `[fromMs, toMs)`: `edges[i]` to `edges[i + 1]` is one step, the first and the last may be
 * shorter than a whole one. `none` is one step. Days and months are UTC, so all days have 24 hours.
 */
export function stepEdges(step: Step, fromMs: number, toMs: number): number[] {
  const edges = [fromMs];
  if (step !== 'none') {
    for (let edge = nextEdge(step, fromMs); edge < toMs; edge = nextEdge(step, edge)) edges.push(edge);
  }
  edges.push(toMs);
  return edges;
}

function nextEdge(step: Exclude<Step, 'none'>, instantMs: number): number {
  if (step !== 'month') return (Math.floor(instantMs / STEP_MS[step]) + 1) * STEP_MS[step];
  const date = new Date(instantMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

/** The same edges, cut to a span within them. */
export function edgesWithin(edges: readonly number[], { fromMs, toMs }: TimeSpan): number[] {
  return [fromMs, ...edges.filter((edge) => edge > fromMs && edge < toMs), toMs];
}

/** Index of the step that holds the instant; the instant lies within the edges. */
export function stepAt(edges: readonly number[], instantMs: number): number {
  let low = 0;
  let high = edges.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (edges[middle]! <= instantMs) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** End of the last window that starts before the instant: windows are booked where they start. */
export function windowCeiling(instantMs: number): number {
  return Math.ceil(instantMs / WINDOW_MS) * WINDOW_MS;
}
