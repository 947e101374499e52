import fc from 'fast-check';
import { expect, test } from 'vitest';
import { beganMs, type Lifetime, YEAR_MS } from '../../../shared/embodied/amortization.ts';
import {
  activeHoursAmounts,
  immediateAmounts,
  isFullyAmortized,
  type PartAmounts,
  straightLineAmounts,
  type Totals,
} from '../../../shared/embodied/views.ts';

const START_MS = Date.UTC(2024, 0, 1);
const HOUR_MS = 3_600_000;
/** A whole 8-GPU server. */
const GRAMS = 8_262_700;
const MILLIGRAM = 1e-3;
const ALWAYS = [{ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }];
const END_MS = START_MS + 40 * YEAR_MS;
const FOUR_YEARS: readonly Lifetime[] = [{ fromMs: 0, years: 4 }];
const part = { inServiceMs: START_MS, outOfServiceMs: null, movedTo: null };

/** Shares of a whole. */
const ONE: Totals = [{ fromMs: 0, value: 1 }];

const instant = fc.integer({ min: START_MS, max: START_MS + 12 * YEAR_MS });
const lifetimes = fc
  .array(fc.record({ fromMs: instant, years: fc.integer({ min: 1, max: 8 }) }), { maxLength: 4 })
  .map((list) => [{ fromMs: 0, years: 4 }, ...list.sort((a, b) => a.fromMs - b.fromMs)]);
const told = ({ accruedSoFar, brought, remaining, writtenOff, carriedAway }: PartAmounts) =>
  accruedSoFar + brought! + remaining! + writtenOff! + carriedAway!;

test('over a lifetime the straight line sums to the total to the milligram, in any split of time', () => {
  fc.assert(
    fc.property(lifetimes, fc.array(instant, { maxLength: 30 }), (changes, cuts) => {
      const edges = [START_MS, ...cuts.sort((a, b) => a - b), END_MS];
      const ranges = edges.slice(1).map((toMs, i) => ({ fromMs: edges[i]!, toMs }));
      const grams = ranges
        .filter(({ fromMs, toMs }) => fromMs < toMs)
        .reduce(
          (sum, range) => sum + GRAMS * straightLineAmounts(part, ONE, changes, ALWAYS, range).accrued,
          0,
        );
      expect(Math.abs(grams - GRAMS)).toBeLessThan(MILLIGRAM);
    }),
  );
});

test('so does immediate, in one of the ranges', () => {
  fc.assert(
    fc.property(fc.array(instant, { minLength: 1, maxLength: 30 }), instant, (cuts, inServiceMs) => {
      const edges = [START_MS, ...cuts.sort((a, b) => a - b), END_MS];
      const shares = edges
        .slice(1)
        .map(
          (toMs, i) => immediateAmounts({ ...part, inServiceMs }, ONE, { fromMs: edges[i]!, toMs }).accrued,
        );
      expect(shares.filter((share) => share === 1)).toHaveLength(1);
      expect(shares.reduce((a, b) => a + b, 0)).toBe(1);
    }),
  );
});

test('a part that goes from node to node accrues in all of them together what it would in one', () => {
  const moves = fc.uniqueArray(instant, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(lifetimes, moves, (changes, at) => {
      const edges = [START_MS, ...at.filter((ms) => ms > START_MS).sort((a, b) => a - b)];
      const range = { fromMs: START_MS, toMs: END_MS };
      const stays = edges.map((inServiceMs, i) => ({
        inServiceMs,
        outOfServiceMs: edges[i + 1] ?? null,
        agesFromMs: i === 0 ? null : START_MS,
        movedTo: i + 1 < edges.length ? 2 : null,
      }));
      const shares = stays.map((stay) => straightLineAmounts(stay, ONE, changes, ALWAYS, range));
      const grams = shares.reduce((sum, { accrued }) => sum + GRAMS * accrued, 0);
      expect(Math.abs(grams - GRAMS)).toBeLessThan(MILLIGRAM);
      for (const each of shares) expect(told(each)).toBeCloseTo(1, 9);
      expect(stays.map(beganMs)).toEqual(stays.map(() => START_MS));
    }),
  );
});

