import { expect, test } from 'vitest';
import { adjustmentOf, isNothing, withAdjustments } from '../../../shared/emissions/adjustment.ts';
import { FigureSums, type Figures } from '../../../shared/emissions/figures.ts';

const NONE = new FigureSums().toFigures();
const figures = (rest: Partial<Figures>): Figures => ({ ...NONE, ...rest });
const network = (energyKwh: number, operationalGrams: number) => ({
  ...NONE.overheads,
  network: { energyKwh, operationalGrams },
});

test('an adjustment has every sum of a figure, water and overheads too', () => {
  const then = figures({ waterLitresSite: 10, overheads: network(1, 100), lowUtilizationGrams: 5 });
  const now = figures({ waterLitresSite: 12.5, overheads: network(1.5, 90), lowUtilizationGrams: 6 });
  const adjustment = adjustmentOf(then, now);
  expect(adjustment).toMatchObject({
    waterLitresSite: 2.5,
    waterLitresGrid: null,
    lowUtilizationGrams: 1,
    overheads: { network: { energyKwh: 0.5, operationalGrams: -10 }, host: null },
  });
  expect(isNothing(adjustment, now)).toBe(false);
  expect(adjustmentOf(withAdjustments(then, [adjustment]), now)).toMatchObject({
    waterLitresSite: 0,
    overheads: { network: { energyKwh: 0, operationalGrams: 0 } },
  });
});

test('what becomes known, or is taken back, is a difference from nothing; what nobody says stays unknown', () => {
  const known = figures({ waterLitresGrid: 3, overheads: network(1, 2) });
  expect(adjustmentOf(NONE, known)).toMatchObject({
    waterLitresGrid: 3,
    overheads: { network: { energyKwh: 1, operationalGrams: 2 } },
  });
  expect(adjustmentOf(known, NONE)).toMatchObject({
    waterLitresGrid: -3,
    overheads: { network: { energyKwh: -1, operationalGrams: -2 } },
  });
  expect(isNothing(adjustmentOf(NONE, NONE), NONE)).toBe(true);
});

test.each([
  ['water', { waterLitresSite: 1 }],
  ['an overhead', { overheads: network(0, 1) }],
  ['a millijoule', { lowUtilizationEnergyKwh: 1 / 3.6e9 }],
])('%s alone is something', (_, rest) => {
  const now = figures(rest);
  expect(isNothing(adjustmentOf(NONE, now), now)).toBe(false);
});

test('what was booked before a sum existed lacks it, and changes nothing there', () => {
  const then = figures({ waterLitresSite: 1, energyKwh: 1 });
  expect(withAdjustments(then, [{ energyKwh: 1 }])).toMatchObject({ energyKwh: 2, waterLitresSite: 1 });
});
