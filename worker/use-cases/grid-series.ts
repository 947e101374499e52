/** Intensity as answers show it: window by window by the order of trust, joined where nothing changes. */
import type { Basis, IntensityPoint, Signal } from '../../shared/grid/intensity.ts';
import { findZone } from '../../shared/grid/zones.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import { ok, type Result } from '../http/problem.ts';
import { loadIntensity } from './grid-intensity.ts';
import { unknownZone } from './grid-unknown-zone.ts';

export interface GridSeriesQuery {
  readonly gridZone: string;
  readonly basis: Basis;
  readonly signal: Signal;
  /** Aligned outwards to windows by the use case. */
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The intensity that holds in each window of the range; windows with one and the same value stand as one interval, and
 * windows without any are left out. Problem: `unknown_grid_zone`.
 */
export async function gridSeries(db: D1Database, query: GridSeriesQuery): Promise<Result<IntensityPoint[]>> {
  const { gridZone } = query;
  if (findZone(gridZone) === null) return unknownZone(gridZone);
  const fromMs = Math.floor(query.fromMs / WINDOW_MS) * WINDOW_MS;
  const resolve = await loadIntensity(db, { ...query, fromMs });
  const series: IntensityPoint[] = [];
  for (let startMs = fromMs; startMs < query.toMs; startMs += WINDOW_MS) {
    const point = resolve(startMs);
    if (point === null) continue;
    const last = series.at(-1);
    const end = { endMs: (startMs + WINDOW_MS) as IntensityPoint['endMs'] };
    if (last !== undefined && last.endMs === startMs && sameValue(last, point))
      series[series.length - 1] = { ...last, ...end };
    else series.push({ ...point, startMs: startMs as IntensityPoint['startMs'], ...end });
  }
  return ok(series);
}

function sameValue(a: IntensityPoint, b: IntensityPoint): boolean {
  return (
    a.gramsPerKwh === b.gramsPerKwh &&
    a.kind === b.kind &&
    a.provider === b.provider &&
    a.scope === b.scope &&
    a.method === b.method &&
    a.issuedAtMs === b.issuedAtMs &&
    a.fetchedAtMs === b.fetchedAtMs
  );
}
