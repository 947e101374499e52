/** Intensity and what is usual, of every zone in use, for the windows that a step folds. */

import { USUAL_DAYS, type Usual, usualOf } from '../../../shared/alerts/usual.ts';
import type { IntensityPoint } from '../../../shared/grid/intensity.ts';
import { type IntensityResolver, intensityResolver, LOOKBACK_MS } from '../../../shared/grid/resolve.ts';
import type { SettingRow } from '../../../shared/settings/effective.ts';
import { DAY_MS, HOUR_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import { readUsual, writeUsual } from '../../storage/alert-usual.ts';
import { readIntensities, readIntensity } from '../../storage/grid.ts';
import { trustAt } from '../grid-trust.ts';

/** Rules speak of the same intensity as the figures by default. */
const SERIES = { basis: 'lifecycle', signal: 'average' } as const;

export class GridContext {
  readonly #resolvers: ReadonlyMap<string, IntensityResolver>;
  readonly #usual: Pick<UsualDays, 'get'>;

  constructor(resolvers: ReadonlyMap<string, IntensityResolver>, usual: Pick<UsualDays, 'get'>) {
    this.#resolvers = resolvers;
    this.#usual = usual;
  }

  point(gridZone: string, windowStartMs: number): IntensityPoint | null {
    return this.#resolvers.get(gridZone)?.(windowStartMs) ?? null;
  }

  usual(gridZone: string, windowStartMs: number): Usual | null {
    return this.#usual.get(dayKey(gridZone, Math.floor(windowStartMs / DAY_MS))) ?? null;
  }

  get zones(): string[] {
    return [...this.#resolvers.keys()];
  }
}

export type UsualDays = ReadonlyMap<string, Usual | null>;

const dayKey = (gridZone: string, day: number) => `${gridZone} ${day}`;

/** @param settings every one there is: the orders of trust are among them */
export async function loadGridContext(
  db: D1Database,
  gridZones: readonly string[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  usual: UsualDays,
  settings: readonly SettingRow[],
): Promise<GridContext> {
  const points = await readIntensities(db, { ...SERIES, gridZones, fromMs: fromMs - LOOKBACK_MS, toMs });
  const resolvers = gridZones.map(
    (gridZone) => [gridZone, resolverOf(gridZone, points.get(gridZone) ?? [], settings)] as const,
  );
  return new GridContext(new Map(resolvers), usual);
}

function resolverOf(
  gridZone: string,
  points: readonly IntensityPoint[],
  settings: readonly SettingRow[],
): IntensityResolver {
  const series = { gridZone, ...SERIES };
  return intensityResolver(series, points, trustAt(settings, series));
}

/** A month of five-minute values is 8,640 rows and some milliseconds. */
const COMPUTED_PER_STEP = 4;
/** A zone that has less than a month of values is looked at again: its past may still be on its way. */
const YOUNG_AGAIN_MS = HOUR_MS;

/**
 * What is usual on each day that `[fromMs, toMs)` touches, computed and kept where it was not yet.
 * @returns null where some had to be computed: that is a step of its own
 */
export async function ensureUsual(
  db: D1Database,
  gridZones: readonly string[],
  range: { readonly fromMs: number; readonly toMs: number },
  nowMs: number,
  settings: readonly SettingRow[],
): Promise<UsualDays | null> {
  const [fromDay, toDay] = [Math.floor(range.fromMs / DAY_MS), Math.floor((range.toMs - 1) / DAY_MS)];
  const stored = await readUsual(db, gridZones, fromDay, toDay);
  const usual = new Map<string, Usual | null>();
  for (const row of stored) {
    const young = row.day === toDay && (row.usual?.days ?? 0) < USUAL_DAYS;
    if (!young || nowMs - row.computedAtMs < YOUNG_AGAIN_MS)
      usual.set(dayKey(row.gridZone, row.day), row.usual);
  }
  let computed = 0;
  for (const gridZone of gridZones) {
    for (let day = fromDay; day <= toDay; day++) {
      if (usual.has(dayKey(gridZone, day))) continue;
      if (computed === COMPUTED_PER_STEP) return null;
      const found = await computeUsual(db, gridZone, day, settings);
      await writeUsual(db, { gridZone, day, usual: found, computedAtMs: nowMs });
      computed++;
    }
  }
  return computed === 0 ? usual : null;
}

async function computeUsual(
  db: D1Database,
  gridZone: string,
  day: number,
  settings: readonly SettingRow[],
): Promise<Usual | null> {
  const toMs = day * DAY_MS;
  const range = { fromMs: toMs - USUAL_DAYS * DAY_MS, toMs };
  const points = await readIntensity(db, { ...SERIES, ...range, gridZone });
  return usualBefore(day, resolverOf(gridZone, points, settings), liveWindows(points));
}

/** From the 30 days before a day begins, so that it is the same whenever in the day it is computed. */
function usualBefore(day: number, resolve: IntensityResolver, live: ReadonlySet<number>): Usual | null {
  const toMs = day * DAY_MS;
  const values: number[] = [];
  for (let startMs = toMs - USUAL_DAYS * DAY_MS; startMs < toMs; startMs += WINDOW_MS) {
    const point = live.has(startMs) ? resolve(startMs) : null;
    if (point !== null) values.push(point.gramsPerKwh);
  }
  return usualOf(values);
}

/** For a past of many days: reads everything at once, keeps nothing, and computes what is usual where it is asked for. */
export async function loadPastGridContext(
  db: D1Database,
  gridZones: readonly string[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  settings: readonly SettingRow[],
): Promise<GridContext> {
  const backMs = Math.max(LOOKBACK_MS, (USUAL_DAYS + 1) * DAY_MS);
  const points = await readIntensities(db, { ...SERIES, gridZones, fromMs: fromMs - backMs, toMs });
  const zones = new Map(
    gridZones.map((gridZone) => {
      const own = points.get(gridZone) ?? [];
      return [gridZone, { resolve: resolverOf(gridZone, own, settings), live: liveWindows(own) }] as const;
    }),
  );
  const known = new Map<string, Usual | null>();
  const usual = {
    get(key: string): Usual | null {
      const found = known.get(key);
      if (found !== undefined) return found;
      const [gridZone = '', day] = key.split(' ');
      const zone = zones.get(gridZone);
      const computed = zone === undefined ? null : usualBefore(Number(day), zone.resolve, zone.live);
      known.set(key, computed);
      return computed;
    },
  };
  return new GridContext(new Map([...zones].map(([key, { resolve }]) => [key, resolve])), usual);
}

/** Starts of the windows that some value covers whole: for the others another value would stand in. */
function liveWindows(points: readonly IntensityPoint[]): Set<number> {
  const live = new Set<number>();
  for (const { startMs, endMs, kind } of points) {
    if (kind === 'forecast') continue;
    const first = Math.ceil(startMs / WINDOW_MS) * WINDOW_MS;
    for (let window = first; window + WINDOW_MS <= endMs; window += WINDOW_MS) live.add(window);
  }
  return live;
}
