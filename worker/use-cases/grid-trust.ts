/** The order of trust that an operator gives a zone, from a date on: a setting like any other that changes the past. */
import { ALL_KNOWN } from '../../shared/audit/as-known.ts';
import { nearestWord } from '../../shared/edit-distance.ts';
import { type IntensityQuery, USER_PROVIDER } from '../../shared/grid/resolve.ts';
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

export interface RecordedTrust extends TrustOrder {
  readonly effectiveFromMs: number;
  readonly recordedAtMs: number;
  /** Token id. */
  readonly recordedBy: string;
}

export interface ZoneTrust {
  /** What holds now. */
  readonly now: TrustOrder;
  /** Every order ever set, as it was recorded. */
  readonly history: readonly RecordedTrust[];
}

const subjectOfZone = (gridZone: string) => `grid:${gridZone}`;
const subjectOf = ({ gridZone }: IntensityQuery) => subjectOfZone(gridZone);
const keyOf = ({ basis, signal }: IntensityQuery) => `trust.${basis}.${signal}`;

/** What was ever set for the zones: `trustAt` tells the order of a series from it. */
export function readTrusts(db: D1Database, gridZones: readonly string[]): Promise<SettingRow[]> {
  return readSettingsOfMany(openDatabase(db), gridZones.map(subjectOfZone));
}

/** The order of each window of one zone, basis and signal, as it was known at `knownAtMs`. */
export function trustAt(
  rows: readonly SettingRow[],
  series: IntensityQuery,
  knownAtMs: number = ALL_KNOWN,
): TrustAt {
  const history = settingHistory(rows, subjectOf(series), keyOf(series), knownAtMs);
  const orders = new Map(history.rows.map(({ value }) => [value, JSON.parse(value) as TrustOrder]));
  return (windowStartMs) => orders.get(valueAt(history, windowStartMs) ?? '') ?? DEFAULT_TRUST;
}

/** Problem: `unknown_grid_zone`. */
export async function getTrust(
  db: D1Database,
  series: IntensityQuery,
  nowMs: number,
): Promise<Result<ZoneTrust>> {
  if (findZone(series.gridZone) === null) return unknownZone(series.gridZone);
  const rows = await readSettingsOf(openDatabase(db), subjectOf(series));
  const own = rows.filter(({ key }) => key === keyOf(series));
  return ok({
    now: trustAt(rows, series)(nowMs),
    history: own.map(({ value, effectiveFromMs, recordedAtMs, recordedBy }) => ({
      ...(JSON.parse(value) as TrustOrder),
      effectiveFromMs,
      recordedAtMs,
      recordedBy,
    })),
  });
}

export interface TrustChange {
  readonly series: IntensityQuery;
  readonly order: TrustOrder;
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
  for (const [index, name] of (order.providers ?? []).entries()) {
    const wrong = problemOf(name, order.providers!.indexOf(name) < index, series, known);
    if (wrong !== null) return fail('invalid_body', `/providers/${index}: ${wrong}.`, `/providers/${index}`);
  }
  const row: RecordedSetting = {
    subject: subjectOf(series),
    key: keyOf(series),
    value: JSON.stringify({ providers: order.providers, fallbacks: order.fallbacks }),
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
