/** A zone's intensity laid out window by window: moving a load asks for each of them hundreds of times. */
import { INTENSITY_KINDS, type IntensityKind } from '../grid/intensity.ts';
import type { IntensityResolver } from '../grid/resolve.ts';
import { WINDOW_MS } from '../time/window.ts';

export interface IntensityTable {
  readonly startMs: number;
  /** NaN where no intensity is known. */
  readonly gramsPerKwh: Float64Array;
  /** Index in `INTENSITY_KINDS`; without meaning where no intensity is known. */
  readonly kinds: Uint8Array;
}

/** @param startMs aligned to windows; the table holds every window that ends by `endMs` */
export function intensityTable(resolve: IntensityResolver, startMs: number, endMs: number): IntensityTable {
  const length = Math.max(0, Math.floor((endMs - startMs) / WINDOW_MS));
  const gramsPerKwh = new Float64Array(length).fill(Number.NaN);
  const kinds = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const point = resolve(startMs + i * WINDOW_MS);
    if (point === null) continue;
    gramsPerKwh[i] = point.gramsPerKwh;
    kinds[i] = INTENSITY_KINDS.indexOf(point.kind);
  }
  return { startMs, gramsPerKwh, kinds };
}

export const isEmptyTable = ({ gramsPerKwh }: IntensityTable): boolean => gramsPerKwh.every(Number.isNaN);

export const kindAt = ({ kinds }: IntensityTable, index: number): IntensityKind =>
  INTENSITY_KINDS[kinds[index]!]!;
