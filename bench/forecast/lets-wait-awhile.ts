/**
 * What "Let's Wait Awhile" (Wiesner et al., Middleware 2021) tells of 2020, from the series it was made of, repository
 * dos-group/lets-wait-awhile: `lwa_<ZONE>_2020_*.csv.gz`, of which its notebooks take the values at full and half hours. The
 * means, the weekend and one cell of the machine-learning scenario are printed there; the nightly jobs and the other cells
 * are pictures only, and California is not among the stored series.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type GreenestStep, greenest } from '../../shared/grid/greenest/greenest.ts';
import type { Figure } from '../figures.ts';
import { knownStep, readLines } from './series.ts';

const SLOT_MS = 1_800_000;
const SLOTS_PER_DAY = 48;
const SLOTS_PER_WEEK = 7 * SLOTS_PER_DAY;
const FROM_MS = Date.parse('2020-01-01T00:00:00Z');
/** The last is the first of the next year, as there. */
const SLOTS_OF_2020 = 366 * SLOTS_PER_DAY + 1;
/** 2020 began on a Wednesday. */
const FIRST_WEEKDAY = 2;
const SATURDAY = 5;

/** g/kWh; percent. */
const PUBLISHED: Readonly<
  Record<string, { mean: number; weekendDrop: number; whole: number; inPieces: number }>
> = {
  DE: { mean: 313.396, weekendDrop: 25.42, whole: 5.91, inPieces: 7.93 },
  GB: { mean: 212.942, weekendDrop: 22.68, whole: 6.56, inPieces: 9.03 },
  FR: { mean: 56.337, weekendDrop: 22.15, whole: 4.77, inPieces: 5.92 },
};

/** Of the zones whose series the folder holds. */
export function letsWaitAwhile(folder: string): Figure[] {
  return Object.entries(PUBLISHED).flatMap(([zone, published]) => {
    const file = readdirSync(folder).find((name) => name.startsWith(`lwa_${zone}_2020_`));
    if (file === undefined) return [];
    const grams = readSlots(join(folder, file));
    const year = grams.slice(0, SLOTS_OF_2020);
    const { whole, inPieces } = trainingSavings(grams);
    const jobs = 'every workday, here in the mean of all starts and durations, there 3,387 drawn at random';
    return [
      figure(`mean{${zone}}`, mean(year), 'g/kWh', `${published.mean}`),
      figure(`weekend_drop{${zone}}`, weekendDropPercent(year), '%', `${published.weekendDrop} %`),
      figure(`training_saving{${zone}}`, whole, '%', `${published.whole} %; ${jobs}`),
      figure(`training_saving{${zone},pauses}`, inPieces, '%', `${published.inPieces} %; ${jobs}`),
    ];
  });
}

const figure = (name: string, value: number, unit: string, published: string): Figure => ({
  name: `greenest.lets_wait_awhile_${name}`,
  value,
  unit,
  note: `published: ${published}`,
});

function readSlots(path: string): number[] {
  const grams: number[] = [];
  for (const [time, value] of readLines(path)) {
    const slot = (Date.parse(time!) - FROM_MS) / SLOT_MS;
    if (slot >= 0 && Number.isInteger(slot)) grams[slot] = Number(value);
  }
  return grams;
}

const weekdayOf = (slot: number) => (Math.floor(slot / SLOTS_PER_DAY) + FIRST_WEEKDAY) % 7;

/** Each half-hour of the week by its median over the year, then the mean of the weekend against that of the workdays. */
function weekendDropPercent(year: readonly number[]): number {
  const medians = Array.from({ length: SLOTS_PER_WEEK }, (_, ofWeek) => {
    const first = (ofWeek + (7 - FIRST_WEEKDAY) * SLOTS_PER_DAY) % SLOTS_PER_WEEK;
    return median(year.filter((_value, slot) => slot % SLOTS_PER_WEEK === first));
  });
  const saturday = SATURDAY * SLOTS_PER_DAY;
  return 100 * (1 - mean(medians.slice(saturday)) / mean(medians.slice(0, saturday)));
}

/**
 * Training jobs of 4 to 90 hours that are submitted between 9:00 and 17:00 of a workday and must be done by 9:00 of the
 * next workday where they would have ended outside working hours, else as soon as they would have; perfect foresight.
 */
function trainingSavings(grams: readonly number[]): { whole: number; inPieces: number } {
  const sums = { atOnce: 0, whole: 0, inPieces: 0 };
  for (let day = 0; day < 366; day++) {
    if (weekdayOf(day * SLOTS_PER_DAY) >= SATURDAY) continue;
    for (let start = 18; start < 34; start += 5)
      for (let duration = 8; duration < 180; duration += 19) {
        const first = day * SLOTS_PER_DAY + start;
        const deadline = nextWorkingHour(first + duration);
        const steps = grams.slice(first, deadline).map((value, i) => knownStep(value, first + i, SLOT_MS));
        const whole = place(steps, duration, false);
        sums.atOnce += whole.startNow!.grams;
        sums.whole += whole.best.grams;
        sums.inPieces += place(steps, duration, true).best.grams;
      }
  }
  const percent = (shifted: number) => 100 * (1 - shifted / sums.atOnce);
  return { whole: percent(sums.whole), inPieces: percent(sums.inPieces) };
}

/** @param end slot at which the job would end if it started at once */
function nextWorkingHour(end: number): number {
  const weekday = weekdayOf(end);
  const hour = (end % SLOTS_PER_DAY) / 2;
  const nineOf = (daysOn: number) => (Math.floor(end / SLOTS_PER_DAY) + daysOn) * SLOTS_PER_DAY + 18;
  if (weekday === SATURDAY) return nineOf(2);
  if (weekday > SATURDAY || hour > 17) return nineOf(1);
  return hour < 9 ? nineOf(0) : end;
}

function place(steps: readonly GreenestStep[], slots: number, interruptible: boolean) {
  const { zones } = greenest({
    zones: [{ gridZone: 'zone', steps }],
    durationMs: slots * SLOT_MS,
    notBeforeMs: steps[0]!.startMs,
    deadlineMs: steps.at(-1)!.endMs,
    powerWatts: 1_000,
    interruptible,
  });
  return zones[0]!;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}
