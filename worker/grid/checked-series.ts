/** Every provider's rows pass through here: what cannot be true is refused by name, row by row. */
import { WINDOW_MS } from '../../shared/time/window.ts';
import { type EpochMs, epochMs, gramsPerKwh } from '../../shared/units.ts';
import type { FetchOutcome, ProviderValue, SeriesRequest } from './provider.ts';

/** No grid on earth burns worse than lignite in an old plant, some 1,300 g/kWh. */
export const MAX_GRAMS_PER_KWH = 2000;

/** A row that names its interval, yet unchecked. */
export type CandidateValue = Omit<ProviderValue, 'startMs' | 'endMs' | 'gramsPerKwh' | 'issuedAtMs'> & {
  readonly startMs: number;
  readonly gramsPerKwh: number;
  readonly issuedAtMs: number | null;
};

/** A row of a reply: a candidate, `null` where the provider has no value for the interval, or why it cannot be read. */
export type Row = CandidateValue | null | { readonly unreadable: string };

export interface SeriesRules {
  /** The one interval length that this provider uses. */
  readonly stepMs: number;
  /** Whether a reply of nothing but zeros can be true: only where combustion may truly be absent. */
  readonly mayBeAllZero: boolean;
}

/**
 * The rows as an outcome: values inside the requested range, ascending, one per interval; or why there are none.
 * Identical duplicates are one value; two different values for one interval are both refused, since nobody can tell
 * which is right.
 */
export function checkedSeries(
  rows: readonly Row[],
  { fromMs, toMs }: SeriesRequest,
  { stepMs, mayBeAllZero }: SeriesRules,
): FetchOutcome {
  const refused: string[] = [];
  const values = new Map<number, ProviderValue>();
  const conflicting = new Set<number>();
  for (const row of rows) {
    if (row === null) continue;
    if ('unreadable' in row) {
      refused.push(row.unreadable);
      continue;
    }
    const problem = problemOf(row, stepMs);
    if (problem !== null) {
      refused.push(problem);
      continue;
    }
    // Some services give one interval more than was asked for.
    if (row.startMs + stepMs <= fromMs || row.startMs >= toMs) continue;
    const rival = values.get(row.startMs);
    if (rival && (rival.gramsPerKwh !== row.gramsPerKwh || rival.kind !== row.kind))
      conflicting.add(row.startMs);
    values.set(row.startMs, toValue(row, stepMs));
  }
  for (const startMs of conflicting) {
    values.delete(startMs);
    refused.push(`two different values for ${iso(startMs)}`);
  }

  const series = [...values.values()].sort((a, b) => a.startMs - b.startMs);
  if (series.length === 0) {
    return refused.length > 0
      ? { outcome: 'failed', reason: `all ${refused.length} rows refused: ${refused[0]}` }
      : { outcome: 'noData', reason: 'the reply has no values for the time asked for' };
  }
  if (!mayBeAllZero && series.length > 1 && series.every((value) => value.gramsPerKwh === 0)) {
    return {
      outcome: 'failed',
      reason: `all ${series.length} values are exactly zero: an outage, not clean power`,
    };
  }
  return { outcome: 'values', values: series, refused };
}

function problemOf({ startMs, gramsPerKwh }: CandidateValue, stepMs: number): string | null {
  if (!Number.isSafeInteger(startMs)) return 'a start that is no instant';
  if (startMs % WINDOW_MS !== 0 || startMs % stepMs !== 0) return `start ${iso(startMs)} is not on the step`;
  if (!Number.isFinite(gramsPerKwh)) return `no finite value at ${iso(startMs)}`;
  if (gramsPerKwh < 0 || gramsPerKwh > MAX_GRAMS_PER_KWH) return `${gramsPerKwh} g/kWh at ${iso(startMs)}`;
  return null;
}

function toValue(row: CandidateValue, stepMs: number): ProviderValue {
  const instantOrNull = (ms: number | null): EpochMs | null =>
    ms !== null && Number.isSafeInteger(ms) ? epochMs(ms) : null;
  return {
    startMs: epochMs(row.startMs),
    endMs: epochMs(row.startMs + stepMs),
    gramsPerKwh: gramsPerKwh(row.gramsPerKwh),
    kind: row.kind,
    method: row.method,
    issuedAtMs: instantOrNull(row.issuedAtMs),
  };
}

function iso(instantMs: number): string {
  return Math.abs(instantMs) <= 8.64e15 ? new Date(instantMs).toISOString() : String(instantMs);
}
