/**
 * What scope a zone has is noted when its providers change, with a date: a key that is added, or a provider that has gone
 * silent, changes the hours from then on and none before (docs/decisions/0013-scope.md).
 */
import { type Basis, SCOPES, type Scope, type Signal } from '../../shared/grid/intensity.ts';
import { SERIES_REACH_MS, USER_PROVIDER } from '../../shared/grid/scope.ts';
import { annualIntensity } from '../../shared/grid/zones.ts';
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

/** One run: nothing is written where all is as it was. */
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
  const known = reaches.filter(({ newestMs }) => newestMs !== null);
  const bySeries = byKey(known, ({ gridZone, basis, signal }) => `${gridZone} ${basis} ${signal}`);
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

/** @param known every series of one zone, basis and signal that has values, the user's among them */
function noteOf(known: readonly SeriesReach[], rows: readonly SettingRow[], nowMs: number): Note | null {
  const { gridZone, basis, signal } = known[0]!;
  const history = settingHistory(rows, subjectOfZone(gridZone), noteKeyOf({ basis, signal }));
  const noted = valueAt(history, Number.POSITIVE_INFINITY);
  const ofProviders = known.filter(({ provider }) => provider !== USER_PROVIDER);
  const recent = known.filter(({ newestMs }) => nowMs - newestMs! <= SERIES_REACH_MS);
  const note = { gridZone, basis, signal, effectiveFromMs: hourStart(nowMs) + HOUR_MS };
  const scope = SCOPES.find((one) =>
    recent.some((series) => series.scope === one && ofProviders.includes(series)),
  );
  if (scope === undefined) {
    // A key that is gone must not keep the yearly average away for good. The user's own production would be lost to it.
    const isLeft = noted === 'production' && !recent.some((series) => series.scope === 'production');
    if (!isLeft || annualIntensity(gridZone, basis, signal, nowMs) === null) return null;
    return {
      ...note,
      scope: 'consumption',
      why: 'no provider has had values for seven days, and the yearly average is of consumption',
    };
  }
  if (noted === scope) return null;
  const ofScope = ofProviders.filter((series) => series.scope === scope);
  const serving = ofScope.find((series) => recent.includes(series))!;
  const why = `${serving.provider} has values of ${scope}${scope === 'production' ? ', and no provider has any of consumption' : ''}`;
  // Where nothing else was ever known it is what held all along: values that come of its past later change none of it.
  const isOnlyOne = history.rows.length === 0 && ofScope.length === ofProviders.length;
  if (!isOnlyOne) return { ...note, scope, why };
  const oldestMs = Math.min(...ofScope.map((series) => series.oldestMs!));
  return { ...note, scope, why, effectiveFromMs: Math.ceil(oldestMs / HOUR_MS) * HOUR_MS };
}
