/** Queries on intensity series. Values are keyed by series and 5-minute step; durations are whole steps, at most a day. */
import type { Basis, IntensityPoint, Signal } from '../../shared/grid/intensity.ts';
import { DAY_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { epochMs, gramsPerKwh } from '../../shared/units.ts';

/** 2^24 steps of 5 minutes last until 2129. */
const STEPS_PER_SERIES = 2 ** 24;
/** No value is longer, so a range need look back no further to find what overlaps its start. */
export const MAX_INTERVAL_MS = DAY_MS;

const READ_INTENSITY = `
  SELECT v.key AS key, v.duration_ms AS durationMs, v.grams_per_kwh AS gramsPerKwh, v.kind AS kind,
         v.method AS method, v.issued_at_ms AS issuedAtMs, v.fetched_at_ms AS fetchedAtMs, s.provider AS provider
    FROM grid_series s
    JOIN grid_values v ON v.key >= s.id * ${STEPS_PER_SERIES} + ?4 AND v.key < s.id * ${STEPS_PER_SERIES} + ?5
   WHERE s.grid_zone = ?1 AND s.basis = ?2 AND s.signal = ?3
   ORDER BY v.key % ${STEPS_PER_SERIES}, s.provider`;

interface ValueRow {
  readonly key: number;
  readonly durationMs: number;
  readonly gramsPerKwh: number;
  readonly kind: 'measured' | 'estimated' | 'forecast';
  readonly method: string | null;
  readonly issuedAtMs: number | null;
  readonly fetchedAtMs: number;
  readonly provider: string;
}

export interface IntensityRange {
  readonly gridZone: string;
  readonly basis: Basis;
  readonly signal: Signal;
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The stored points of **every** provider that overlap `[fromMs, toMs)`, by start, then provider. Which of them holds
 * for a window is the resolver's decision (shared/grid/resolve.ts), which also needs `LOOKBACK_MS` before the first
 * window; `worker/use-cases/grid-intensity.ts` does both.
 */
export async function readIntensity(db: D1Database, range: IntensityRange): Promise<IntensityPoint[]> {
  const firstStep = Math.floor((range.fromMs - MAX_INTERVAL_MS) / WINDOW_MS);
  const endStep = Math.ceil(range.toMs / WINDOW_MS);
  const { results } = await db
    .prepare(READ_INTENSITY)
    .bind(range.gridZone, range.basis, range.signal, Math.max(firstStep, 0), endStep)
    .all<ValueRow>();
  return results.map(toPoint).filter((point) => point.endMs > range.fromMs);
}

function toPoint(row: ValueRow): IntensityPoint {
  const startMs = (row.key % STEPS_PER_SERIES) * WINDOW_MS;
  return {
    startMs: epochMs(startMs),
    endMs: epochMs(startMs + row.durationMs),
    gramsPerKwh: gramsPerKwh(row.gramsPerKwh),
    kind: row.kind,
    provider: row.provider,
    method: row.method,
    issuedAtMs: row.issuedAtMs === null ? null : epochMs(row.issuedAtMs),
    fetchedAtMs: epochMs(row.fetchedAtMs),
  };
}
