/** Laws of moved loads: staying is a choice, more choice never saves less, energy stays, and a plain reference agrees. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type IntensityTable, intensityTable } from '../../../shared/counterfactual/intensity-table.ts';
import { type Load, LoadBook } from '../../../shared/counterfactual/load.ts';
import { chargeAt, type Moves, movesOf, workOf } from '../../../shared/counterfactual/move.ts';
import { MovedSums } from '../../../shared/counterfactual/sums.ts';
import type { IntensityPoint } from '../../../shared/grid/intensity.ts';
import { WINDOW_MS } from '../../../shared/time/window.ts';
import { epochMs, gramsPerKwh, MILLIJOULES_PER_KWH } from '../../../shared/units.ts';

const START_MS = Date.UTC(2024, 4, 17);
const WINDOWS = 48;
const HOMES = ['DE', 'FR'] as const;
const ZONES = ['DE', 'FR', 'SE-SE3', 'PL'] as const;
type Zone = (typeof ZONES)[number];

/** One device's energy in one window, at one PUE. */
interface Booked {
  readonly window: number;
  readonly gridZone: (typeof HOMES)[number];
  readonly energyMillijoules: number;
  readonly pueRatio: number;
}
type Series = Readonly<Record<Zone, readonly (number | null)[]>>;

const booked = fc.array(
  fc.record({
    window: fc.integer({ min: 0, max: 11 }),
    gridZone: fc.constantFrom(...HOMES),
    energyMillijoules: fc.integer({ min: 0, max: 2 ** 40 }),
    pueRatio: fc.double({ min: 1, max: 2, noNaN: true }),
  }),
  { minLength: 1, maxLength: 20 },
);
/** Now and then a window that nothing is known of; zero is a value. */
const intensities = fc.array(
  fc.option(fc.double({ min: 0, max: 900, noNaN: true }), { freq: 25, nil: null }),
  { minLength: WINDOWS, maxLength: WINDOWS },
);
const series: fc.Arbitrary<Series> = fc.record({
  DE: intensities,
  FR: intensities,
  'SE-SE3': intensities,
  PL: intensities,
});
const slackWindows = fc.integer({ min: 0, max: 36 });
const others = fc.subarray([...ZONES]);

function loadOf(energies: readonly Booked[]): { book: LoadBook; load: Load } {
  const book = new LoadBook();
  for (const { window, energyMillijoules, ...place } of energies)
    book.add(
      START_MS + window * WINDOW_MS,
      { energyMillijoules, recoveredMillijoules: 0, kind: 'counter' },
      place,
    );
  return { book, load: book.toLoad() };
}

function tablesOf(values: Series): (gridZone: string) => IntensityTable {
  const tables = new Map<string, IntensityTable>(
    ZONES.map((zone) => {
      const resolve = (windowStartMs: number): IntensityPoint | null => {
        const value = values[zone][(windowStartMs - START_MS) / WINDOW_MS] ?? null;
        return value === null
          ? null
          : {
              startMs: epochMs(windowStartMs),
              endMs: epochMs(windowStartMs + WINDOW_MS),
              gramsPerKwh: gramsPerKwh(value),
              kind: value < 450 ? 'measured' : 'estimated',
              provider: 'test',
              method: null,
              issuedAtMs: null,
              fetchedAtMs: epochMs(0),
            };
      };
      return [zone, intensityTable(resolve, START_MS, START_MS + WINDOWS * WINDOW_MS)];
    }),
  );
  return (gridZone) => tables.get(gridZone)!;
}

function ask(energies: readonly Booked[], values: Series, slack: number, gridZones: readonly string[]) {
  const { load } = loadOf(energies);
  const latestStartMs = load.startMs + slack * WINDOW_MS;
  return movesOf({ load, latestStartMs, gridZones, tableOf: tablesOf(values) });
}

/** Straight from what was booked; null where a window that has energy has no intensity. */
function gramsBooked(energies: readonly Booked[], values: Series, shift: number, zone: Zone | null) {
  let grams = 0;
  for (const { window, gridZone, energyMillijoules, pueRatio } of energies) {
    if (energyMillijoules === 0) continue;
    const intensity = values[zone ?? gridZone][window + shift] ?? null;
    if (intensity === null) return null;
    grams += (energyMillijoules / MILLIJOULES_PER_KWH) * pueRatio * intensity;
  }
  return grams;
}

const close = (actual: number, expected: number) =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected)));

test('every choice is the least of all that a plain reference tries', () => {
  fc.assert(
    fc.property(booked, series, slackWindows, others, (energies, values, slack, gridZones) => {
      const moves = ask(energies, values, slack, gridZones);
      const stayed = gramsBooked(energies, values, 0, null);
      if (stayed === null) {
        expect(moves).toBeNull();
        return;
      }
      const least = (shifts: number, zones: readonly (Zone | null)[]) => {
        const all = zones.flatMap((zone) =>
          Array.from({ length: shifts + 1 }, (_, shift) => gramsBooked(energies, values, shift, zone)),
        );
        return Math.min(...all.filter((grams) => grams !== null));
      };
      close(moves!.stayed.grams, stayed);
      close(moves!.inTime.grams, least(slack, [null]));
      close(moves!.inPlace.grams, least(0, [null, ...gridZones]));
      close(moves!.best.grams, least(slack, [null, ...gridZones]));
    }),
  );
});

