/** What the next step is to do: which hour to sum, and whether the past is to be folded again. */
import type { AlertRule } from '../../../shared/alerts/rule.ts';
import type { Scope } from '../../../shared/alerts/scope.ts';
import { finalAfterMs } from '../../../shared/pace/silence.ts';
import { LABELS } from '../../../shared/settings/node-as-known.ts';
import { HOUR_MS, hourStart, WINDOW_MS } from '../../../shared/time/window.ts';
import type { Cursor, Pass } from '../../storage/alert-cursor.ts';
import type { RecordedSetting } from '../../storage/settings.ts';

/** What was told is corrected for at least so long; kept a while more, since to move the checkpoint is a fold of its own. */
const CORRECTED_FOR_MS = 24 * HOUR_MS;
const KEPT_FOR_MS = 36 * HOUR_MS;

/** End of the last window that is taken as final: all nodes that report so often have told of it. */
export function watermarkOf(nowMs: number, reportEverySeconds: number): number {
  return Math.floor((nowMs - finalAfterMs(reportEverySeconds)) / WINDOW_MS) * WINDOW_MS;
}

/** How many settings of each database were taken into account. */
export const settingsSeen = ([settingsSeen = 0, ...settingsSeenElsewhere]: readonly number[]) => ({
  settingsSeen,
  settingsSeenElsewhere,
});

/** @param seen settings, by database */
export function beginAt(instantMs: number, seen: readonly number[]): Cursor {
  return {
    headMs: instantMs,
    checkpointMs: instantMs,
    gridPrint: null,
    ...settingsSeen(seen),
    lateHours: [],
    refold: false,
    pass: null,
  };
}

/** End of the last window that is summed, whole or for some nodes: what changes before it has to be summed again. */
const summedTo = ({ headMs, pass }: Cursor): number => Math.max(headMs, pass?.toMs ?? 0);

/** The hour to sum next: one that changed late, else the one that the head stands in; null where all is summed. */
export function nextPass(
  cursor: Cursor,
  watermarkMs: number,
  scopes: readonly Scope[],
  rules: readonly AlertRule[],
): Pass | null {
  const lateMs = cursor.lateHours[0] === undefined ? null : cursor.lateHours[0] * HOUR_MS;
  const hourStartMs = lateMs ?? (watermarkMs > cursor.headMs ? hourStart(cursor.headMs) : null);
  if (hourStartMs === null) return null;
  return {
    hourStartMs,
    toMs: Math.min(hourStartMs + HOUR_MS, lateMs === null ? watermarkMs : cursor.headMs),
    afterNode: 0,
    scopes: scopes.map(({ text }) => text),
    withHardware: rules.some(needsHardware),
  };
}

/** Whether it asks for embodied emissions or coverage. */
export function needsHardware(rule: AlertRule): boolean {
  if (rule.kind === 'budget') return rule.emissions !== 'operational';
  return rule.kind === 'health' && rule.check === 'coverage';
}

/** Of hours since 1970, those whose windows are summed and may still be corrected; ascending, each once. */
export function correctable(hours: readonly number[], cursor: Cursor): number[] {
  const [fromMs, toMs] = [hourStart(cursor.checkpointMs), summedTo(cursor)];
  const within = hours.filter((hour) => hour * HOUR_MS >= fromMs && hour * HOUR_MS < toMs);
  return [...new Set(within)].sort((a, b) => a - b);
}

export interface RestatedSettings {
  /** Hours whose sums depend on them. */
  readonly hours: readonly number[];
  /** Whether an order of trust changed, on which the intensities depend. */
  readonly trust: boolean;
}

/** What settings that were added since then, with a date in the past, change. @param byShard those of each database */
export function restatedSettings(
  byShard: readonly (readonly RecordedSetting[])[],
  cursor: Cursor,
): RestatedSettings {
  const hours: number[] = [];
  const toMs = summedTo(cursor);
  let trust = false;
  const seen = [cursor.settingsSeen, ...cursor.settingsSeenElsewhere];
  const fresh = byShard.flatMap((rows, shard) => {
    const added = rows.slice(seen[shard] ?? 0);
    if (added.length === 0) return added;
    const first = firstWords(rows);
    return added.filter((row) => !first.has(row));
  });
  for (const { subject, effectiveFromMs } of fresh) {
    if (effectiveFromMs >= toMs) continue;
    if (subject.startsWith('grid:')) {
      trust = true;
      continue;
    }
    const fromMs = Math.max(hourStart(effectiveFromMs), hourStart(cursor.checkpointMs));
    for (let ms = fromMs; ms < toMs; ms += HOUR_MS) hours.push(ms / HOUR_MS);
  }
  return { hours, trust };
}

/**
 * Where a node enrolled to, and what its labels were until they first changed: said for the time before, of which nothing was
 * summed that they change. A fleet that grows would have its past folded again with each node.
 */
function firstWords(rows: readonly RecordedSetting[]): ReadonlySet<RecordedSetting> {
  const first = new Map<string, RecordedSetting>();
  for (const row of rows) {
    if (!row.subject.startsWith('node:') || (row.key !== 'site' && row.key !== LABELS)) continue;
    const of = `${row.subject} ${row.key}`;
    if (!first.has(of)) first.set(of, row);
  }
  return new Set(first.values());
}

/** Where the checkpoint belongs when the head stands at `headMs`; null where it stays. */
export function movedCheckpoint(cursor: Cursor, headMs: number): number | null {
  return headMs - cursor.checkpointMs < KEPT_FOR_MS ? null : hourStart(headMs - CORRECTED_FOR_MS);
}