test('what accrued, is left, was written off, came along and went on are the whole at any time', () => {
  const anyPart = fc
    .tuple(instant, fc.option(instant), fc.option(fc.integer({ min: 0, max: 3 * YEAR_MS })), fc.boolean())
    .map(([inServiceMs, out, ageMs, moved]) => ({
      inServiceMs,
      outOfServiceMs: out === null ? null : Math.max(out, inServiceMs),
      agesFromMs: ageMs === null ? null : inServiceMs - ageMs,
      movedTo: moved && out !== null ? 2 : null,
    }));
  const presence = fc
    .uniqueArray(instant, { minLength: 2, maxLength: 6 })
    .map((edges) => edges.sort((a, b) => a - b))
    .map((edges) =>
      edges.flatMap((fromMs, i) => (i % 2 === 0 ? [{ fromMs, toMs: edges[i + 1] ?? END_MS }] : [])),
    );
  fc.assert(
    fc.property(anyPart, lifetimes, presence, instant, (each, changes, inFleet, toMs) => {
      fc.pre(toMs > START_MS);
      const shares = straightLineAmounts(each, ONE, changes, inFleet, { fromMs: START_MS, toMs });
      if (each.inServiceMs >= toMs || inFleet[0]!.fromMs >= toMs) return;
      expect(told(shares)).toBeCloseTo(1, 9);
      for (const share of [shares.accruedSoFar, shares.brought, shares.remaining, shares.writtenOff])
        expect(share).toBeGreaterThanOrEqual(-1e-12);
    }),
  );
});

test('past its lifetime a part adds nothing and says so; one that leaves early leaves a remainder', () => {
  const late = { fromMs: START_MS + 4 * YEAR_MS, toMs: START_MS + 5 * YEAR_MS };
  expect(straightLineAmounts(part, ONE, FOUR_YEARS, ALWAYS, late)).toMatchObject({
    accrued: 0,
    accruedSoFar: 1,
    remaining: 0,
    writtenOff: 0,
  });
  expect(isFullyAmortized(part, FOUR_YEARS, late.toMs)).toBe(true);
  const retired = { ...part, outOfServiceMs: START_MS + YEAR_MS };
  expect(straightLineAmounts(retired, ONE, FOUR_YEARS, ALWAYS, late)).toMatchObject({
    accrued: 0,
    accruedSoFar: 0.25,
    remaining: 0,
    writtenOff: 0.75,
  });
  expect(isFullyAmortized(retired, FOUR_YEARS, late.toMs)).toBe(false);
});

/** A stay of a part in one node after another, and back: node by node, with its absences. */
const wanderings = fc
  .uniqueArray(instant, { minLength: 1, maxLength: 7 })
  .map((at) => [START_MS, ...at.filter((ms) => ms > START_MS).sort((a, b) => a - b)]);

test('a part that goes back and forth between two nodes accrues in both together what it would in one', () => {
  fc.assert(
    fc.property(lifetimes, wanderings, instant, (changes, edges, toMs) => {
      fc.pre(toMs > START_MS);
      const stays = edges.map((fromMs, i) => [fromMs, edges[i + 1] ?? null] as const);
      const nodes = [0, 1].flatMap((node) => {
        const own = stays.filter((_, i) => i % 2 === node);
        const [first] = own;
        if (first === undefined) return [];
        return [
          {
            inServiceMs: first[0],
            outOfServiceMs: own.at(-1)![1],
            agesFromMs: node === 0 ? null : START_MS,
            movedTo: own.at(-1)![1] === null ? null : 2,
            absences: own.slice(1).map(([backMs], i) => [own[i]![1]!, backMs] as const),
          },
        ];
      });
      const amounts = nodes.map((each) =>
        straightLineAmounts(each, ONE, changes, ALWAYS, { fromMs: START_MS, toMs }),
      );
      const alone = straightLineAmounts(part, ONE, changes, ALWAYS, { fromMs: START_MS, toMs });
      const here = amounts.filter((_, i) => nodes[i]!.inServiceMs < toMs);
      expect(amounts.reduce((sum, { accruedSoFar }) => sum + accruedSoFar, 0)).toBeCloseTo(
        alone.accruedSoFar,
        9,
      );
      for (const each of here) expect(told(each)).toBeCloseTo(1, 9);
    }),
  );
});

