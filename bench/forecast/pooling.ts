/**
 * The share of the perfect saving over several zones, pooled in each way that a figure may mean: by percent, in which each zone
 * weighs alike, or by grams, in which dirty grids are nearly all of it.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Figure } from '../figures.ts';
import { readLines } from './series.ts';
import { ISSUED_EVERY_HOURS, JOBS, type Savings } from './shifting.ts';

export interface ZoneSavings {
  readonly zone: string;
  /** By job, in the order of `JOBS`. */
  readonly jobs: readonly Savings[];
}

/** Zones of the published table of savings, with whose ridge of 15 inputs ours are compared. */
const PUBLISHED_TABLE = 'WINDOW_PICKING_2024Q4.csv';

export function greenestFigures(folder: string, all: readonly ZoneSavings[]): Figure[] {
  const published = publishedZones(folder);
  const compared = all.filter(({ zone }) => published?.has(zone));
  return JOBS.flatMap(({ name }, index): Figure[] => {
    const of = (zones: readonly ZoneSavings[]) => zones.map(({ jobs }) => jobs[index]!);
    const figure = (suffix: string, value: number, note: string): Figure => ({
      name: `greenest.share_of_perfect${suffix}{${name}}`,
      value,
      unit: 'ratio',
      note,
    });
    const every = of(all);
    const perfect = every.reduce((sum, savings) => sum + savings.perfect, 0) / every.length;
    const yesterday = share(every, ({ sameHourYesterday }) => sameHourYesterday);
    return [
      figure(
        '',
        share(every, ({ ours }) => ours),
        `of the saving of perfect foresight, ${(100 * perfect).toFixed(1)} % in the mean of zones; same hour yesterday ${yesterday.toFixed(3)}`,
      ),
      figure(
        '_asked_again',
        share(every, ({ askedAgain }) => askedAgain),
        `the same for a job that asks again every ${ISSUED_EVERY_HOURS} hours while it waits, as wattshed when-green does`,
      ),
      figure(
        '_in_grams',
        share(
          every,
          ({ ours }) => ours,
          ({ nowGramsPerKwh }) => nowGramsPerKwh,
        ),
        'the same, each zone weighing by its grams',
      ),
      ...(compared.length === 0
        ? []
        : [
            figure(
              '_published_zones',
              share(of(compared), ({ ours }) => ours),
              `the same, over the ${compared.length} zones of ${PUBLISHED_TABLE}`,
            ),
          ]),
    ];
  });
}

/** Of sums over zones. */
export function share(
  savings: readonly Savings[],
  pick: (savings: Savings) => number,
  weight: (savings: Savings) => number = () => 1,
): number {
  const sum = (value: (savings: Savings) => number) =>
    savings.reduce((total, each) => total + weight(each) * value(each), 0);
  return sum(pick) / sum(({ perfect }) => perfect);
}

/** Null where the folder has no such table. */
function publishedZones(folder: string): ReadonlySet<string> | null {
  const path = join(folder, PUBLISHED_TABLE);
  if (!existsSync(path)) return null;
  return new Set(readLines(path).map(([zone]) => zone!));
}
