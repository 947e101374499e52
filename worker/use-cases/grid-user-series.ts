/** A series that the user brings: trusted before every provider's for the intervals that it covers. */
import type { Basis, Signal } from '../../shared/grid/intensity.ts';
import { otherScope, USER_PROVIDER } from '../../shared/grid/scope.ts';
import { findZone } from '../../shared/grid/zones.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import { epochMs, gramsPerKwh } from '../../shared/units.ts';
import { MAX_GRAMS_PER_KWH } from '../grid/checked-series.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import type { Author } from '../storage/changes.ts';
import { MAX_INTERVAL_MS } from '../storage/grid.ts';
import {
  type Interval,
  type LongerValue,
  readLongerValues,
  type StoredValue,
  type StoreResult,
  storeValues,
} from '../storage/grid-writes.ts';
import { zoneScopes } from './grid-scopes.ts';
import { unknownZone } from './grid-unknown-zone.ts';

export interface UserPoint {
  readonly startMs: number;
  readonly endMs: number;
  readonly gramsPerKwh: number;
}

export interface UserSeries {
  readonly gridZone: string;
  readonly basis: Basis;
  readonly signal: Signal;
  readonly scope: 'consumption' | 'production';
  readonly points: readonly UserPoint[];
}

export interface UserSeriesResult extends StoreResult {
  /** Why the last of the values is kept and yet not charged; absent where its scope is that of the zone. */
  readonly notCharged?: string;
}

/**
 * Adds and replaces; what was replaced is recorded as revisions. Of a longer value that shorter ones replace, the rest
 * stays: an hour that is put into a day says nothing of the other hours. Problems: `unknown_grid_zone`, `invalid_body`.
 */
export async function putUserSeries(
  db: D1Database,
  series: UserSeries,
  author: Author,
  nowMs: number,
): Promise<Result<UserSeriesResult>> {
  const { gridZone, basis, signal, scope } = series;
  if (findZone(gridZone) === null) return unknownZone(gridZone);
  const problem = seriesProblem(series.points);
  if (problem !== null) {
    const { index, what } = problem;
    return fail('invalid_body', `points/${index}: ${what}.`, `/points/${index}`);
  }
  const values = series.points.map(storedValue);
  const identity = { gridZone, basis, signal, scope, provider: USER_PROVIDER };
  const longer = await readLongerValues(db, identity, values);
  const rests = longer.flatMap((value) => restsOf(value, values));
  const stored = await storeValues(db, identity, [...values, ...rests], nowMs, author);
  const lastMs = Math.max(...values.map(({ startMs }) => startMs));
  const scopes = await zoneScopes(db, { gridZones: [gridZone], basis, signal }, lastMs);
  return ok(scopes.get(gridZone) === scope ? stored : { ...stored, notCharged: whyNotCharged(series) });
}

const whyNotCharged = ({ gridZone, scope }: UserSeries) =>
  `${gridZone} is of ${otherScope(scope)} then, and a zone has one scope at a time. To have these values charged: PUT /v1/grid/${gridZone}/trust with {"scope": "${scope}", "providers": ["${USER_PROVIDER}"]} from a date on.`;

const storedValue = (point: UserPoint): StoredValue => ({
  startMs: epochMs(point.startMs),
  endMs: epochMs(point.endMs),
  gramsPerKwh: gramsPerKwh(point.gramsPerKwh),
  kind: 'measured',
  method: null,
  issuedAtMs: null,
});

/** What values leave of a longer one that begins where one of them does; what else is stored within it stands as well. */
function restsOf({ startMs, endMs, gramsPerKwh: grams, within }: LongerValue, values: readonly Interval[]) {
  const rests: StoredValue[] = [];
  let untilMs = startMs;
  const taken = [...within, ...values.filter((value) => value.startMs >= startMs && value.startMs < endMs)];
  for (const next of taken.sort((a, b) => a.startMs - b.startMs)) {
    if (next.startMs > untilMs)
      rests.push(storedValue({ startMs: untilMs, endMs: next.startMs, gramsPerKwh: grams }));
    untilMs = Math.max(untilMs, next.endMs);
  }
  if (untilMs < endMs) rests.push(storedValue({ startMs: untilMs, endMs, gramsPerKwh: grams }));
  return rests;
}

/** What is wrong with the first point in time that something is wrong with; null: nothing. */
export function seriesProblem(points: readonly UserPoint[]): { index: number; what: string } | null {
  const order = points.map((point, index) => ({ ...point, index })).sort((a, b) => a.startMs - b.startMs);
  let previousEndMs = Number.NEGATIVE_INFINITY;
  for (const { index, startMs, endMs, gramsPerKwh: grams } of order) {
    const what = problemOf(startMs, endMs, grams, previousEndMs);
    if (what !== null) return { index, what };
    previousEndMs = endMs;
  }
  return null;
}

function problemOf(startMs: number, endMs: number, grams: number, previousEndMs: number): string | null {
  if (startMs % WINDOW_MS !== 0 || endMs % WINDOW_MS !== 0)
    return 'start and end must be whole multiples of 5 minutes UTC';
  if (endMs <= startMs) return 'end must be after start';
  if (endMs - startMs > MAX_INTERVAL_MS) return 'an interval may be at most a day long';
  if (startMs < previousEndMs) return 'overlaps another interval';
  if (grams > MAX_GRAMS_PER_KWH)
    return `${grams} g/kWh is over the ${MAX_GRAMS_PER_KWH} that any grid can have; check the unit`;
  return null;
}
