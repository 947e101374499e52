/** The scope that zones have at an instant, as the join would charge them then. */
import type { Scope } from '../../shared/grid/intensity.ts';
import { scopeOfHour } from '../../shared/grid/scope.ts';
import type { SettingRow } from '../../shared/settings/effective.ts';
import { hourStart } from '../../shared/time/window.ts';
import { readSeriesEnds, type SeriesEndsQuery } from '../storage/grid-series-ends.ts';
import { readTrusts, trustAt } from './grid-trust.ts';

/** @param settings the orders of trust are among them; default: they are read */
export async function zoneScopes(
  db: D1Database,
  query: SeriesEndsQuery,
  atMs: number,
  settings?: readonly SettingRow[],
): Promise<ReadonlyMap<string, Scope>> {
  const { gridZones, basis, signal } = query;
  const hourMs = hourStart(atMs);
  const [ends, rows] = await Promise.all([
    readSeriesEnds(db, query, hourMs),
    settings ?? readTrusts(db, gridZones),
  ]);
  return new Map(
    gridZones.map((gridZone) => {
      const order = trustAt(rows, { gridZone, basis, signal })(hourMs);
      return [gridZone, scopeOfHour(order, ends.get(gridZone) ?? [], hourMs)];
    }),
  );
}
