/**
 * Values that hold from a date. Rows are only ever added, so what was known when can be told: of the rows of one subject
 * and key, the one with the greatest `effectiveFromMs` not after an instant holds there; on a tie the last recorded.
 */
import type { TimeRange } from '../time/window.ts';
import { epochMs } from '../units.ts';

export interface SettingRow {
  /** `site:<id>`, `node:<number>` or `fleet`. */
  readonly subject: string;
  readonly key: string;
  readonly value: string;
  readonly effectiveFromMs: number;
  readonly recordedAtMs: number;
}

export interface SettingSegment extends TimeRange {
  /** Null before the first row holds. */
  readonly value: string | null;
}

/** Rows of one subject and key, in the order in which they take effect. */
export interface SettingHistory {
  /** Ascending by `effectiveFromMs`, one row each: the last recorded. */
  readonly rows: readonly SettingRow[];
}

/**
 * Picks the rows of one subject and key.
 * @param rows in the order in which they were recorded (storage returns them so); ties of `recordedAtMs` go to the later.
 * @param knownAtMs answers as it was known then (`asOf`): rows recorded after it are left out.
 */
export function settingHistory(
  rows: Iterable<SettingRow>,
  subject: string,
  key: string,
  knownAtMs: number = Number.POSITIVE_INFINITY,
): SettingHistory {
  const byEffectiveFrom = new Map<number, SettingRow>();
  for (const row of rows) {
    if (row.subject !== subject || row.key !== key || row.recordedAtMs > knownAtMs) continue;
    const rival = byEffectiveFrom.get(row.effectiveFromMs);
    if (rival === undefined || rival.recordedAtMs <= row.recordedAtMs)
      byEffectiveFrom.set(row.effectiveFromMs, row);
  }
  return { rows: [...byEffectiveFrom.values()].sort((a, b) => a.effectiveFromMs - b.effectiveFromMs) };
}

/** The value that holds at an instant; null before the first. */
export function valueAt(history: SettingHistory, instantMs: number): string | null {
  return history.rows.findLast((row) => row.effectiveFromMs <= instantMs)?.value ?? null;
}

/**
 * The values over `[startMs, endMs)`, in order and without gaps; equal neighbours are one segment. An empty range has none.
 */
export function segmentsOver(history: SettingHistory, range: TimeRange): SettingSegment[] {
  const { startMs, endMs } = range;
  if (endMs <= startMs) return [];
  const starts = history.rows
    .map((row) => row.effectiveFromMs)
    .filter((fromMs) => fromMs > startMs && fromMs < endMs);
  const segments: { startMs: number; value: string | null }[] = [];
  for (const fromMs of [startMs, ...starts]) {
    const value = valueAt(history, fromMs);
    if (segments.at(-1)?.value !== value || segments.length === 0) segments.push({ startMs: fromMs, value });
  }
  return segments.map(({ startMs: fromMs, value }, index) => ({
    startMs: epochMs(fromMs),
    endMs: epochMs(segments[index + 1]?.startMs ?? endMs),
    value,
  }));
}
