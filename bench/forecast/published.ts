/**
 * Published results on shifting, from the series that they were made of: mean saving of a job that may start in any of the next 24 hours,
 * over all hours of 2022, with perfect foresight (Sukprasert et al., EuroSys 2024, repository umassos/decarbonization-potential).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type GreenestStep, greenest } from '../../shared/grid/greenest/greenest.ts';
import type { Figure } from '../figures.ts';
import { readFile } from './series.ts';

const HOUR_MS = 3_600_000;
const SLACK_HOURS = 24;
/** Percent, by hours of the job. */
const PUBLISHED: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  'DK-DK1': { 1: 30.83, 6: 23.77, 12: 18.43, 24: 12.94 },
  'DK-DK2': { 1: 28.5, 6: 23.01, 12: 18.05, 24: 12.38 },
};

/** Of the zones whose `em_<ZONE>_2022_hourly.csv.gz` the folder holds. */
export function publishedShifting(folder: string): Figure[] {
  return Object.entries(PUBLISHED).flatMap(([zone, byHours]) => {
    const file = join(folder, `em_${zone}_2022_hourly.csv.gz`);
    if (!existsSync(file)) return [];
    const { lifecycle } = readFile(zone, file);
    return Object.entries(byHours).map(
      ([hours, published]): Figure => ({
        name: `greenest.published_saving{${zone},${hours}h_in_24h}`,
        value: savingPercent(lifecycle, Number(hours)),
        unit: '%',
        note: `published: ${published} %`,
      }),
    );
  });
}

function savingPercent(grams: Float64Array, hours: number): number {
  const steps = Array.from(grams, (gramsPerKwh, hour): GreenestStep => {
    const band = { gramsPerKwhLow: gramsPerKwh, gramsPerKwhHigh: gramsPerKwh };
    return { startMs: hour * HOUR_MS, endMs: (hour + 1) * HOUR_MS, gramsPerKwh, ...band };
  });
  let atOnce = 0;
  let shifted = 0;
  for (let first = 0; first + hours + SLACK_HOURS <= steps.length; first++) {
    const { zones } = greenest({
      zones: [{ gridZone: 'zone', steps: steps.slice(first, first + hours + SLACK_HOURS) }],
      durationMs: hours * HOUR_MS,
      notBeforeMs: first * HOUR_MS,
      deadlineMs: (first + hours + SLACK_HOURS) * HOUR_MS,
      powerWatts: 1_000,
      interruptible: false,
    });
    atOnce += zones[0]!.startNow!.grams;
    shifted += zones[0]!.best.grams;
  }
  return 100 * (1 - shifted / atOnce);
}
