/**
 * What a job emits by the intensity of its own hours, against the yearly average: the spread over job starts through a whole
 * real year, after Wright et al., "Efficiency is Not Enough" (arXiv 2309.02065), figure 2.
 *
 * The paper plots hourly intensities (Electricity Maps, 2019 to 2023, Denmark and two regions of Great Britain): wide, with
 * peaks, and unlike one another. No numbers of its figure were to be had, so none is asserted. What is compared is the
 * quantity: grams of one job of constant power by its own hours over grams by the yearly average, for every hour that it may
 * start in, from the same source for West Denmark in 2022, with bounds that were measured on that series; and, of what the
 * paper says, that such a spread is a windy grid's own and not any grid's.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { intensityResolver } from '../../../shared/grid/resolve.ts';
import { DEFAULT_TRUST } from '../../../shared/grid/trust.ts';
import { HOUR_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';

const START_MS = Date.UTC(2022, 0);
const file = new URL('../../fixtures/grid-history/dk-dk1-2022.csv', import.meta.url);
const hours = readFileSync(file, 'utf8').trimEnd().split('\n').slice(1).map(Number);
const query = { gridZone: 'DK-DK1', basis: 'lifecycle', signal: 'average' } as const;
const points = hours.map((value, hour) => ({
  startMs: epochMs(START_MS + hour * HOUR_MS),
  endMs: epochMs(START_MS + (hour + 1) * HOUR_MS),
  gramsPerKwh: gramsPerKwh(value),
  kind: 'measured' as const,
  provider: 'electricity-maps',
  method: null,
  issuedAtMs: null,
  fetchedAtMs: epochMs(START_MS),
}));

/** Sums of intensity over the windows before each hour, so that every start of the year is one subtraction. */
function sumsBefore(resolve: ReturnType<typeof intensityResolver>): number[] {
  const sums = [0];
  for (let hour = 0; hour < hours.length; hour++) {
    let sum = sums[hour]!;
    for (let ms = 0; ms < HOUR_MS; ms += WINDOW_MS)
      sum += resolve(START_MS + hour * HOUR_MS + ms)!.gramsPerKwh;
    sums.push(sum);
  }
  return sums;
}

const realTime = sumsBefore(intensityResolver(query, points));
const yearly = sumsBefore(
  intensityResolver(query, points, () => ({ ...DEFAULT_TRUST, providers: ['none'], fallbacks: ['annual'] })),
);

/** Real-time over yearly-average grams of a job of constant power, for every hour that it may start in; ascending. */
function ratios(jobHours: number): number[] {
  const starts = hours.length - jobHours + 1;
  const spent = (sums: readonly number[], start: number) => sums[start + jobHours]! - sums[start]!;
  return Array.from({ length: starts }, (_, start) => spent(realTime, start) / spent(yearly, start)).sort(
    (a, b) => a - b,
  );
}
const at = (sorted: readonly number[], share: number) => sorted[Math.floor(share * (sorted.length - 1))]!;
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

test('the year is whole, and its published average is that of its hours', () => {
  expect(hours).toHaveLength(8759);
  expect(mean(hours)).toBeCloseTo(200.61, 2);
  // The table of yearly averages says 199: the same year, later revised.
  expect(yearly.at(-1)! / (hours.length * 12)).toBeCloseTo(199, 6);
});

test.each([
  // Job hours; least, 5th, 50th and 95th percentile, most; mean distance from the yearly figure.
  [1, [0.21, 0.4, 0.94, 1.88, 3.09], 0.355],
  [24, [0.25, 0.45, 0.94, 1.81, 2.47], 0.31],
  [168, [0.33, 0.57, 0.97, 1.55, 1.91], 0.24],
])(
  'a job of %i hours is anything from a fraction to a multiple of its yearly figure',
  (length, spread, off) => {
    const sorted = ratios(length);
    [0, 0.05, 0.5, 0.95, 1].forEach((share, i) => {
      expect(Math.abs(at(sorted, share) - spread[i]!)).toBeLessThan(0.01);
    });
    expect(Math.abs(mean(sorted.map((ratio) => Math.abs(ratio - 1))) - off)).toBeLessThan(0.01);
  },
);

test('over all starts the two accountings agree: the yearly average is right only in the mean', () => {
  for (const length of [1, 24, 168]) expect(Math.abs(mean(ratios(length)) - 1)).toBeLessThan(0.011);
});

test('the longer the job, the less its start decides, yet a week still decides much', () => {
  const spreads = [1, 24, 168].map((length) => at(ratios(length), 0.95) / at(ratios(length), 0.05));
  expect(spreads[0]).toBeGreaterThan(spreads[1]!);
  expect(spreads[1]).toBeGreaterThan(spreads[2]!);
  expect(spreads[2]).toBeGreaterThan(2);
});

test('the spread is the grid’s own: wide in windy Denmark, next to nothing where coal runs day and night', () => {
  const spreadOf = (name: string) => {
    const year = readFileSync(new URL(`../../fixtures/grid-history/${name}`, import.meta.url), 'utf8');
    // 2024 alone; the month before is for other tests.
    const values = year.trimEnd().split('\n').map(Number).slice(-8784);
    const average = mean(values);
    const days = Array.from(
      { length: values.length - 23 },
      (_, start) => mean(values.slice(start, start + 24)) / average,
    ).sort((a, b) => a - b);
    return at(days, 0.95) - at(days, 0.05);
  };
  expect(spreadOf('dk-2023-12-to-2024-12-hourly.txt')).toBeGreaterThan(0.9);
  expect(spreadOf('za-2023-12-to-2024-12-hourly.txt')).toBeLessThan(0.1);
});
