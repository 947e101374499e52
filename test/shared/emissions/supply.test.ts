/** Laws of market accounting: contracts cover what they are for, no more than was used, and all questions agree. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contractsTouching, type SupplyContract, SupplyPlan } from '../../../shared/emissions/supply.ts';
import { DAY_MS, WINDOW_MS } from '../../../shared/time/window.ts';

const START_MS = Date.UTC(2024, 0, 1);
const DAYS = 20;
const ZONES: Readonly<Record<string, string>> = { a: 'DE', b: 'DE', c: 'FR' };

interface Use {
  readonly siteId: string;
  readonly startMs: number;
  readonly kwh: number;
}

const uses = fc.array(
  fc.record({
    siteId: fc.constantFrom('a', 'b', 'c'),
    startMs: fc
      .integer({ min: 0, max: (DAYS * DAY_MS) / WINDOW_MS - 1 })
      .map((i) => START_MS + i * WINDOW_MS),
    kwh: fc.double({ min: 0, max: 100, noNaN: true }),
  }),
  { maxLength: 40 },
);

const contract = fc
  .record({
    siteId: fc.constantFrom('a', 'b', 'c'),
    kwh: fc.double({ min: 0.001, max: 500, noNaN: true }),
    from: fc.integer({ min: 0, max: DAYS - 1 }),
    days: fc.integer({ min: 1, max: 10 }),
    wide: fc.boolean(),
    gramsPerKwh: fc.constantFrom(0, 30),
  })
  .map(({ siteId, kwh, from, days, wide, gramsPerKwh }) => (id: number): SupplyContract => {
    const fromMs = START_MS + from * DAY_MS;
    return {
      id: `contract-${id}`,
      siteId,
      kind: 'certificate',
      kwh,
      fromMs,
      toMs: fromMs + days * DAY_MS,
      gridZone: wide ? ZONES[siteId]! : null,
      gramsPerKwh,
      source: 'test',
    };
  });
const contracts = fc.array(contract, { maxLength: 6 }).map((makers) => makers.map((make, i) => make(i)));

function spread(given: readonly SupplyContract[], used: readonly Use[]) {
  const plan = new SupplyPlan(given);
  for (const { siteId, startMs, kwh } of used) plan.add(siteId, ZONES[siteId]!, startMs, kwh);
  const result = plan.spread();
  const shareOf = ({ siteId, startMs }: Use) => plan.shareAt(siteId, ZONES[siteId]!, startMs);
  return { result, shareOf };
}

const inScope = (each: SupplyContract, { siteId, startMs }: Use) =>
  startMs >= each.fromMs &&
  startMs < each.toMs &&
  (each.gridZone === null ? each.siteId === siteId : ZONES[siteId] === each.gridZone);
const sum = <T>(items: readonly T[], value: (item: T) => number) =>
  items.reduce((total, item) => total + value(item), 0);
const close = (actual: number, expected: number) =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected)));

test('what contracts cover is what windows are covered with, in kWh and in grams, and never above consumption', () => {
  fc.assert(
    fc.property(contracts, uses, (given, used) => {
      const { result, shareOf } = spread(given, used);
      close(
        sum(used, (use) => use.kwh * shareOf(use).share),
        sum(result, ({ usedKwh }) => usedKwh),
      );
      close(
        sum(used, (use) => use.kwh * shareOf(use).gramsPerKwh),
        sum(result, (each) => each.usedKwh * each.contract.gramsPerKwh),
      );
      for (const use of used) {
        const { share } = shareOf(use);
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1 + 1e-12);
        if (!given.some((each) => inScope(each, use))) expect(share).toBe(0);
      }
    }),
    { numRuns: 300 },
  );
});

test('a contract is used up, or everything within its vintage and boundary is covered', () => {
  fc.assert(
    fc.property(contracts, uses, (given, used) => {
      const { result, shareOf } = spread(given, used);
      for (const { contract: each, usedKwh, unusedKwh } of result) {
        expect(usedKwh).toBeGreaterThanOrEqual(0);
        close(usedKwh + unusedKwh, each.kwh);
        const scope = used.filter((use) => inScope(each, use));
        expect(usedKwh).toBeLessThanOrEqual(sum(scope, ({ kwh }) => kwh) * (1 + 1e-12));
        if (unusedKwh > 1e-9) for (const use of scope) close(shareOf(use).share, 1);
      }
    }),
    { numRuns: 300 },
  );
});

test('windows that the same contracts cover have the same share: pro rata, not first come first served', () => {
  fc.assert(
    fc.property(contracts, uses, (given, used) => {
      const { shareOf } = spread(given, used);
      const scopeOf = (use: Use) => given.map((each) => inScope(each, use)).join();
      for (const use of used)
        for (const other of used)
          if (scopeOf(use) === scopeOf(other)) close(shareOf(use).share, shareOf(other).share);
    }),
    { numRuns: 100 },
  );
});

test('contracts that share no consumption with the time asked for change nothing in it', () => {
  fc.assert(
    fc.property(contracts, uses, fc.integer({ min: 0, max: DAYS - 1 }), (given, used, day) => {
      const fromMs = START_MS + day * DAY_MS;
      const toMs = fromMs + DAY_MS;
      const whole = spread(given, used);
      const part = spread(contractsTouching(given, fromMs, toMs), used);
      for (const use of used)
        if (use.startMs >= fromMs && use.startMs < toMs)
          close(part.shareOf(use).share, whole.shareOf(use).share);
    }),
    { numRuns: 200 },
  );
});

test('a full cover is whole, however the shares round', () => {
  const one = (id: string, kwh: number): SupplyContract => ({
    id,
    siteId: 'a',
    kind: 'ppa',
    kwh,
    fromMs: START_MS,
    toMs: START_MS + DAY_MS,
    gridZone: null,
    gramsPerKwh: 12,
    source: 'test',
  });
  const { shareOf, result } = spread(
    [one('first', 0.1), one('second', 0.2), one('third', 5)],
    [{ siteId: 'a', startMs: START_MS, kwh: 0.3 }],
  );
  expect(shareOf({ siteId: 'a', startMs: START_MS, kwh: 0.3 }).share).toBe(1);
  expect(result.map(({ contract: { id } }) => id)).toEqual(['first', 'second', 'third']);
  expect(result[2]!.unusedKwh).toBeCloseTo(5, 12);
});
