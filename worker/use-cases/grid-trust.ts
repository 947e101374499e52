/** The order of trust that an operator gives a zone, from a date on: a setting like any other that changes the past. */
import { ALL_KNOWN } from '../../shared/audit/as-known.ts';
import { nearestWord } from '../../shared/edit-distance.ts';
import type { Scope } from '../../shared/grid/intensity.ts';
import type { IntensityQuery } from '../../shared/grid/resolve.ts';
import { USER_PROVIDER } from '../../shared/grid/scope.ts';
import { DEFAULT_TRUST, type TrustAt, type TrustOrder } from '../../shared/grid/trust.ts';
import { findZone } from '../../shared/grid/zones.ts';
import { type SettingRow, settingHistory, valueAt } from '../../shared/settings/effective.ts';
import type { IntensityProvider } from '../grid/provider.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { openDatabase } from '../storage/database.ts';
import { forgetReads } from '../storage/grid-recent.ts';
import {
  insertSettings,
  type RecordedSetting,
  readSettingsOf,
  readSettingsOfMany,
} from '../storage/settings.ts';
import { unknownZone } from './grid-unknown-zone.ts';

/** What an operator says of an order; the rest is noted by the software itself. */
export type OwnOrder = Omit<TrustOrder, 'notedScope'>;

interface Recorded {
  readonly effectiveFromMs: number;
  readonly recordedAtMs: number;
  /** Token id, or the name of the job that noted it. */
  readonly recordedBy: string;
}

export type RecordedTrust = OwnOrder & Recorded;

export interface ZoneTrust {
  /** What holds now. */
  readonly now: OwnOrder;
  /** Every order ever set, as it was recorded. */
  readonly history: readonly RecordedTrust[];
  /** Scopes of the zone that were noted when its providers changed. */
  readonly noted: readonly (Recorded & { readonly scope: Scope })[];
}

export const subjectOfZone = (gridZone: string) => `grid:${gridZone}`;
const subjectOf = ({ gridZone }: IntensityQuery) => subjectOfZone(gridZone);
const keyOf = ({ basis, signal }: Omit<IntensityQuery, 'gridZone'>) => `trust.${basis}.${signal}`;
/** Of the scope that was noted of a zone (grid-scope-notes.ts). */
export const noteKeyOf = ({ basis, signal }: Omit<IntensityQuery, 'gridZone'>) => `scope.${basis}.${signal}`;

/** Orders of before they kept to a scope name none. */
const parseOrder = (value: string): OwnOrder => ({ scope: null, ...JSON.parse(value) });

/** What was ever set or noted for the zones: `trustAt` tells the order of a series from it. */
export function readTrusts(db: D1Database, gridZones: readonly string[]): Promise<SettingRow[]> {
  return readSettingsOfMany(openDatabase(db), gridZones.map(subjectOfZone));
}

/** The order of each window of one zone, basis and signal, as it was known at `knownAtMs`. */
export function trustAt(
  rows: readonly SettingRow[],
  series: IntensityQuery,
  knownAtMs: number = ALL_KNOWN,
): TrustAt {
  const orders = settingHistory(rows, subjectOf(series), keyOf(series), knownAtMs);
  const notes = settingHistory(rows, subjectOf(series), noteKeyOf(series), knownAtMs);
  if (orders.rows.length + notes.rows.length === 0) return () => DEFAULT_TRUST;
  const made = new Map<string, TrustOrder>();
  return (windowStartMs) => {
    const value = valueAt(orders, windowStartMs);
    const notedScope = valueAt(notes, windowStartMs) as Scope | null;
    const key = `${notedScope} ${value}`;
    let order = made.get(key);
    if (order === undefined) {
      order = { ...(value === null ? DEFAULT_TRUST : parseOrder(value)), notedScope };
      made.set(key, order);
    }
    return order;
  };
}

/** Problem: `unknown_grid_zone`. */
export async function getTrust(
  db: D1Database,
  series: IntensityQuery,
  nowMs: number,
): Promise<Result<ZoneTrust>> {
  if (findZone(series.gridZone) === null) return unknownZone(series.gridZone);
  const rows = await readSettingsOf(openDatabase(db), subjectOf(series));
  const own = (key: string) => rows.filter((row) => row.key === key);
  const recorded = ({ effectiveFromMs, recordedAtMs, recordedBy }: RecordedSetting) => ({
    effectiveFromMs,
    recordedAtMs,
    recordedBy,
  });
  return ok({
    now: trustAt(rows, series)(nowMs),
    history: own(keyOf(series)).map((row) => ({ ...parseOrder(row.value), ...recorded(row) })),
    noted: own(noteKeyOf(series)).map((row) => ({ scope: row.value as Scope, ...recorded(row) })),
  });
}

export interface TrustChange {
  readonly series: IntensityQuery;
  readonly order: OwnOrder;
  /** Default: now. */
  readonly effectiveFromMs?: number | undefined;
}

/**
 * Adds an order that holds from `effectiveFromMs`; earlier ones stay for the time before.
 * @param known every provider there is, asked by this deployment or not
 * Problems: `unknown_grid_zone`, `invalid_body`.
 */
export async function putTrust(
  db: D1Database,
  { series, order, effectiveFromMs }: TrustChange,
  known: readonly IntensityProvider[],
  recorder: { readonly nowMs: number; readonly by: string; readonly why: string | null },
): Promise<Result<ZoneTrust>> {
  if (findZone(series.gridZone) === null) return unknownZone(series.gridZone);
  let scope = order.scope;
  let keeper = `scope is ${scope}`;
  for (const [index, name] of (order.providers ?? []).entries()) {
    const wrong = problemOf(name, order.providers!.indexOf(name) < index, series, known);
    if (wrong !== null) return fail('invalid_body', `/providers/${index}: ${wrong}.`, `/providers/${index}`);
    const own = known.find((one) => one.name === name)?.scope ?? scope;
    if (scope !== null && own !== scope)
      return fail(
        'invalid_body',
        `/providers/${index}: "${name}" has values of ${own}, but ${keeper}, and an order keeps to one scope; leave out one of the two.`,
        `/providers/${index}`,
      );
    if (scope === null && own !== null) keeper = `"${name}" has values of ${own}`;
    scope = own;
  }
  const row: RecordedSetting = {
    subject: subjectOf(series),
    key: keyOf(series),
    value: JSON.stringify({ providers: order.providers, fallbacks: order.fallbacks, scope }),
    effectiveFromMs: effectiveFromMs ?? recorder.nowMs,
    recordedAtMs: recorder.nowMs,
    recordedBy: recorder.by,
  };
  const database = openDatabase(db);
  const [first, ...rest] = insertSettings(database, [row], recorder.why);
  if (first !== undefined) await database.batch([first, ...rest]);
  forgetReads();
  return getTrust(db, series, recorder.nowMs);
}

function problemOf(
  name: string,
  repeated: boolean,
  { gridZone, basis, signal }: IntensityQuery,
  known: readonly IntensityProvider[],
): string | null {
  if (repeated) return `"${name}" is named twice`;
  if (name === USER_PROVIDER) return null;
  const provider = known.find((one) => one.name === name);
  if (provider === undefined) {
    const nearest = nearestWord(name, [...known.map((one) => one.name), USER_PROVIDER]);
    return `no provider is called "${name}"; did you mean "${nearest}"`;
  }
  if (provider.basis !== basis || provider.signal !== signal) {
    return `"${name}" is ${provider.basis} and ${provider.signal}; this order is of ${basis} and ${signal} values`;
  }
  return provider.covers(gridZone) ? null : `"${name}" has no values of ${gridZone}`;
}
