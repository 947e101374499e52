/** A year of real intensity with a replayed fleet, as windows that rules are folded over. */
import { readFileSync } from 'node:fs';
import type { ZoneWindow } from '../../../shared/alerts/condition.ts';
import { type Usual, usualOf } from '../../../shared/alerts/usual.ts';
import { WINDOWS_PER_HOUR } from '../../../shared/time/window.ts';

export const WINDOW_MS = 300_000;
export const HOUR_MS = 3_600_000;
/** The recorded hours begin a month before the year. */
const RECORDED_FROM_MS = Date.UTC(2023, 11, 1);
export const YEAR_FROM_MS = Date.UTC(2024, 0, 1);
export const YEAR_TO_MS = Date.UTC(2025, 0, 1);
const HOURS_PER_DAY = 24;

/** gCO2eq/kWh by hour since `RECORDED_FROM_MS`. */
export function recordedHours(zone: 'dk' | 'za'): number[] {
  const path = new URL(`../../fixtures/grid-history/${zone}-2023-12-to-2024-12-hourly.txt`, import.meta.url);
  return readFileSync(path, 'utf8').trim().split('\n').map(Number);
}

export const hourIndex = (instantMs: number) => Math.floor((instantMs - RECORDED_FROM_MS) / HOUR_MS);

/** The 720 hours before the UTC day of an instant. */
export function monthBefore(hours: readonly number[], instantMs: number): number[] {
  const midnight = hourIndex(instantMs) - (hourIndex(instantMs) % HOURS_PER_DAY);
  return hours.slice(midnight - 30 * HOURS_PER_DAY, midnight);
}

/** Watts and idle watts of a fleet that trains on weekdays, stands idle at nights, and once lost its meters for hours. */
export function loadAt(startMs: number): { watts: number; idleWatts: number } | null {
  const date = new Date(startMs);
  const hour = date.getUTCHours();
  if (date.getUTCMonth() === 4 && date.getUTCDate() === 20 && hour < 7) return null;
  const working = date.getUTCDay() % 6 !== 0 && hour >= 6 && hour < 22;
  // A trembling between 80 % and 120 % of a threshold of 8 kW, from the instant alone.
  const tremble = ((startMs / WINDOW_MS) * 7_919) % 17;
  const watts = working ? 7_000 + tremble * 200 : 2_000 + tremble * 50;
  return { watts, idleWatts: working ? tremble * 20 : 1_500 + tremble * 50 };
}

export function yearOf(zone: 'dk' | 'za'): ZoneWindow[] {
  const hours = recordedHours(zone);
  const windows: ZoneWindow[] = [];
  let usual: Usual | null = null;
  for (let startMs = YEAR_FROM_MS; startMs < YEAR_TO_MS; startMs += WINDOW_MS) {
    if (startMs % (HOURS_PER_DAY * HOUR_MS) === 0)
      usual = usualOf(
        monthBefore(hours, startMs).flatMap((value) => Array.from({ length: WINDOWS_PER_HOUR }, () => value)),
        'consumption',
      );
    const load = loadAt(startMs);
    const energy = load === null ? 0 : load.watts * WINDOW_MS;
    const facts =
      load === null
        ? [0, 0, 0, 1, 600_000, 0, 0, 0]
        : [energy, load.idleWatts * WINDOW_MS, (energy * 1.2) / 3.6e9, 1, 600_000, 590_000, 2, 0];
    windows.push({ startMs, facts, gramsPerKwh: hours[hourIndex(startMs)]!, scope: 'consumption', usual });
  }
  return windows;
}