test('nothing saves less than staying, and the spot named is what it costs', () => {
  fc.assert(
    fc.property(booked, series, slackWindows, others, (energies, values, slack, gridZones) => {
      const moves = ask(energies, values, slack, gridZones);
      if (moves === null) return;
      const { load } = loadOf(energies);
      for (const name of ['stayed', 'inTime', 'inPlace', 'best'] as const) {
        const move = moves[name];
        expect(move.grams).toBeLessThanOrEqual(moves.stayed.grams);
        expect(moves.best.grams).toBeLessThanOrEqual(move.grams);
        expect(move.startMs).toBeGreaterThanOrEqual(load.startMs);
        expect(move.startMs).toBeLessThanOrEqual(load.startMs + slack * WINDOW_MS);
        expect(chargeAt(load, move, tablesOf(values)).grams).toBe(move.grams);
      }
    }),
  );
});

test('more slack and more zones never save less', () => {
  fc.assert(
    fc.property(booked, series, slackWindows, slackWindows, others, (energies, values, a, b, gridZones) => {
      const [less, more] = [Math.min(a, b), Math.max(a, b)];
      const few = ask(energies, values, less, gridZones.slice(1));
      if (few === null) return;
      for (const many of [
        ask(energies, values, more, gridZones.slice(1)),
        ask(energies, values, less, gridZones),
      ])
        expect(many!.best.grams).toBeLessThanOrEqual(few.best.grams);
    }),
  );
});

test('where nothing changes nothing is saved, and the load stays where it was', () => {
  const flat = fc.double({ min: 0, max: 900, noNaN: true }).map((value) => {
    const same = Array.from({ length: WINDOWS }, () => value);
    return { DE: same, FR: same, 'SE-SE3': same, PL: same };
  });
  fc.assert(
    fc.property(booked, flat, slackWindows, others, (energies, values, slack, gridZones) => {
      const moves = ask(energies, values, slack, gridZones)!;
      expect(moves.best).toEqual(moves.stayed);
      expect(moves.best).toMatchObject({ gridZone: null, startMs: loadOf(energies).load.startMs });
    }),
  );
});

test('moving changes neither the energy nor what the facility drew', () => {
  const one = Array.from({ length: WINDOWS }, () => 1);
  const ones = { DE: one, FR: one, 'SE-SE3': one, PL: one };
  fc.assert(
    fc.property(booked, slackWindows, fc.constantFrom(null, ...ZONES), (energies, shift, gridZone) => {
      const { book, load } = loadOf(energies);
      const startMs = load.startMs + shift * WINDOW_MS;
      const { grams, byGridKind, unknownMillijoules } = chargeAt(load, { startMs, gridZone }, tablesOf(ones));
      const whole = energies.reduce((sum, { energyMillijoules }) => sum + BigInt(energyMillijoules), 0n);
      expect(book.energyMillijoules).toBe(whole);
      expect(BigInt(byGridKind.measured)).toBe(whole);
      expect(unknownMillijoules).toBe(0);
      close(
        grams,
        energies.reduce((sum, { energyMillijoules: e, pueRatio }) => sum + e * pueRatio, 0) /
          MILLIJOULES_PER_KWH,
      );
    }),
  );
});

test('sums over loads are the sums of what each saved, and shares are of the energy', () => {
  fc.assert(
    fc.property(fc.array(booked, { maxLength: 5 }), series, slackWindows, (loads, values, slack) => {
      const sums = new MovedSums();
      const all: Moves[] = [];
      for (const energies of loads) {
        const { book, load } = loadOf(energies);
        const moves = ask(energies, values, slack, ['PL']);
        if (moves === null) continue;
        all.push(moves);
        const tableOf = tablesOf(values);
        const [stayed, best] = [moves.stayed, moves.best].map((move) => chargeAt(load, move, tableOf));
        sums.add({
          book,
          load,
          moves,
          stayed: stayed!,
          best: best!,
          forecastGrams: all.length > 1 ? moves.stayed.grams + 1 : null,
        });
      }
      const figures = sums.toFigures();
      expect(figures.jobs).toBe(all.length);
      close(
        figures.savedGrams,
        all.reduce((sum, { stayed, best }) => sum + stayed.grams - best.grams, 0),
      );
      close(figures.savedGrams, figures.emittedGrams - figures.bestGrams);
      for (const kinds of [figures.gridKinds, figures.bestGridKinds, figures.energyKinds]) {
        const sum = Object.values(kinds).reduce((total, share) => total + share, 0);
        close(sum, figures.energyKwh > 0 ? 1 : 0);
      }
      const forecast = all.length > 1 ? { jobs: all.length - 1 } : null;
      if (forecast === null) expect(figures.withForecast).toBeNull();
      else {
        expect(figures.withForecast!.jobs).toBe(forecast.jobs);
        close(figures.withForecast!.savedGrams, -forecast.jobs);
      }
    }),
  );
});

test('what it takes is known before: windows with energy x starts x zones', () => {
  const { load } = loadOf([
    { window: 0, gridZone: 'DE', energyMillijoules: 1, pueRatio: 1 },
    { window: 9, gridZone: 'DE', energyMillijoules: 1, pueRatio: 1 },
    { window: 9, gridZone: 'FR', energyMillijoules: 1, pueRatio: 1 },
    { window: 11, gridZone: 'FR', energyMillijoules: 0, pueRatio: 1 },
  ]);
  expect(load.windowCount).toBe(12);
  expect(workOf({ load, latestStartMs: load.startMs + 4 * WINDOW_MS, gridZones: ['PL'] })).toBe(3 * 5 * 2);
});
