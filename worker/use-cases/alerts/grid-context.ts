/** Intensity and what is usual, of every zone in use, for the windows that a step folds. */

import { USUAL_DAYS, type Usual, usualOf } from '../../../shared/alerts/usual.ts';
import type { IntensityPoint, Scope } from '../../../shared/grid/intensity.ts';
import {
  type IntensityResolver,
  intensityResolver,
  LOOKBACK_MS,
  scopeResolver,
} from '../../../shared/grid/resolve.ts';
import { liveInScope } from '../../../shared/grid/trust.ts';
import type { SettingRow } from '../../../shared/settings/effective.ts';
import { DAY_MS, HOUR_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import { readUsual, writeUsual } from '../../storage/alert-usual.ts';
import { readIntensities, readIntensity } from '../../storage/grid.ts';
import { trustAt } from '../grid-trust.ts';

/** Rules speak of the same intensity as the figures by default. */
const SERIES = { basis: 'lifecycle', signal: 'average' } as const;

/** One zone by the values that were read of it. */
interface ZoneGrid {
  readonly resolve: IntensityResolver;
  readonly scopeAt: (instantMs: number) => Scope;
}

export class GridContext {
  readonly #zones: ReadonlyMap<string, ZoneGrid>;
  readonly #usual: Pick<UsualDays, 'get'>;

  constructor(zones: ReadonlyMap<string, ZoneGrid>, usual: Pick<UsualDays, 'get'>) {
    this.#zones = zones;
    this.#usual = usual;
  }

  point(gridZone: string, windowStartMs: number): IntensityPoint | null {
    return this.#zones.get(gridZone)?.resolve(windowStartMs) ?? null;
  }

  /** Null of a zone that is not in use. */
  scope(gridZone: string, windowStartMs: number): Scope | null {
    return this.#zones.get(gridZone)?.scopeAt(windowStartMs) ?? null;
  }

  /** Null too while the zone has another scope than what is usual was told from: they are not compared. */
  usual(gridZone: string, windowStartMs: number): Usual | null {
    const usual = this.#usual.get(dayKey(gridZone, Math.floor(windowStartMs / DAY_MS))) ?? null;
    return usual?.scope === this.scope(gridZone, windowStartMs) ? usual : null;
  }

  get zones(): string[] {
    return [...this.#zones.keys()];
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
  const zones = gridZones.map(
    (gridZone) => [gridZone, zoneGrid(gridZone, points.get(gridZone) ?? [], settings)] as const,
  );
  return new GridContext(new Map(zones), usual);
}

function zoneGrid(
  gridZone: string,
  points: readonly IntensityPoint[],
  settings: readonly SettingRow[],
): ZoneGrid {
  const series = { gridZone, ...SERIES };
  const trust = trustAt(settings, series);
  return { resolve: intensityResolver(series, points, trust), scopeAt: scopeResolver(points, trust) };
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
    // What was kept before scopes were told is told again.
    const isTold = row.usual === null || row.usual.scope !== undefined;
    if (isTold && (!young || nowMs - row.computedAtMs < YOUNG_AGAIN_MS))
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
  // By the scope that the day begins with, which values of the week before it tell.
  const range = { fromMs: toMs - USUAL_DAYS * DAY_MS, toMs: toMs + WINDOW_MS };
  const points = await readIntensity(db, { ...SERIES, ...range, gridZone });
  return usualBefore(day, gridZone, points, settings);
}

/** From live values of one scope in the 30 days before a day begins, so that it is the same whenever in the day it is computed. */
function usualBefore(
  day: number,
  gridZone: string,
  points: readonly IntensityPoint[],
  settings: readonly SettingRow[],
): Usual | null {
  const series = { gridZone, ...SERIES };
  const trust = trustAt(settings, series);
  const toMs = day * DAY_MS;
  const fromMs = toMs - USUAL_DAYS * DAY_MS;
  const near = points.filter(({ startMs, endMs }) => endMs > fromMs && startMs <= toMs);
  const scope = scopeResolver(near, trust)(toMs);
  const known = near.filter(({ kind }) => kind !== 'forecast');
  const live = intensityResolver(series, known, liveInScope(trust, scope));
  const values: number[] = [];
  for (let startMs = fromMs; startMs < toMs; startMs += WINDOW_MS) {
    const point = live(startMs);
    if (point !== null) values.push(point.gramsPerKwh);
  }
  return usualOf(values, scope);
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
  const pointsOf = (gridZone: string) => points.get(gridZone) ?? [];
  const zones = new Map(
    gridZones.map((gridZone) => [gridZone, zoneGrid(gridZone, pointsOf(gridZone), settings)] as const),
  );
  const known = new Map<string, Usual | null>();
  const usual = {
    get(key: string): Usual | null {
      const found = known.get(key);
      if (found !== undefined) return found;
      const [gridZone = '', day] = key.split(' ');
      const computed = zones.has(gridZone)
        ? usualBefore(Number(day), gridZone, pointsOf(gridZone), settings)
        : null;
      known.set(key, computed);
      return computed;
    },
  };
  return new GridContext(zones, usual);
}
