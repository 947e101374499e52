/**
 * What scope a zone has is noted when its providers change, with a date: a key that is added, or a provider that has gone
 * silent, changes the hours from then on and none before (docs/decisions/0013-scope.md).
 */
import { type Basis, SCOPES, type Scope, type Signal } from '../../shared/grid/intensity.ts';
import { SERIES_REACH_MS, USER_PROVIDER } from '../../shared/grid/scope.ts';
import { type SettingRow, settingHistory, valueAt } from '../../shared/settings/effective.ts';
import { HOUR_MS, hourStart } from '../../shared/time/window.ts';
import { byKey } from '../storage/by-node.ts';
import { readSeriesReach, type SeriesReach } from '../storage/grid-forecasts.ts';
import { forgetReads } from '../storage/grid-recent.ts';
import { recordNotes } from '../storage/grid-scope-notes.ts';
import { noteKeyOf, readTrusts, subjectOfZone } from './grid-trust.ts';

/** Who noted it, in the change log. */
const NOTED_BY = 'grid';
/** Two queries each; a run that fetched for new zones has few left of the free plan's 50. The rest is noted when it is asked for again. */
const MAX_NOTES_PER_RUN = 2;

interface Note {
  readonly gridZone: string;
  readonly basis: Basis;
  readonly signal: Signal;
  readonly scope: Scope;
  readonly effectiveFromMs: number;
  readonly why: string;
}

/** One run, for zones that were just asked for: nothing is written where all is as it was. */
export async function noteScopes(
  db: D1Database,
  gridZones: readonly string[],
  nowMs: number,
): Promise<readonly Note[]> {
  if (gridZones.length === 0) return [];
  const zones = [...new Set(gridZones)];
  const [rows, reaches] = await Promise.all([
    readTrusts(db, zones),
    readSeriesReach(db, zones, { fromMs: 0, toMs: nowMs }),
  ]);
  const ofProviders = reaches.filter(
    ({ provider, newestMs }) => provider !== USER_PROVIDER && newestMs !== null,
  );
  const bySeries = byKey(ofProviders, ({ gridZone, basis, signal }) => `${gridZone} ${basis} ${signal}`);
  const due = [...bySeries.values()].flatMap((series) => noteOf(series, rows, nowMs) ?? []);
  const notes = due.slice(0, MAX_NOTES_PER_RUN);
  await recordNotes(
    db,
    notes.map(({ why, scope, effectiveFromMs, gridZone, ...series }) => ({
      subject: subjectOfZone(gridZone),
      key: noteKeyOf(series),
      value: scope,
      effectiveFromMs,
      recordedAtMs: nowMs,
      recordedBy: NOTED_BY,
      why,
    })),
  );
  if (notes.length > 0) forgetReads();
  return notes;
}

/** @param series those of one zone, basis and signal that have values */
function noteOf(series: readonly SeriesReach[], rows: readonly SettingRow[], nowMs: number): Note | null {
  const { gridZone, basis, signal } = series[0]!;
  const of = (scope: Scope) => series.filter((one) => one.scope === scope);
  const serving = (scope: Scope) => of(scope).find(({ newestMs }) => nowMs - newestMs! <= SERIES_REACH_MS);
  const scope = SCOPES.find(serving);
  if (scope === undefined) return null;
  const history = settingHistory(rows, subjectOfZone(gridZone), noteKeyOf({ basis, signal }));
  if (valueAt(history, Number.POSITIVE_INFINITY) === scope) return null;
  const isOnlyOne = history.rows.length === 0 && of(scope).length === series.length;
  const oldestMs = Math.min(...of(scope).map((one) => one.oldestMs!));
  return {
    gridZone,
    basis,
    signal,
    scope,
    // Where nothing else was ever known it is what held all along: values that come of its past later change none of it.
    effectiveFromMs: isOnlyOne ? Math.ceil(oldestMs / HOUR_MS) * HOUR_MS : hourStart(nowMs) + HOUR_MS,
    why: `${serving(scope)!.provider} has values of ${scope}${scope === 'production' ? ', and no provider has any of consumption' : ''}`,
  };
}