test('of a total that is another from dates on, each share has the one that held: over a life they sum to what it tells', () => {
  const totals = fc
    .uniqueArray(instant, { maxLength: 4 })
    .chain((dates) =>
      fc.tuple(
        fc.constant(dates.sort((a, b) => a - b)),
        fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 5, maxLength: 5 }),
      ),
    )
    .map(([dates, values]): Totals => [0, ...dates].map((fromMs, i) => ({ fromMs, value: values[i]! })));
  fc.assert(
    fc.property(totals, lifetimes, fc.array(instant, { maxLength: 8 }), (each, changes, cuts) => {
      const edges = [START_MS, ...cuts.sort((a, b) => a - b), END_MS];
      const ranges = edges
        .slice(1)
        .map((toMs, i) => ({ fromMs: edges[i]!, toMs }))
        .filter(({ fromMs, toMs }) => fromMs < toMs);
      const amounts = ranges.map((range) => straightLineAmounts(part, each, changes, ALWAYS, range));
      const { whole } = amounts[0]!;
      expect(amounts.reduce((sum, { accrued }) => sum + accrued, 0)).toBeCloseTo(whole, 6);
      for (const amount of amounts) expect(told(amount)).toBeCloseTo(whole, 6);
      expect(whole).toBeLessThanOrEqual(Math.max(...each.map(({ value }) => value)) + 1e-9);
      expect(whole).toBeGreaterThanOrEqual(Math.min(...each.map(({ value }) => value)) - 1e-9);
    }),
  );
  const half: Totals = [
    { fromMs: 0, value: 100 },
    { fromMs: START_MS + 2 * YEAR_MS, value: 300 },
  ];
  const year = (n: number) => ({ fromMs: START_MS + n * YEAR_MS, toMs: START_MS + (n + 1) * YEAR_MS });
  expect(
    [0, 1, 2, 3].map((n) => straightLineAmounts(part, half, FOUR_YEARS, ALWAYS, year(n)).accrued),
  ).toEqual([25, 25, 75, 75]);
  expect(immediateAmounts(part, half, year(0))).toMatchObject({ whole: 100, accrued: 100 });
  expect(activeHoursAmounts(half, YEAR_MS, 4, 0.5)).toMatchObject({ whole: 300, accrued: 150 });
});

test('clocks that are put forward or back change nothing: every day of the year accrues the same', () => {
  const days = Array.from({ length: 366 }, (_, day) => START_MS + day * 24 * HOUR_MS);
  const shares = days.map(
    (fromMs) =>
      straightLineAmounts(part, ONE, FOUR_YEARS, ALWAYS, { fromMs, toMs: fromMs + 24 * HOUR_MS }).accrued,
  );
  expect(new Set(shares.map((share) => share.toFixed(15))).size).toBe(1);
});

test('the embodied emissions of BLOOM: 7.57 t of servers and 3.64 t of GPUs, 11.2 t', () => {
  // Luccioni, Viguier, Ligozat: Estimating the Carbon Footprint of BLOOM, JMLR 24(253), 2023, section 4.1.
  const gpuHours = 1_082_990;
  const tonnes = (kilograms: number, hours: number) =>
    (kilograms * activeHoursAmounts(ONE, hours * HOUR_MS, 6, 0.85).accrued) / 1_000;
  const servers = tonnes(2_500, gpuHours / 8);
  const gpus = tonnes(150, gpuHours);
  expect(servers).toBeCloseTo(7.575, 3);
  expect(gpus).toBeCloseTo(3.636, 3);
  expect((servers + gpus).toFixed(1)).toBe('11.2');
  // 11.2 t of 50.5 t: 22 %.
  expect(((servers + gpus) / (servers + gpus + 24.69 + 14.6)).toFixed(2)).toBe('0.22');
});

test('active hours sum to the total where the part is as busy as expected, and only there', () => {
  const busy = (utilization: number) =>
    activeHoursAmounts(ONE, 6 * YEAR_MS * utilization, 6, 0.85).accruedSoFar;
  expect(busy(0.85)).toBeCloseTo(1, 12);
  expect(busy(0.4)).toBeCloseTo(0.4 / 0.85, 12);
  expect(activeHoursAmounts(ONE, HOUR_MS, 6, 0.85)).toMatchObject({ remaining: null, writtenOff: null });
});
