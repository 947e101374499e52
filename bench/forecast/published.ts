/**
 * Published results on shifting: mean saving of a job that may start in any of the next 24 hours, over all hours of 2022, with
 * perfect foresight (Sukprasert et al., EuroSys 2024, repository umassos/decarbonization-potential). Two zones are of its own
 * series; the others of downloads of later years, in which 2022 has been revised.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { greenest } from '../../shared/grid/greenest/greenest.ts';
import type { Figure } from '../figures.ts';
import { knownStep, readFile } from './series.ts';

const HOUR_MS = 3_600_000;
const SLACK_HOURS = 24;
const FROM_HOUR = Date.parse('2022-01-01T00:00:00Z') / HOUR_MS;
const HOURS_OF_2022 = 8_760;

/** Percent, by hours of the job: without pauses, and with them where that is published. */
const PUBLISHED: Readonly<Record<string, Readonly<Record<number, readonly [number, number?]>>>> = {
  'DK-DK1': { 1: [30.83], 6: [23.77, 26.22], 24: [12.94, 19.16], 168: [2.88, 8.42] },
  'DK-DK2': { 1: [28.5], 6: [23.01, 25.04], 24: [12.38, 18.93], 168: [2.63, 8.8] },
  GB: { 1: [23.0], 6: [19.81, 20.72], 24: [9.7, 14.49], 168: [2.15, 5.23] },
  DE: { 1: [23.35], 6: [20.23, 20.98], 24: [6.89, 13.47], 168: [1.62, 4.37] },
  FR: { 1: [18.08], 6: [14.56, 15.58], 24: [6.52, 10.42], 168: [1.53, 3.82] },
  'US-CAL-CISO': { 1: [32.84], 6: [29.99, 30.66], 24: [3.57, 18.71], 168: [0.88, 4.32] },
  'US-MIDA-PJM': { 1: [5.55], 6: [4.44, 4.71], 24: [1.8, 3.04], 168: [0.42, 1.13] },
};

/** Of the zones whose `em_<ZONE>_2022_hourly.csv.gz` the folder holds, or a longer series with that year. */
export function publishedShifting(folder: string): Figure[] {
  return Object.entries(PUBLISHED).flatMap(([zone, byHours]) => {
    const ofYear = [`em_${zone}_2022_hourly.csv.gz`, `em_${zone}_2021-2024_hourly.csv.gz`];
    const file = readdirSync(folder).find((name) => ofYear.includes(name));
    if (file === undefined) return [];
    const { startHour, lifecycle } = readFile(zone, join(folder, file));
    const year = lifecycle.subarray(FROM_HOUR - startHour).subarray(0, HOURS_OF_2022);
    const series = file === ofYear[0] ? '' : ', of another download';
    return Object.entries(byHours).flatMap(([hours, published]) =>
      published.map(
        (percent, pauses): Figure => ({
          name: `greenest.published_saving{${zone},${hours}h_in_24h${pauses ? ',pauses' : ''}}`,
          value: savingPercent(year, Number(hours), pauses > 0),
          unit: '%',
          note: `published: ${percent} %${series}`,
        }),
      ),
    );
  });
}

function savingPercent(grams: Float64Array, hours: number, interruptible: boolean): number {
  const steps = Array.from(grams, (gramsPerKwh, hour) => knownStep(gramsPerKwh, hour, HOUR_MS));
  let atOnce = 0;
  let shifted = 0;
  for (let first = 0; first + hours + SLACK_HOURS <= steps.length; first++) {
    const { zones } = greenest({
      zones: [{ gridZone: 'zone', steps: steps.slice(first, first + hours + SLACK_HOURS) }],
      durationMs: hours * HOUR_MS,
      notBeforeMs: first * HOUR_MS,
      deadlineMs: (first + hours + SLACK_HOURS) * HOUR_MS,
      powerWatts: 1_000,
      interruptible,
    });
    atOnce += zones[0]!.startNow!.grams;
    shifted += zones[0]!.best.grams;
  }
  return 100 * (1 - shifted / atOnce);
}
