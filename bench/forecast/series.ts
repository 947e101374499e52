/** Reads a folder of hourly series: `em_<ZONE>_*_hourly.csv.gz`, `time_utc,gCO2_per_kWh,gCO2_per_kWh_direct,...`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { GreenestStep } from '../../shared/grid/greenest/greenest.ts';

const HOUR_MS = 3_600_000;

export interface ZoneSeries {
  readonly zone: string;
  readonly startHour: number;
  /** NaN where there is none. */
  readonly lifecycle: Float64Array;
  readonly direct: Float64Array;
}

/** A year to learn from, and the test months. */
const LEAST_HOURS = 13_000;

/** The longest series of each zone that is long enough. */
export function readSeries(folder: string): ZoneSeries[] {
  const byZone = new Map<string, ZoneSeries>();
  for (const file of readdirSync(folder).sort()) {
    const zone = /^em_(.+)_[\d-]+_hourly\.csv\.gz$/.exec(file)?.[1];
    if (zone === undefined) continue;
    const series = readFile(zone, join(folder, file));
    if (series.lifecycle.length < LEAST_HOURS) continue;
    if (series.lifecycle.length > (byZone.get(zone)?.lifecycle.length ?? 0)) byZone.set(zone, series);
  }
  return [...byZone.values()];
}

export function readFile(zone: string, path: string): ZoneSeries {
  const rows = readLines(path);
  const hour = (row: readonly string[]) => Date.parse(row[0]!) / HOUR_MS;
  const startHour = hour(rows[0]!);
  const length = hour(rows.at(-1)!) - startHour + 1;
  const lifecycle = new Float64Array(length).fill(Number.NaN);
  const direct = new Float64Array(length).fill(Number.NaN);
  for (const row of rows) {
    lifecycle[hour(row) - startHour] = numberOf(row[1]);
    direct[hour(row) - startHour] = numberOf(row[2]);
  }
  return { zone, startHour, lifecycle, direct };
}

/** The cells of each line but the first. */
export const readLines = (path: string): string[][] =>
  (path.endsWith('.gz') ? gunzipSync(readFileSync(path)) : readFileSync(path))
    .toString('utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','));

/** @param index of the step since some instant 0 */
export const knownStep = (gramsPerKwh: number, index: number, stepMs: number): GreenestStep => ({
  startMs: index * stepMs,
  endMs: (index + 1) * stepMs,
  gramsPerKwh,
  gramsPerKwhLow: gramsPerKwh,
  gramsPerKwhHigh: gramsPerKwh,
});

const numberOf = (cell: string | undefined) =>
  cell === undefined || cell === '' ? Number.NaN : Number(cell);
